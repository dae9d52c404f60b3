"""Who is connected: caps, cancel keys, endings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Actor, Limits, Principal, Session, Target
from twisted_hoop.sessions import Sessions, new_session_id
from twisted_hoop.testing import make_session


class Handle:
    """Remembers what was done with it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def end(self, code: str, message: str) -> None:
        """See Ending."""
        self.done.append(f"end {code}")

    def cancel(self) -> None:
        """See Ending."""
        self.done.append("cancel")

    def outdated(self) -> bool:
        """See Ending."""
        return False

    def activity(self) -> tuple[int, bool, bool]:
        """See Ending."""
        return 0, False, False


def named(name: str, principal: Principal | None = None, target: Target | None = None) -> Session:
    return replace(make_session(principal, target), id=name)


def test_a_session_is_found_until_it_is_closed() -> None:
    sessions = Sessions()
    live = sessions.open(named("a"), Handle())
    assert sessions.find("a") is live
    assert (len(sessions), [each.session.id for each in sessions]) == (1, ["a"])
    sessions.close("a")
    sessions.close("a")
    assert sessions.find("a") is None
    assert len(sessions) == 0


@pytest.mark.parametrize(
    ("limits", "most"), [(Limits(sessions=1), 0), (Limits(sessions_per_principal=1), 0), (Limits(), 1)]
)
def test_i10_caps_hold_when_a_session_opens(limits: Limits, most: int) -> None:
    """I10: of a target, of a principal on it, of a principal anywhere."""
    target = Target("shop", "postgres", "tcp:x", limits=limits)
    alice = Principal("i", "alice", max_sessions=most)
    sessions = Sessions()
    sessions.open(named("a", alice, target), Handle())
    with pytest.raises(LimitExceeded) as caught:
        sessions.open(named("b", alice, target), Handle())
    assert caught.value.code == "53300"
    sessions.close("a")
    sessions.open(named("b", alice, target), Handle())


@pytest.mark.parametrize(
    ("limits", "most"), [(Limits(sessions=3), 0), (Limits(sessions_per_principal=3), 0), (Limits(), 3)]
)
def test_i10_sessions_at_other_replicas_count(limits: Limits, most: int) -> None:
    """I10: of a target, of a principal on it, of a principal anywhere; and what nobody limits counts nowhere."""
    target = Target("shop", "postgres", "tcp:x", limits=limits)
    alice = Principal("i", "alice", max_sessions=most)
    sessions = Sessions()
    sessions.elsewhere = {(("i|alice",), "shop"): 2, (("i|bob",), "wiki"): 9}
    sessions.open(named("a", alice, target), Handle())
    with pytest.raises(LimitExceeded):
        sessions.check(alice, target)
    sessions.elsewhere = {(("i|alice",), "shop"): 1}
    sessions.check(alice, target)
    assert sessions.capped
    free = Sessions()
    free.elsewhere = {(("i|alice",), "shop"): 99}
    free.check(Principal("i", "alice"), Target("shop", "postgres", "tcp:x"))
    assert not free.capped


def test_i10_an_agent_is_a_principal_too() -> None:
    """I10: what it does for alice and for bob counts for it, here and elsewhere, beside what it does itself; and for
    alice, whose own cap holds as before."""
    target, agent = Target("shop", "postgres", "tcp:x"), Actor("i", "agent-7")
    alice, bob = (Principal("i", name, chain=(agent,)) for name in ("alice", "bob"))
    sessions = Sessions(lambda principal: [("i|agent-7", 3)])
    sessions.open(named("a", alice, target), Handle())
    sessions.elsewhere = {(("i|bob", "i|agent-7"), "wiki"): 1}
    sessions.open(named("b", Principal("i", "agent-7", max_sessions=3), target), Handle())
    with pytest.raises(LimitExceeded, match="agent-7 has 3 sessions"):
        sessions.open(named("c", bob, target), Handle())
    with pytest.raises(LimitExceeded, match="agent-7 has 3 sessions"):
        sessions.open(named("c", Principal("i", "agent-7", max_sessions=3), target), Handle())
    sessions.open(named("c", Principal("i", "alice", max_sessions=2), target), Handle())
    with pytest.raises(LimitExceeded, match="alice via agent-7 has 2 sessions"):
        sessions.check(replace(alice, max_sessions=2), target)
    sessions.close("b")
    sessions.open(named("d", bob, target), Handle())


def test_a_cap_of_one_principal_leaves_the_others_alone() -> None:
    target = Target("shop", "postgres", "tcp:x", limits=Limits(sessions_per_principal=1))
    sessions = Sessions()
    sessions.open(named("a", Principal("i", "alice"), target), Handle())
    sessions.open(named("b", Principal("i", "bob"), target), Handle())


def test_p6_a_cancel_key_is_the_sessions_own() -> None:
    """P6: a wrong key, another one's, and one of a session that is over cancel nothing."""
    sessions, mine, other = Sessions(), Handle(), Handle()
    sessions.open(named("a"), mine)
    sessions.open(named("b"), other)
    pid, key = sessions.issue_key("a", 32)
    pid_b, key_b = sessions.issue_key("b", 4)
    assert (len(key), len(key_b)) == (32, 4)
    for guess_pid, guess in ((pid, key_b), (pid_b, key), (pid, key[:-1]), (pid, b""), (0, key), (pid + pid_b + 1, key)):
        assert not sessions.cancel(guess_pid, guess)
    assert mine.done == other.done == []
    assert sessions.cancel(pid, key)
    assert (mine.done, other.done) == (["cancel"], [])
    sessions.close("a")
    assert not sessions.cancel(pid, key)


def test_i9_sessions_are_ended_by_what_they_are() -> None:
    """I9: a lock on a target, say."""
    sessions, handles = Sessions(), [Handle(), Handle()]
    for name, handle in zip("ab", handles, strict=True):
        sessions.open(named(name), handle)
    assert sessions.end_where(lambda session: session.id == "a", "57P01", "locked") == 1
    assert [handle.done for handle in handles] == [["end 57P01"], []]


def test_ids_are_random() -> None:
    ids = {new_session_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(one) >= 22 and one.replace("-", "").replace("_", "").isalnum() for one in ids)
