"""What replicas share, followed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from twisted.internet.task import Clock

from tests.support.approvals import ALICE, BOB, DELETE, RETRY, Office, session_of
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.test_approval_access import SETTINGS
from twisted_hoop.approval.access import AccessDesk
from twisted_hoop.approval.grants import Grants
from twisted_hoop.identity.locks import Locks
from twisted_hoop.locking import LockDesk
from twisted_hoop.model import Outcome
from twisted_hoop.replicas.follower import BLIND, Follower
from twisted_hoop.sessions import Sessions
from twisted_hoop.store.locks import LockTable
from twisted_hoop.store.replicas import Replica, Replicas
from twisted_hoop.store.sessions import SessionIndex

DAY = 86400.0


class Handle:
    """A live session."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, str]] = []

    def end(self, code: str, message: str) -> None:
        self.ends.append((code, message))

    def cancel(self) -> None:
        """Nothing runs."""

    def activity(self) -> tuple[int, bool, bool]:
        return 0, False, False

    def outdated(self) -> bool:
        return False


@dataclass
class Following:
    """A replica that follows, and what it knows."""

    follower: Follower
    grants: Grants
    locks: Locks
    sessions: Sessions
    clock: Clock
    asked: list[str]


@contextmanager
def following(office: Office, loop: Loop, keep: float = 0.0) -> Iterator[Following]:
    grants, locks, sessions, clock = Grants(), Locks(office.time), Sessions(), Clock()
    locking = LockDesk(LockTable(office.database, office.time), locks, office.approver, office.time)

    asked: list[str] = []
    made = Follower(clock, office.database, office.shelf, grants, locking, sessions, "here", keep, asked.append)
    loop.run(made.start)
    try:
        yield Following(made, grants, locks, sessions, clock, asked)
    finally:
        loop.run(made.stop)


def test_access_opens_at_once_and_ends_soon(office: Office, loop: Loop) -> None:
    desk = AccessDesk(office.shelf, lambda: SETTINGS)
    with following(office, loop) as here:
        request = loop.run(lambda: desk.ask(ALICE, "shop", 3600.0, "x", "v1"))
        loop.run(lambda: office.desk.decide(BOB, request.id, True))
        wait_for(lambda: here.grants.holds(ALICE, "shop", office.time()), "the grant")
        loop.run(lambda: office.desk.take_back(BOB, request.id))
        wait_for(lambda: not here.grants.holds(ALICE, "shop", office.time()), "its end")


def test_I9_locks_of_other_replicas_and_of_before_a_restart_hold(office: Office, loop: Loop) -> None:
    table = LockTable(office.database, office.time)
    elsewhere = LockDesk(table, Locks(office.time), office.approver, office.time)
    loop.run(lambda: elsewhere.lock(BOB, "principal", ALICE.key, 0, "left"))
    with following(office, loop) as here:
        assert here.locks.holds(ALICE) is not None  # before anybody can connect
        loop.run(lambda: elsewhere.lift("principal", ALICE.key))
        loop.run(lambda: here.clock.advance(1))
        wait_for(lambda: here.locks.holds(ALICE) is None, "the end of the lock")


def test_sessions_are_ended_where_they_live(office: Office, loop: Loop) -> None:
    index, handle = SessionIndex(office.database, office.time), Handle()
    with following(office, loop) as here:
        loop.run(lambda: here.sessions.open(session_of(ALICE, "session-1"), handle))
        loop.run(lambda: index.opened(session_of(ALICE, "session-1")))
        assert loop.run(lambda: index.order_end("session-1", "over"))
        assert not loop.run(lambda: index.order_end("session-2", "over"))
        loop.run(lambda: here.clock.advance(1))
        wait_for(lambda: handle.ends, "the end")
    assert handle.ends[0] == ("57P01", "hoop: over")


def test_I10_sessions_at_other_replicas_are_counted_once_there_is_a_cap(office: Office, loop: Loop) -> None:
    """I10: not its own, and not those that ended."""
    there, own = (SessionIndex(office.database, office.time, replica=name) for name in ("there", "here"))
    for index, name in ((there, "session-1"), (there, "session-2"), (own, "session-3")):
        loop.run(lambda index=index, name=name: index.opened(session_of(ALICE, name)))
    loop.run(lambda: there.closed("session-2", Outcome("closed"), 0))
    with following(office, loop) as here:
        assert here.sessions.elsewhere == {}, "nobody asks"
        here.sessions.capped = True
        loop.run(lambda: here.clock.advance(1))
        wait_for(lambda: sum(here.sessions.elsewhere.values()) == 1, "the count")
        ((who, _),) = here.sessions.elsewhere
        assert who == (ALICE.key,)


def test_what_expires_is_told_and_old_rows_go(office: Office, loop: Loop) -> None:
    heard: list[str] = []
    office.told.listen(lambda event, request: heard.append(event))
    index = SessionIndex(office.database, office.time)
    with following(office, loop, keep=30 * DAY) as here:
        loop.run(lambda: office.approver.file(session_of(), DELETE, RETRY))
        loop.run(lambda: index.opened(session_of(ALICE, "session-1")))
        loop.run(lambda: index.closed("session-1", Outcome("closed"), 1))
        office.time.seconds += 3600
        loop.run(lambda: here.clock.advance(5))
        wait_for(lambda: heard == ["requested", "expired"], "the expiry")
        office.time.seconds += 31 * DAY
        loop.run(lambda: here.clock.advance(600))
        wait_for(lambda: loop.run(lambda: index.get("session-1")) is None, "the deletion")


def test_a_store_that_is_away_stops_nothing(office: Office, loop: Loop) -> None:
    with following(office, loop) as here:
        engine = office.database._engine
        loop.run(lambda: setattr(office.database, "_engine", None))
        loop.run(lambda: here.clock.advance(1))
        loop.run(lambda: here.clock.advance(1))
        loop.run(lambda: setattr(office.database, "_engine", engine))
        locking = LockDesk(LockTable(office.database, office.time), Locks(), office.approver, office.time)
        loop.run(lambda: locking.lock(BOB, "group", "x", 0, ""))
        loop.run(lambda: here.clock.advance(1))
        wait_for(lambda: here.locks.all(), "the lock")


def test_the_agent_of_a_grant_is_the_one_who_asked(office: Office, loop: Loop) -> None:
    from tests.support.approvals import AGENT_FOR_ALICE

    desk = AccessDesk(office.shelf, lambda: SETTINGS)
    with following(office, loop) as here:
        request = loop.run(lambda: desk.ask(AGENT_FOR_ALICE, "shop", 3600.0, "x", "v1"))
        loop.run(lambda: office.desk.decide(BOB, request.id, True))
        wait_for(lambda: here.grants.holds(AGENT_FOR_ALICE, "shop", office.time()), "the grant")
        assert not here.grants.holds(replace(AGENT_FOR_ALICE, chain=()), "shop", office.time())


def test_a_word_is_enough_to_look_again(office: Office, loop: Loop) -> None:
    """I9: no timer moves here."""
    with following(office, loop) as here:
        locking = LockDesk(LockTable(office.database, office.time), Locks(), office.approver, office.time)
        loop.run(lambda: locking.lock(BOB, "group", "x", 0, ""))
        for _ in range(3):
            loop.run(lambda: here.follower.look_soon())
        wait_for(lambda: here.locks.all(), "the lock")


def test_I9_without_the_store_for_long_nobody_is_let_in(office: Office, loop: Loop) -> None:
    """I9: a lock of another replica could not have been seen."""
    with following(office, loop) as here:
        engine = office.database._engine
        loop.run(lambda: setattr(office.database, "_engine", None))
        loop.run(lambda: here.clock.advance(1))
        assert not here.follower.blind
        loop.run(lambda: here.clock.advance(BLIND))
        assert here.follower.blind
        loop.run(lambda: setattr(office.database, "_engine", engine))
        loop.run(lambda: here.follower.look_soon())
        wait_for(lambda: not here.follower.blind, "the next look")


def test_who_is_asked_to_stop_hears_of_it_once(office: Office, loop: Loop) -> None:
    table = Replicas(office.database)
    with following(office, loop) as here:
        loop.run(lambda: table.here(Replica("here", "hoop", "1", "v1", 0.0, office.time(), 0)))
        loop.run(lambda: table.drain("here", "olga: new version"))
        loop.run(here.follower.look)
        loop.run(here.follower.look)
        assert here.asked == ["olga: new version"]
