"""Locks."""

from __future__ import annotations

import pytest

from tests.support.tokens import Time
from twisted_hoop.identity.locks import Lock, LockKind, Locks
from twisted_hoop.model import Actor, Principal

ALICE = Principal("iss", "alice", groups=frozenset({"dev"}), chain=(Actor("other", "agent-7"),))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("principal", "iss|alice"),
        ("principal", "other|agent-7"),
        ("group", "dev"),
        ("issuer", "iss"),
        ("issuer", "other"),
        ("target", "shop"),
    ],
)
def test_a_lock_holds_until_it_is_taken_away(kind: LockKind, value: str) -> None:
    locks = Locks()
    lock = locks.lock(kind, value, reason="incident 7")
    assert locks.holds(ALICE, "shop") == lock
    assert locks.unlock(kind, value) is True
    assert locks.holds(ALICE, "shop") is None
    assert locks.unlock(kind, value) is False


def test_a_lock_shuts_out_only_what_it_names() -> None:
    locks = Locks()
    locks.replace([Lock("principal", "iss|bob"), Lock("group", "iss|alice"), Lock("target", "shop")])
    assert locks.holds(ALICE) is None
    assert locks.holds(ALICE, "warehouse") is None


def test_a_lock_ends_by_itself() -> None:
    time = Time(1000.0)
    locks = Locks(time)
    locks.lock("group", "dev", seconds=60.0)
    locks.lock("group", "ops")
    time.now = 1059.9
    assert locks.holds(ALICE) is not None
    time.now = 1060.0
    assert locks.holds(ALICE) is None
    assert [lock.value for lock in locks.all()] == ["ops"]
