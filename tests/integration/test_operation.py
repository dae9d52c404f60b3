"""Running a gateway: health, metrics, log, reload, stopping, and what a kill leaves behind."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import MASKS, RULES, target
from tests.support.gateway import PEOPLE, Gateway, Plan, running_gateway, start_gateway, wait_for
from tests.support.programs import program, run
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.verification import verify_folder

BENCH = "operated"


def plan(house: House, rules: str = RULES, masks: str = MASKS, more: str = "", **options: Any) -> Plan:
    targets = target("shop", house.server, house.database, LOGIN, ['databases = ["*"]'])
    return Plan(targets + more + rules + masks, {"TARGET_PASSWORD": PASSWORD}, **options)


@pytest.fixture
def gateway(house: House, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway of the test's own."""
    with running_gateway(tmp_path / "gateway", plan(house)) as running:
        yield running


def connect(gateway: Gateway, who: str = "ci", more: str = "sslmode=disable") -> psycopg.Connection[Any]:
    return psycopg.connect(gateway.dsn("shop", who, more=more), autocommit=True)


# -- looking at it -----------------------------------------------------------------------------------------------------


def metric(gateway: Gateway, name: str, *labels: str) -> float:
    text = gateway.api("GET", "/metrics").body.decode()
    lines = [line for line in text.splitlines() if line.startswith(name) and all(each in line for each in labels)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_health_and_metrics_tell_of_sessions_and_decisions(gateway: Gateway) -> None:
    assert gateway.api("GET", "/healthz").status == 200
    with connect(gateway) as connection, connect(gateway, "bob"):
        connection.execute("select 1")
        with pytest.raises(psycopg.Error):
            connection.execute("truncate orders")
        assert metric(gateway, "hoop_sessions_open", 'target="shop"') == 2
        assert metric(gateway, "hoop_commands_total", 'decision="allow"') >= 1
        assert metric(gateway, "hoop_commands_total", 'decision="deny"') == 1
        assert metric(gateway, "hoop_decision_seconds_count") >= 2
    wait_for(lambda: metric(gateway, "hoop_sessions_open") == 0, "the end of both")
    assert metric(gateway, "hoop_sessions_total", 'outcome="closed"') == 2
    assert metric(gateway, "hoop_recording_entries_total") >= 3
    assert metric(gateway, "hoop_logins_total", 'result="ok"') == 2
    with pytest.raises(psycopg.OperationalError):
        connect(gateway, "token-of-nobody")
    assert metric(gateway, "hoop_logins_total", 'result="failed"') == 1


def test_the_api_lists_sessions(gateway: Gateway) -> None:
    with connect(gateway, "ann") as connection:
        connection.execute("select 1")
        mine = gateway.api("GET", "/v1/sessions", "ann").json["sessions"]
        assert [(s["target"], s["state"], s["subject"]) for s in mine] == [("shop", "live", "ann")]
        assert gateway.api("GET", "/v1/sessions", "ci").json["sessions"] == []
        assert len(gateway.api("GET", "/v1/sessions", "carol").json["sessions"]) == 1
    wait_for(
        lambda: gateway.api("GET", "/v1/sessions", "ann").json["sessions"][0]["outcome"] == "closed",
        "the closed session",
    )


def test_the_log_is_json_and_has_no_secrets(gateway: Gateway) -> None:
    """R7, R11: what a client sends does not make lines of its own."""
    token = gateway.ring.token("gus", groups=["ci"])
    with connect(gateway, token, "sslmode=disable application_name='x\nforged: line'") as connection:
        connection.execute("select 1")
    for password in ("wrong-secret-of-somebody", "line\nforged"):
        with pytest.raises(psycopg.OperationalError):
            connect(gateway, password)
    lines = wait_for(lambda: [e for e in gateway.lines() if "session ended" in str(e["message"])], "the log")
    assert lines[0]["target"] == "shop"
    text = (gateway.folder / "log").read_text()
    assert not [each for each in (token, "wrong-secret", PASSWORD, "token-of-") if each in text]
    assert all({"time", "level", "message"} <= set(each) for each in gateway.lines())


# -- changing it -------------------------------------------------------------------------------------------------------

DENY_ALL = """
[[rules]]
name = "closed-now"
effect = "deny"
reason = "closed for today"
classes = ["read"]
"""


def test_R13_a_reload_holds_for_sessions_that_are_open(house: House, gateway: Gateway) -> None:
    """Rules change under a prepared statement; a broken file changes nothing."""
    sql = "select city from customers where id = %s"
    with connect(gateway) as connection:
        assert connection.execute(sql, (1,), prepare=True).fetchone() == ("Zurich",)
        old = gateway.ready["policy"]
        gateway.reload(plan(house, DENY_ALL + RULES))
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="closed for today"):
            connection.execute(sql, (1,), prepare=True)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="closed for today"):
            connection.execute("select 1")
        gateway.reload(plan(house, DENY_ALL + RULES, more="nonsense = \n"), "was not reloaded")
        unknown = '[[rules]]\nname = "x"\neffect = "allow"\ncolour = 1\n'
        gateway.reload(plan(house, DENY_ALL + RULES + unknown), "was not reloaded")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="closed for today"):
            connection.execute("select 1")
        told = gateway.reload(plan(house))
        assert told["policy"] == old
        assert connection.execute(sql, (1,), prepare=True).fetchone() == ("Zurich",)
    wait_for(lambda: all(s.state == "closed" for s in gateway.library.list()), "the recording")
    judged = [
        e for s in gateway.library.list() for e in gateway.library.read(s.id) if e["kind"] in ("command", "refused")
    ]
    assert [e["kind"] for e in judged] == ["command", "refused", "refused", "refused", "command"]
    assert len({e["policy"] for e in judged}) == 2


def test_R13_masks_that_are_added_hold_at_once(house: House, gateway: Gateway) -> None:
    """A session that began under other masks ends rather than show what is hidden now."""
    sql = "select city from customers where id = %s"
    with connect(gateway) as connection, connect(gateway) as idle:
        assert connection.execute(sql, (1,), prepare=True).fetchone() == ("Zurich",)
        gateway.reload(plan(house, masks=MASKS.replace(r".*\.ssn", r".*\.city")))
        for each in (connection, idle):
            with pytest.raises(psycopg.Error) as caught:
                each.execute(sql, (1,), prepare=True)
            assert caught.value.sqlstate == "57P01"
    with connect(gateway) as connection:
        assert connection.execute(sql, (1,)).fetchone() == ("*****",)


def test_R13_reloads_under_load_disturb_nobody(house: House, gateway: Gateway) -> None:
    """Rules come and go while pgbench runs; its statements are allowed by all of them."""
    house.server.run(f"create database reloaded owner {LOGIN}")
    environ = gateway.environ("shop/reloaded")
    run("pgbench", 18, environ, "-i", "-I", "dtgvp", "-q").well()
    command = [program("pgbench", 18), "-n", "-c", "4", "-T", "4", "-M", "extended"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environ, **pipes) as load:  # type: ignore[call-overload]
        reloads = 0
        while load.poll() is None:
            more = DENY_ALL.replace('classes = ["read"]', 'classes = ["administration"]') if reloads % 2 else ""
            gateway.reload(plan(house, more + RULES))
            reloads += 1
        out = load.stdout.read()
    assert load.returncode == 0, out
    assert "number of failed transactions: 0" in out
    assert reloads > 3


def test_I9_a_reload_ends_sessions_of_people_who_are_gone(house: House, gateway: Gateway) -> None:
    with connect(gateway, "ann") as connection, connect(gateway, "ci") as other:
        connection.execute("select 1")
        people = {name: about for name, about in PEOPLE.items() if name != "ann"}
        gateway.reload(plan(house, people=people))

        def gone() -> str:
            try:
                connection.execute("select 1")
            except psycopg.Error as error:
                return str(error.sqlstate)
            return ""

        assert wait_for(gone, "the end of the session") == "57P01"
        with pytest.raises(psycopg.OperationalError):
            connect(gateway, "ann")
        assert other.execute("select 1").fetchone() == (1,)


def test_A5_a_rule_that_changes_while_people_think(house: House, gateway: Gateway) -> None:
    """What was approved under other rules is decided again, and refused."""
    with connect(gateway, "ann") as connection:
        errors: list[psycopg.Error] = []

        def work() -> None:
            try:
                connection.execute("insert into held_rows values (77, 'rules change')")
            except psycopg.Error as error:
                errors.append(error)

        waiting = threading.Thread(target=work)
        waiting.start()
        request = gateway.pending("rules change")
        gateway.reload(plan(house, '[[rules]]\nname = "no-held"\neffect = "deny"\ntables = ["held_rows"]\n' + RULES))
        gateway.decide(request["id"])
        waiting.join(30)
        assert [e.sqlstate for e in errors] == ["42501"]
    assert house.server.run("select count(*) from held_rows where id = 77", house.database) == [(0,)]


# -- stopping it -------------------------------------------------------------------------------------------------------


def test_a_graceful_stop_lets_statements_finish(gateway: Gateway) -> None:
    """SIGTERM: nobody new, what runs finishes, idle sessions are told 57P01, recordings are closed and signed."""
    with connect(gateway) as busy, connect(gateway) as idle:
        found: list[Any] = []
        running = threading.Thread(target=lambda: found.append(busy.execute("select pg_sleep(1), 'done'").fetchone()))
        running.start()
        time.sleep(0.3)
        gateway.terminate()
        running.join(20)
        assert found == [("", "done")]
        gateway.process.wait(20)
        with pytest.raises(psycopg.OperationalError) as caught:
            idle.execute("select 1")
        assert caught.value.sqlstate == "57P01"
    with pytest.raises(psycopg.OperationalError):
        connect(gateway)
    assert {s.outcome for s in gateway.library.list()} == {"ended"}
    report = verify_folder(gateway.state / "recordings", public_keys(gateway.state))
    assert report.ok, report


def test_a_statement_that_takes_too_long_does_not_hold_a_stop_up(house: House, tmp_path: Path) -> None:
    with (
        running_gateway(tmp_path / "gateway", plan(house, stop_timeout="1s")) as gateway,
        connect(gateway) as connection,
    ):
        failed: list[psycopg.Error] = []

        def work() -> None:
            try:
                connection.execute("select pg_sleep(60)")
            except psycopg.Error as error:
                failed.append(error)

        running = threading.Thread(target=work)
        running.start()
        time.sleep(0.3)
        gateway.stop()
        running.join(20)
        assert [e.sqlstate for e in failed] == ["57P01"]


def test_R5_a_kill_in_the_middle_of_load_loses_nothing_acknowledged(house: House, tmp_path: Path) -> None:
    """pgbench writes its history; every row of it that was committed through the gateway stands in a recording."""
    house.server.run(f"create database {BENCH} owner {LOGIN}")
    folder = tmp_path / "gateway"
    gateway = start_gateway(folder, plan(house))
    environ = gateway.environ(f"shop/{BENCH}")
    run("pgbench", 18, environ, "-i", "-I", "dtgvp", "-q").well()
    command = [program("pgbench", 18), "-n", "-c", "4", "-T", "30", "-M", "prepared"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    load = subprocess.Popen(command, env=environ, **quiet)  # type: ignore[call-overload]
    try:
        sql = "select count(*) from pgbench_history"
        wait_for(lambda: house.server.run(sql, BENCH)[0][0] >= 200, "two hundred transactions")
        gateway.kill()
        load.wait(30)
    finally:
        load.kill()
    wait_for(lambda: not sessions_at(house, BENCH), "the end of the target's sessions")
    committed = house.server.run("select tid, bid, aid, delta from pgbench_history", BENCH)
    _restarted(house, folder, {"-".join(map(str, row)) for row in committed})


def sessions_at(house: House, database: str) -> int:
    found = house.server.run(f"select count(*) from pg_stat_activity where datname = '{database}'")
    return int(found[0][0])


def _restarted(house: House, folder: Path, committed: set[str]) -> None:
    """Start again where one was killed: recordings are ended as interrupted, whole, and have every committed row."""
    with running_gateway(folder, plan(house)) as gateway:
        cut = [s for s in gateway.library.list(500) if s.outcome == "interrupted"]
        assert len(cut) == 4
        recorded: set[str] = set()
        for each in cut:
            for entry in gateway.library.read(each.id):
                if entry["kind"] == "command" and "INTO pgbench_history" in entry["text"]:
                    recorded.add("-".join(entry["parameters"][:4]))
        assert committed
        assert committed <= recorded
        report = verify_folder(gateway.state / "recordings", public_keys(gateway.state))
        assert report.ok, report
        assert gateway.command("verify", "--state", str(gateway.state)).returncode == 0
        outcomes = {s["outcome"] for s in gateway.api("GET", "/v1/sessions?limit=500", "carol").json["sessions"]}
        assert "interrupted" in outcomes
        with connect(gateway) as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_restart_remembers_approvals(house: House, tmp_path: Path) -> None:
    """A4: granted before a restart, used once after it."""
    folder = tmp_path / "gateway"
    text = "insert into retried_rows values (88, 'restart')"
    with running_gateway(folder, plan(house)) as gateway, connect(gateway, "ann") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text)
        gateway.decide(gateway.pending(text)["id"])
    with running_gateway(folder, plan(house)) as gateway, connect(gateway, "ann") as connection:
        connection.execute(text)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text)
    assert house.server.run("select count(*) from retried_rows where id = 88", house.database) == [(1,)]
