"""Filling the index behind the recorder."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.support.approvals import Office
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.support.recordings import command, now, outcome, recorded, recorder, session, spans
from twisted_hoop.archive import catalogue, indexer
from twisted_hoop.archive.gathering import Gatherer
from twisted_hoop.archive.index import find, put
from twisted_hoop.archive.indexer import Indexer, Pace, followed, read_on
from twisted_hoop.archive.query import parse
from twisted_hoop.archive.rows import Row
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.model import Outcome
from twisted_hoop.recording.following import Line
from twisted_hoop.recording.library import Library
from twisted_hoop.store.database import Database


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(recorder(tmp_path / "state").folder)


@pytest.fixture
def running(office: Office, loop: Loop, library: Library) -> Iterator[Indexer]:
    one = Indexer(loop.reactor, office.database, library)
    yield one
    loop.run(one.stop)


def texts(office: Office, query: str = "") -> list[str]:
    page = office.database.read_now(lambda connection: find(connection, parse(query, 0.0), 20_000))
    return [hit.about["text"] for hit in page.items]


def kept(office: Office, name: str) -> Any:
    return office.database.read_now(lambda connection: catalogue.get(connection, name))


def until(look: Callable[[], bool], what: str) -> None:
    wait_for(look, what)


def test_what_an_earlier_process_left_is_caught_up(
    office: Office, loop: Loop, running: Indexer, tmp_path: Path
) -> None:
    """R5: killed before anything was indexed, the recordings themselves tell."""
    for number in range(3):
        recorded(tmp_path / "state", command(f"select {number}"), outcome(), name=f"session-000{number}")
    loop.run(running.start)
    until(lambda: running.done == 3 and not running.behind, "three recordings")
    assert sorted(texts(office)) == ["select 0", "select 1", "select 2"]
    row = kept(office, "session-0001")
    assert (row.state, row.complete, row.indexed, row.target) == ("closed", True, 2, "shop")
    assert row.about["groups"] == ["dev", "ops"] and row.bytes > 0 and row.path.endswith("/session-0001.hoop")


def test_a_session_is_searchable_while_it_lives_and_when_it_ended(
    office: Office, loop: Loop, running: Indexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "LIVE", 0.01)
    monkeypatch.setattr(indexer, "EVERY", 0.02)
    recording = recorder(tmp_path / "state").open(session("session-live"))
    loop.run(running.start)
    loop.run(lambda: running.opened("session-live"))
    recording.write(command("select 'early'"))
    until(lambda: texts(office) == ["select 'early'"], "the first command")
    assert kept(office, "session-live").state == "live"
    recording.write(command("select 'late'"))
    loop.run(lambda: running.closed("session-live"))  # before its end is on disk, as in the gateway
    now(recording.close(Outcome("closed")))
    until(lambda: running.done == 1, "the end")
    assert texts(office) == ["select 'late'", "select 'early'"] and len(running) == 0


def test_reading_goes_on_where_it_stopped(
    office: Office, tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5: killed between two batches, each command is there once in the end."""
    monkeypatch.setattr(indexer, "BATCH", 300)
    recorded(tmp_path / "state", *(command(f"select {n}") for n in range(610)), name="session-0001")
    real, calls = office.database.write_now, itertools.count()

    def fails(work: Any) -> Any:
        if next(calls) == 1:
            raise StoreUnavailable("killed here")
        return real(work)

    monkeypatch.setattr(office.database, "write_now", fails)
    with pytest.raises(StoreUnavailable):
        read_on(office.database, library, "session-0001")
    assert len(texts(office)) == 300 and not kept(office, "session-0001").complete
    assert read_on(office.database, library, "session-0001")
    assert len(texts(office)) == len(set(texts(office))) == 610


_CHILD = """
import sys
from pathlib import Path
from twisted_hoop.archive import indexer
from twisted_hoop.recording.library import Library
from twisted_hoop.store.database import Database
indexer.BATCH = 20
real = indexer.put
def put(connection, waiting):
    real(connection, waiting)
    print("put", flush=True)
    sys.stdin.readline()
indexer.put = put
database = Database(f"sqlite:///{sys.argv[1]}", None)
database.start()
indexer.read_on(database, Library(Path(sys.argv[2])), "session-0001")
"""


def test_killed_in_the_middle_of_a_transaction_nothing_is_lost_or_there_twice(tmp_path: Path) -> None:
    """R5: kill -9 at every batch in turn, each time in an open transaction; in the end each command is there once."""
    recorded(tmp_path / "state", *(command(f"select {n % 7}", parameters=[str(n)]) for n in range(95)))
    folder, path = tmp_path / "state" / "recordings", tmp_path / "hoop.db"
    for batches in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(path), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdin is not None and child.stdout is not None
        for _ in range(min(batches, 1)):  # one goes through, the next is killed with its rows in an open transaction
            assert child.stdout.readline() == b"put\n"
            child.stdin.write(b"\n")
            child.stdin.flush()
        assert child.stdout.readline() == b"put\n"
        child.kill()
        child.communicate()
    database = Database(f"sqlite:///{path}", None)
    database.start()
    before = database.read_now(lambda connection: find(connection, parse("", 0.0), 1000)).items
    assert len(before) == 40
    assert read_on(database, Library(folder), "session-0001")
    page = database.read_now(lambda connection: find(connection, parse("", 0.0), 1000))
    database.stop()
    assert [hit.n for hit in page.items] == list(range(95, 0, -1))


def test_two_that_read_one_recording_at_once_put_each_command_in_once(
    tmp_path: Path, library: Library, postgres: Server
) -> None:
    """R5: workers and replicas that share a folder; what one knew when it began may not be so any more."""
    recorded(tmp_path / "state", *(command(f"select {n}") for n in range(60)))
    postgres.create_database("archive_indexer")
    where = f"{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}"
    database = Database(f"postgresql+psycopg://{where}/archive_indexer", None)
    database.start()
    readings = []
    for size in (7, 11, 60):  # each forms rows of its own
        follower = followed(library, "session-0001")
        reading = indexer._Reading(database, "session-0001", "2026/x", None, follower)
        readings.append((reading, size, [each for _, some in follower.lines() for each in some]))
    threads = [threading.Thread(target=_takes, args=each) for each in readings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page = database.read_now(lambda connection: find(connection, parse("", 0.0), 1000))
    database.stop()
    assert [hit.n for hit in page.items] == list(range(60, 0, -1))


def _takes(reading: indexer._Reading, size: int, lines: list[Line]) -> None:
    for at in range(0, len(lines) - 1, size):
        reading.take(0, lines[at : at + size])
        reading._write()


def test_what_is_damaged_is_indexed_up_to_there_and_not_again(office: Office, tmp_path: Path, library: Library) -> None:
    path = recorded(tmp_path / "state", command("select 1"), command("select 2"), name="session-0001")
    data = bytearray(path.read_bytes())
    data[list(spans(bytes(data)))[3][1] - 40] ^= 1  # in the second command's frame
    path.write_bytes(data)
    assert read_on(office.database, library, "session-0001")
    assert texts(office) == ["select 1"] and kept(office, "session-0001").state == "damaged"


def test_more_than_may_wait_are_found_in_the_folder(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """R10, R14: the list is bounded, and nothing is lost by that."""
    monkeypatch.setattr(indexer, "MOST", 2)
    one = Indexer(Clock(), office.database, Library(Path("/nonexistent")))
    one._behind = False
    for number in range(5):
        one.opened(f"session-000{number}")
        one.closed(f"session-000{number}")
    assert len(one) == 2 and one.behind


def test_a_store_that_is_down_is_tried_again(
    office: Office, loop: Loop, running: Indexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(tmp_path / "state", command("select 1"), name="session-0001")
    real, calls = office.database.write_now, itertools.count()

    def fails(work: Any) -> Any:
        if next(calls) < 2:
            raise StoreUnavailable("down")
        return real(work)

    monkeypatch.setattr(office.database, "write_now", fails)
    monkeypatch.setattr(indexer, "EVERY", 0.02)
    loop.run(running.start)
    until(lambda: texts(office) == ["select 1"], "the command")


def test_one_that_cannot_be_indexed_stops_no_other(
    office: Office, loop: Loop, running: Indexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R15."""
    for number in range(3):
        recorded(tmp_path / "state", command(f"select {number}"), name=f"session-000{number}")

    def fails(header: Any) -> Any:
        if header["session"] == "session-0001":
            raise KeyError("odd")
        return Gatherer(header)

    monkeypatch.setattr(indexer, "Gatherer", fails)
    monkeypatch.setattr(indexer, "EVERY", 0.02)
    monkeypatch.setattr(indexer, "LONGEST", 0.02)
    running._pause = 0.02
    loop.run(running.start)
    until(lambda: sorted(texts(office)) == ["select 0", "select 2"], "the others")
    assert not office.database.read_now(lambda c: catalogue.get(c, "session-0001"))


def test_a_session_without_a_recording_is_forgotten(office: Office, loop: Loop, running: Indexer) -> None:
    loop.run(lambda: running.closed("session-none"))
    loop.run(running.start)
    until(lambda: len(running) == 0 and not running.behind, "an empty list")


def test_a_recording_is_read_on_from_where_the_reader_was(
    office: Office, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read again and again would cost more than it finds; storage wants to know how long it is."""
    recording = recorder(tmp_path / "state").open(session("session-long"))
    recording.write(command("select 'early'"))
    follower = followed(library, "session-long")
    assert not read_on(office.database, library, "session-long", follower)
    before = kept(office, "session-long")
    behind, real = before.bytes, os.pread
    read: list[int] = []

    def counted(file: int, size: int, at: int) -> bytes:
        read.append(at)
        return real(file, size, at)

    monkeypatch.setattr(os, "pread", counted)
    for _ in range(2):
        assert not read_on(office.database, library, "session-long", follower)
    assert kept(office, "session-long") == before
    recording.write(command("select 'late'"))
    assert not read_on(office.database, library, "session-long", follower)
    assert texts(office) == ["select 'late'", "select 'early'"] and kept(office, "session-long").bytes > behind
    now(recording.close(Outcome("closed")))
    assert read_on(office.database, library, "session-long", follower)
    assert min(read) >= behind and kept(office, "session-long").complete


def test_a_new_reader_finds_the_place_where_the_index_ends(office: Office, library: Library, tmp_path: Path) -> None:
    """R5: after a restart, nothing twice and nothing left out."""
    recording = recorder(tmp_path / "state").open(session("session-more"))
    for number in range(6):
        recording.write(command(f"select {number}"))
        recording.write(outcome(), lazy=number % 2 == 0)
        assert not read_on(office.database, library, "session-more")
    assert sorted(texts(office)) == [f"select {number}" for number in range(6)]
    now(recording.close(Outcome("closed")))


def test_very_long_commands_do_not_wait_for_many_others(
    office: Office, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R10: what is kept in memory is counted by words."""
    monkeypatch.setattr(indexer, "MOST_WORDS", 100)
    recorded(tmp_path / "state", *(command("select " + "a " * 60) for _ in range(9)), name="session-0001")
    written: list[int] = []

    def counted(connection: Any, rows: list[Row]) -> None:
        written.append(len(rows))
        put(connection, rows)

    monkeypatch.setattr(indexer, "put", counted)
    assert read_on(office.database, library, "session-0001")
    assert written == [2, 2, 2, 2, 1]


@pytest.mark.parametrize(("others", "times"), [(0.0, 4.0), (0.05, 4.0), (0.9, 64.0)])
def test_it_works_in_small_pieces_with_rests_between_them(others: float, times: float) -> None:
    """A recording of a million commands must not keep sessions waiting for the interpreter, busy ones least of all."""
    thread, process, wall = [0.0], [0.0], [0.0]
    rests: list[float] = []

    def pass_by(seconds: float, worked: float) -> None:
        thread[0] += worked
        wall[0] += seconds
        process[0] += worked + seconds * others

    def rest(seconds: float) -> None:
        rests.append(seconds)
        pass_by(seconds, 0.0)

    pace = Pace((lambda: thread[0], lambda: process[0], lambda: wall[0]), rest)
    for _ in range(300):
        pass_by(0.0005, 0.0004)
        pace.breathe()
    assert 90 <= len(rests) <= 100
    assert all(seconds == pytest.approx(0.0012 * times) for seconds in rests[10:])
