"""psql 17 and 18 and pgbench through the gateway, compared with a direct connection where results must be equal."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.support.gateway import wait_for
from tests.support.programs import program, psql, run

VERSIONS = (17, 18)
SAME = (
    "select id, name, city, created from customers order by id",
    "select count(*), sum(total), avg(total) from orders",
    "select status, count(*) from orders group by 1 order by 1",
    "select * from orders order by id limit 20",
    "select id, service, jsonb_pretty(data) from api_keys order by id",
    "select tableoid::regclass, count(*) from events group by 1 order by 1",
    "table api_keys",
    "select 1 as a, null as b, array[1,2,3] as c, '{\"x\": 1}'::json as d, interval '1 day' as e",
    "values (1, 'one'), (2, 'two')",
    "select generate_series(1, 5)",
    "with t as (select id from orders where total > 500) select count(*) from t",
)


def direct_environ(house: House) -> dict[str, str]:
    environ = house.gateway.environ("shop")
    mine = {"PGPORT": str(house.server.port), "PGUSER": LOGIN, "PGPASSWORD": PASSWORD, "PGDATABASE": house.database}
    return {**environ, **mine}


@pytest.mark.parametrize("version", VERSIONS)
def test_psql_prints_the_same_as_on_a_direct_connection(house: House, version: int) -> None:
    script = ";\n".join(SAME) + ";\n"
    through = psql(version, house.gateway.environ("shop"), script).well()
    assert through == psql(version, direct_environ(house), script).well()
    assert "Ada Lovelace" in through


@pytest.mark.parametrize("version", VERSIONS)
def test_psql_describes_tables_the_same(house: House, version: int) -> None:
    script = "\\d\n\\d customers\n\\d+ orders\n\\dt\n\\dv\n\\dm\n\\di\n\\l\n\\dn\n\\df\n\\du\n\\d+ events\n"
    through = psql(version, house.gateway.environ("shop", "bob"), script).well()
    assert through == psql(version, direct_environ(house), script).well()
    assert "card_number" in through


@pytest.mark.parametrize("version", VERSIONS)
def test_psql_shows_masked_values(house: House, version: int) -> None:
    out = psql(version, house.gateway.environ("shop"), "select card_number, ssn from customers where id = 1").well()
    assert "1111" in out
    assert "4111111111111111" not in out
    assert "734-10-1000" not in out
    clear = psql(version, house.gateway.environ("shop", "bob"), "select card_number from customers where id = 1")
    assert clear.well() == "4111111111111111\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_psql_copies_both_ways(house: House, version: int, tmp_path: Path) -> None:
    source, back = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("".join(f'{n},"row ""{n}"""\n' for n in range(500)))
    table = f"psql_copied_{version}"
    script = f"""create table {table} (id int, text text);
\\copy {table} from '{source}' with (format csv)
\\copy (select * from {table} order by id) to '{back}' with (format csv, force_quote (text))
select count(*) from {table};
drop table {table};
"""
    assert psql(version, house.gateway.environ("shop"), script).well() == "500\n"
    assert back.read_text() == source.read_text()


@pytest.mark.parametrize("version", VERSIONS)
def test_psql_watches_and_loops(house: House, version: int) -> None:
    script = (
        "select 'again' \\watch interval=0.05 count=3\n\\set n 7\nselect :n + 1;\nselect 1 as x \\gset\n\\echo :x\n"
    )
    script += "select 'select ' || g from generate_series(1, 3) g \\gexec\n\\bind 5\nselect $1::int * 2 \\g\n"
    out = psql(version, house.gateway.environ("shop"), script).well()
    assert out.split() == ["again", "again", "again", "8", "1", "1", "2", "3", "10"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refusal_is_an_error_of_one_statement(house: House, version: int) -> None:
    script = "\\set VERBOSITY verbose\ntruncate orders;\nselect count(*) from orders;\n"
    ran = psql(version, house.gateway.environ("shop"), script)
    assert ran.out == "400\n"
    assert "ERROR:  42501: hoop: tables are not emptied here" in ran.err
    assert "no-truncate" in ran.err
    assert "HINT:" in ran.err


def test_psql_pipelines(house: House) -> None:
    script = "\\startpipeline\nselect 1 \\bind \\sendpipeline\nselect $1 \\bind two \\sendpipeline\n\\endpipeline\n"
    assert psql(18, house.gateway.environ("shop"), script).well().split() == ["1", "two"]


@pytest.mark.parametrize("version", VERSIONS)
def test_large_objects_are_refused_with_a_clear_message(house: House, version: int, tmp_path: Path) -> None:
    """P12: psql's lo_import uses the FunctionCall message, which has no SQL text to judge."""
    file = tmp_path / "file"
    file.write_text("content")
    ran = psql(version, house.gateway.environ("shop"), f"\\lo_import {file}\nselect 'alive';\n")
    assert "function call" in ran.err
    assert ran.out == "alive\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_large_objects_work_where_their_functions_are_allowed(house: House, version: int, tmp_path: Path) -> None:
    """P12: `allow_functions` names them one by one, and a rule must allow the class as well."""
    file, back = tmp_path / "file", tmp_path / "back"
    file.write_text("content of a large object")
    script = f"\\lo_import {file}\n\\lo_export :LASTOID {back}\n"
    psql(version, house.gateway.environ("calling", "bob"), script).well()
    assert back.read_text() == file.read_text()


def test_large_objects_are_refused_where_a_mask_holds(house: House, tmp_path: Path) -> None:
    """P12, M8: what a function call returns could not be masked."""
    file = tmp_path / "file"
    file.write_text("content")
    ran = psql(18, house.gateway.environ("calling"), f"\\lo_import {file}\n")
    assert "function call" in ran.err


PGBENCH = (
    ("-S", "-M", "simple"),
    ("-S", "-M", "extended"),
    ("-S", "-M", "prepared"),
    ("-N", "-M", "prepared"),
    ("-C", "-S"),
)


@pytest.mark.parametrize("version", VERSIONS)
def test_pgbench_in_every_mode(house: House, version: int, tmp_path: Path) -> None:
    house.server.run(f"create database bench{version} owner {LOGIN}")
    environ = house.gateway.environ(f"bench/bench{version}")
    run("pgbench", version, environ, "-i", "-I", "dtgvp", "-q").well()
    for mode in PGBENCH:
        out = run("pgbench", version, environ, "-n", "-c", "2", "-t", "20", *mode).well()
        assert "number of transactions actually processed: 40/40" in out
        assert "number of failed transactions: 0" in out
    script = tmp_path / "pipeline.sql"
    lines = "".join(f"select abalance from pgbench_accounts where aid = {n};\n" for n in range(1, 21))
    script.write_text(f"\\startpipeline\n{lines}\\endpipeline\n")
    out = run("pgbench", version, environ, "-n", "-M", "extended", "-f", str(script), "-t", "10").well()
    assert "number of failed transactions: 0" in out


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("statement", ["select pg_sleep(30)", "insert into held_rows values (100, 'ctrl-c {}')"])
def test_control_c_in_psql(house: House, version: int, statement: str) -> None:
    """SIGINT: what runs is cancelled at the target, what waits for people is withdrawn."""
    text = statement.format(version)
    command = [program("psql", version), "-X", "-q", "-At"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environ = house.gateway.environ("shop", "ann", PGAPPNAME=f"ctrl-c-{version}")
    with subprocess.Popen(command, env=environ, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdin is not None
        process.stdin.write(f"{text};\n")
        process.stdin.flush()
        if "held" in text:
            house.gateway.pending(text)
        else:
            running = "select count(*) from pg_stat_activity where query like 'select pg_sleep(30)%'"
            wait_for(lambda: house.server.run(running)[0][0] == 1, "the running statement")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert "canceling statement due to user request" in err
    if "held" in text:
        wait_for(lambda: house.gateway.requests(text, "withdrawn"), "the withdrawal")
