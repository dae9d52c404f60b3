"""The job that deletes by rule."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.support.archive import DAY, Archive, keeps
from tests.support.loop import Loop
from tests.support.recordings import STARTED
from twisted_hoop.archive import lease, retention
from twisted_hoop.archive.holds import Holds
from twisted_hoop.archive.retention import LEASE, SCHEDULE, new_report, run_of, runs
from twisted_hoop.errors import RecordingFailed


@pytest.fixture
def three(archive: Archive) -> Archive:
    archive.rules = [
        keeps("tests", 30, targets=["test-.*"]),
        keeps("for ever", 0, targets=["books"]),
        keeps("rest", 365),
    ]
    archive.record("session-test", target="test-1")
    archive.record("session-shop", target="shop")
    archive.record("session-book", target="books", started=STARTED - 5000 * DAY)
    return archive


def states(archive: Archive) -> list[str]:
    return [archive.kept(f"session-{name}").state for name in ("test", "shop", "book")]


def test_what_is_over_goes_and_the_rest_stays(three: Archive) -> None:
    report = three.run()
    assert (report.state, report.due, report.deleted, report.rules) == ("done", 1, 1, {"tests": 1})
    assert states(three) == ["deleted", "closed", "closed"]
    (told,) = report.told
    assert (told["session"], told["rule"], told["what"]) == ("session-test", "tests", "deleted")
    assert three.run().due == 0
    three.seconds += 365 * DAY
    assert three.run().rules == {"rest": 1} and states(three) == ["deleted", "deleted", "closed"]


def test_a_dry_run_tells_and_touches_nothing(three: Archive, loop: Loop) -> None:
    three.record("session-held", target="test-2")
    loop.run(lambda: Holds(three.office.database, three.now).add("session", "session-held", "case", "i|olga"))
    dry = three.run(dry=True)
    assert (dry.deleted, dry.held, states(three)) == (1, 1, ["closed", "closed", "closed"])
    real = three.run()
    assert (real.deleted, real.held, real.bytes) == (1, 1, dry.bytes)
    assert three.kept("session-held").state == "closed"


def test_live_recordings_are_never_due(archive: Archive) -> None:
    from tests.support.archive import session_at
    from tests.support.recordings import command, recorder
    from twisted_hoop.archive.indexer import read_on

    archive.rules = [keeps("all", 1)]
    recording = recorder(archive.state).open(session_at("session-live"))
    recording.write(command())
    assert not read_on(archive.office.database, archive.library, "session-live")
    assert archive.run().looked == 0 and archive.kept("session-live").state == "live"


def test_one_replica_at_a_time(three: Archive) -> None:
    three.office.database.write_now(lambda c: lease.take(c, LEASE, "replica-2", three.now(), 60.0))
    assert three.run().state == "busy" and states(three)[0] == "closed"
    three.seconds += 61
    assert three.run().deleted == 1, "a replica that died does not stop the others"
    assert three.run(owner="replica-2").state == "done", "and it is given back"


def test_those_of_another_replica_are_left_to_it(three: Archive) -> None:
    path = three.folder / three.kept("session-test").path
    aside = path.with_suffix(".elsewhere")
    path.rename(aside)
    assert three.run().elsewhere == 1 and three.kept("session-test").state == "closed"
    aside.rename(path)
    assert three.run().deleted == 1


def test_what_fails_is_told_and_tried_again(three: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: object) -> str:
        raise RecordingFailed("the disk says no")

    with monkeypatch.context() as context:
        context.setattr("twisted_hoop.archive.removal.data_keys.destroy", fails)
        report = three.run()
    assert (report.failed, report.problems) == (1, ["session-test: the disk says no"])
    three.rules = []
    assert three.run().deleted == 1, "what was begun is ended, whatever the rules say now"


def test_reports_are_kept_but_not_of_nothing(three: Archive) -> None:
    database = three.office.database
    three.retention().run(new_report(SCHEDULE, False, three.now()))
    three.retention().run(new_report(SCHEDULE, False, three.now() + 1))
    asked = three.retention().run(new_report("i|olga", True, three.now() + 2))
    found = database.read_now(lambda connection: runs(connection, 10))
    assert [(each["by"], each["deleted"]) for each in found] == [("i|olga", 0), (SCHEDULE, 1)]
    assert database.read_now(lambda connection: run_of(connection, asked.id)) == asdict(asked)
    assert database.read_now(lambda connection: run_of(connection, "nothing")) is None


def test_many_are_paged(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAGE", 2)
    archive.rules = [keeps("all", 1)]
    for number in range(5):
        archive.record(f"session-000{number}")
    assert archive.run().deleted == 5
