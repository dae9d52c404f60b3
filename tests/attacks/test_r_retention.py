"""Rows R4 and R5: what deletes recordings for good, with clocks that jump and holds that come just then."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.support.approvals import Time, open_office
from tests.support.archive import DAY, Archive, keeps
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.support.recordings import STARTED
from twisted_hoop.archive.holds import Holds
from twisted_hoop.archive.index import find
from twisted_hoop.archive.keeping import compiled
from twisted_hoop.archive.lease import take
from twisted_hoop.archive.query import parse
from twisted_hoop.archive.retention import Retention, new_report
from twisted_hoop.errors import HoopError


def test_R4_nothing_that_was_said_is_left_in_the_store(archive: Archive) -> None:
    """Neither in free pages, nor in the index's lists of words, nor in the log: the key's end would be worth little."""
    archive.record("session-0001", "select 'uniqueword7731' from t", *["select 1"] * 3)
    archive.record("session-0002", *(f"insert into t values ({n}, 'abc{n}')" for n in range(60)))
    files = [*archive.state.parent.glob("hoop.db*")]
    assert sum(file.read_bytes().count(b"uniqueword7731") for file in files) > 1
    archive.rules = [keeps("short", 1, targets=["shop"])]
    archive.record("session-0003", "select 'kept'", target="other")
    assert archive.run().deleted == 2
    found = {file.name: file.read_bytes().count(b"uniqueword7731") for file in files if file.exists()}
    assert found["hoop.db"] == 0 and sum(found.values()) == 0, found
    hits = archive.office.database.read_now(lambda connection: find(connection, parse("kept", 0.0), 5))
    assert [hit.session for hit in hits.items] == ["session-0003"]


@pytest.fixture
def shared(postgres: Server, loop: Loop, tmp_path: Path) -> Iterator[Archive]:
    """An archive on PostgreSQL; its own clock is 100 days ahead of the store's."""
    name = f"r_retention_{tmp_path.name}".lower().replace("-", "_")[:60]
    postgres.create_database(name)
    where = f"{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}"
    office = open_office(f"postgresql+psycopg://{where}/{name}", loop.reactor, Time())
    try:
        yield Archive(office, tmp_path / "state", [keeps("short", 20)])
    finally:
        office.database.stop()


def test_R5_a_clock_that_is_put_forward_deletes_nothing(archive: Archive) -> None:
    """A wrong clock makes everything seem over: the run says why it does nothing, and the dry run says the same."""
    path = archive.record("session-0001")
    archive.rules, archive.seconds = [keeps("short", 365)], STARTED + DAY
    passed = 1000.0
    retention = Retention(
        archive.office.database, archive.remover(), lambda: compiled(archive.rules), archive.now, "r", lambda: passed
    )
    archive.seconds += 40 * 365 * DAY
    for dry in (True, False):
        report = new_report("i|olga", dry, archive.now())
        with pytest.raises(HoopError, match="hours ahead"):
            retention.run(report)
        assert (report.state, report.due) == ("failed", 0) and "hours ahead" in report.problems[0]
    assert path.exists()
    passed += 40 * 365 * DAY
    assert retention.run(new_report("i|olga", False, archive.now())).deleted == 1 and not path.exists()


def test_R5_a_replica_whose_clock_is_ahead_deletes_nothing_early(shared: Archive) -> None:
    """Its own clock has been so from the start; the store's says that not even a day has passed."""
    kept = shared.record("session-0001")
    over = shared.record("session-0002", started=STARTED - 30 * DAY)
    report = shared.run()
    assert (report.state, report.deleted) == ("done", 1) and kept.exists() and not over.exists()


def test_R5_a_replica_whose_clock_is_ahead_takes_no_lease_from_another(shared: Archive) -> None:
    def taken(owner: str, now: float) -> bool:
        return shared.office.database.write_now(lambda connection: take(connection, "work", owner, now, 600.0))

    assert taken("one", STARTED) and not taken("two", STARTED + 100 * DAY) and taken("one", STARTED)


def test_R4_a_hold_that_was_promised_is_kept_while_retention_decides(shared: Archive, loop: Loop) -> None:
    """From when it is promised, nothing it means may still be on its way to be deleted unseen."""
    shared.record("session-0001")
    remover, found, database = shared.remover(), shared.kept("session-0001"), shared.office.database
    claimed, go, seen = threading.Event(), threading.Event(), list[str]()

    def claim(connection: Connection) -> None:
        remover._claim(connection, found, "retention short")
        claimed.set()
        assert go.wait(60)

    def hold() -> None:
        made = loop.run(lambda: Holds(database, shared.now).add("session", "session-0001", "case", "i|olga"))
        assert made.id
        seen.append(shared.kept("session-0001").state)

    deleting = threading.Thread(target=database.write_now, args=(claim,))
    holding = threading.Thread(target=hold)
    deleting.start()
    assert claimed.wait(60)
    holding.start()
    wait_for(lambda: bool(seen) or waits(shared), "the hold to be promised, or to wait")
    go.set()
    deleting.join()
    holding.join()
    assert seen == ["deleting"], "it was promised while the recording seemed to stay"


def waits(shared: Archive) -> bool:
    """Whether somebody waits for a lock in the store."""
    query = "select count(*) from pg_locks where not granted and database = (select oid from pg_database where "
    query += "datname = current_database())"
    return shared.office.database.read_now(lambda connection: bool(connection.exec_driver_sql(query).scalar()))
