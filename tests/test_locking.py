"""Locking out: at once here, soon at other replicas, and after a restart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.approvals import ALICE, BOB, DELETE, RETRY, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.identity.locks import Locks
from twisted_hoop.locking import LockDesk
from twisted_hoop.store.locks import LockTable


def desk(office: Office) -> tuple[LockDesk, Locks]:
    locks = Locks(office.time)
    return LockDesk(LockTable(office.database, office.time), locks, office.approver, office.time), locks


def test_I9_A6_a_principal_is_out_at_once_with_all_that_was_granted(office: Office, loop: Loop) -> None:
    locking, locks = desk(office)

    async def go() -> None:
        granted = await office.approver.file(session_of(), DELETE, RETRY)
        await office.desk.decide(BOB, granted.request.id, True)
        waiting = await office.approver.file(session_of(), replace(DELETE, text="other"), RETRY)
        await locking.lock(BOB, "principal", ALICE.key, 0, "left")
        assert locks.holds(ALICE) is not None
        states = [(await office.desk.show(BOB, each.request.id)).state for each in (granted, waiting)]
        assert states == [State.ENDED, State.WITHDRAWN]
        assert [row.by_key for row in await locking.all()] == [BOB.key]
        assert await locking.lift("principal", ALICE.key) and locks.holds(ALICE) is None
        assert not await locking.lift("principal", ALICE.key)

    loop.run(go)


def test_another_replica_follows_unless_it_changed_something_itself(office: Office, loop: Loop) -> None:
    here, _ = desk(office)
    there, locks = desk(office)

    async def go() -> None:
        changes = there.changes
        await here.lock(BOB, "group", "developers", 60, "")
        rows = await there.all()
        await there.lock(BOB, "target", "shop", 0, "")
        there.follow(rows, changes)  # read before: it must not undo what was locked here meanwhile
        assert locks.holds(BOB, "shop") is not None
        there.follow(await there.all(), there.changes)
        assert locks.holds(ALICE) is not None and locks.holds(BOB, "shop") is not None

    loop.run(go)


def test_a_store_that_fails_keeps_no_door_open(office: Office, loop: Loop) -> None:
    locking, locks = desk(office)
    loop.run(lambda: setattr(office.database, "_engine", None))
    try:
        loop.run(lambda: locking.lock(BOB, "principal", ALICE.key, 0, ""))
    except Exception as fault:
        assert "not open" in str(fault)
    assert locks.holds(ALICE) is not None


def test_I9_what_was_read_while_a_lock_was_on_its_way_does_not_lift_it(
    office: Office, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at the store that began behind the lock and before the store had it sees none; the door stays shut."""
    locking, locks = desk(office)
    real, looks = office.database.write, list[int]()

    async def slow(work: Any) -> Any:
        looks.append(locking.changes)
        locking.follow([], looks[-1])  # the look is back before the store has it
        return await real(work)

    async def go() -> None:
        with monkeypatch.context() as context:
            context.setattr(office.database, "write", slow)
            await locking.lock(BOB, "target", "shop", 0, "")
        locking.follow([], looks[-1])  # or behind that
        assert locks.holds(BOB, "shop") is not None
        rows, before = await locking.all(), locking.changes
        assert await locking.lift("target", "shop")
        locking.follow(rows, before)
        assert locks.holds(BOB, "shop") is None
        locking.follow(await locking.all(), locking.changes)
        assert locks.holds(BOB, "shop") is None

    loop.run(go)
