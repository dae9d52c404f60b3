"""A lease that is held, lost and had again; and who may judge others."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from twisted.internet.task import Clock

from tests.support.approvals import ALICE, DELETE, RETRY, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.replicas.membership import BEAT, Membership
from twisted_hoop.sessions import Sessions
from twisted_hoop.store.replicas import LEASE, Replica, Replicas
from twisted_hoop.store.sessions import SessionIndex


class Handle:
    """A live session that nobody may end here."""

    def end(self, code: str, message: str) -> None:
        raise AssertionError("bookkeeping ended a session")

    def cancel(self) -> None:
        raise AssertionError("bookkeeping cancelled a command")

    def activity(self) -> tuple[int, bool, bool]:
        return 0, False, False

    def outdated(self) -> bool:
        return False


@dataclass
class Member:
    """One process among others: its lease, its sessions, its clock."""

    membership: Membership
    sessions: Sessions
    index: SessionIndex
    clock: Clock

    async def opens(self, name: str) -> None:
        session = session_of(ALICE, name)
        self.sessions.open(session, Handle())
        await self.index.opened(session)


def member(office: Office, ident: str) -> Member:
    clock, sessions = Clock(), Sessions()

    def replica() -> Replica:
        return Replica(ident, "hoop", "1", "v1", 0.0, office.time(), len(sessions))

    made = Membership(clock, Replicas(office.database), office.shelf, sessions, replica)
    return Member(made, sessions, SessionIndex(office.database, office.time, replica=ident), clock)


async def passes(office: Office, seconds: float, *living: Member) -> None:
    """Time in which these say that they live, as often as they should."""
    until = office.time.seconds + seconds
    while office.time.seconds < until:
        office.time.seconds += BEAT
        for each in living:
            each.clock.rightNow += BEAT
            await each.membership.beat()


async def states(member: Member) -> dict[str, str]:
    return {row.id: row.state for row in await member.index.list()}


def test_the_sessions_of_one_that_was_killed_are_interrupted_by_another(office: Office, loop: Loop) -> None:
    """A6 too: what was asked for them ends with them."""

    async def go() -> None:
        one, two = member(office, "one"), member(office, "two")
        await one.membership.start()
        await two.membership.start()
        await one.opens("session-1")
        await two.opens("session-2")
        asked = await office.approver.file(session_of(ALICE, "session-2"), DELETE, RETRY)
        await passes(office, 2 * LEASE, one)
        assert await states(one) == {"session-1": "live", "session-2": "interrupted"}
        found = await office.shelf.fetch(asked.request.id)
        assert found is not None and found.state in (State.INTERRUPTED, State.PENDING)
        assert (one.membership.buried, one.membership.fenced) == (1, 0)
        await one.membership.stop()
        await two.membership.stop()

    loop.run(go)


def test_one_that_was_only_slow_goes_on_with_its_sessions(office: Office, loop: Loop) -> None:
    async def go() -> None:
        one, two = member(office, "one"), member(office, "two")
        await one.membership.start()
        await two.membership.start()
        for name in ("session-2", "session-3"):
            await two.opens(name)
        await passes(office, 2 * LEASE, one)
        assert set((await states(one)).values()) == {"interrupted"}
        two.sessions.close("session-3")
        await passes(office, BEAT, one, two)
        assert await states(one) == {"session-2": "live", "session-3": "interrupted"}
        assert two.membership.fenced == 1
        await passes(office, 2 * LEASE, one, two)
        assert (two.membership.fenced, one.membership.buried) == (1, 1)

    loop.run(go)


def test_after_a_store_was_away_all_are_late_and_nobody_is_dead(office: Office, loop: Loop) -> None:
    """Whoever comes back first has no right to judge: it was itself unheard."""

    async def go() -> None:
        one, two = member(office, "one"), member(office, "two")
        await one.membership.start()
        await two.membership.start()
        await two.opens("session-2")
        await passes(office, 2 * LEASE, one, two)
        engine, office.database._engine = office.database._engine, None
        for each in (one, two):
            each.clock.rightNow += 3 * LEASE
            with pytest.raises(StoreUnavailable):
                await each.membership.beat()
        office.time.seconds += 3 * LEASE
        office.database._engine = engine
        await passes(office, LEASE - BEAT, one)
        assert await states(one) == {"session-2": "live"}
        await passes(office, BEAT, two)
        await passes(office, 2 * LEASE, one, two)
        assert await states(one) == {"session-2": "live"}
        assert one.membership.buried == two.membership.buried == one.membership.fenced == two.membership.fenced == 0

    loop.run(go)


def test_who_stops_is_not_waited_for(office: Office, loop: Loop) -> None:
    async def go() -> None:
        one = member(office, "one")
        await one.membership.start()
        assert len(await Replicas(office.database).all()) == 1
        await one.membership.stop()
        assert await Replicas(office.database).all() == []

    loop.run(go)
