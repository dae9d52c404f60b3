"""Every live session is looked at once a second: identity, locks, rights, limits (I9, P20)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twisted.internet.task import Clock

from twisted_hoop.gateway.warden import Warden
from twisted_hoop.model import Limits, Principal, Target
from twisted_hoop.sessions import Sessions
from twisted_hoop.testing import FakePolicy, make_session


class Handle:
    """A session that says what the test wants."""

    def __init__(self) -> None:
        self.state = (0, False, False)
        self.old = False
        self.ended: list[tuple[str, str]] = []

    def end(self, code: str, message: str) -> None:
        """See Ending."""
        self.ended.append((code, message))

    def cancel(self) -> None:
        """See Ending."""

    def outdated(self) -> bool:
        """See Ending."""
        return self.old

    def activity(self) -> tuple[int, bool, bool]:
        """See Ending."""
        return self.state


class World:
    """One session under a warden, on a clock."""

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  frozen
        self.clock = Clock()
        self.handle = Handle()
        self.policy = FakePolicy()
        self.valid = True
        self.lock = ""
        sessions = Sessions()
        sessions.open(make_session(target=Target("shop", "postgres", "tcp:x", limits=limits)), self.handle)
        self.warden = Warden(self.clock, sessions, lambda: self, lambda: self.policy, lambda session: self.lock)  # type: ignore[arg-type, return-value]
        self.warden.start()

    def still_valid(self, principal: Principal) -> bool:
        if principal.subject == "fault":
            raise RuntimeError("cannot be told")
        return self.valid

    def after(self, seconds: int) -> list[str]:
        """The codes it was ended with, once so many seconds have gone by."""
        self.clock.pump([1.0] * seconds)
        return [code for code, _ in self.handle.ended][:1]


def test_a_session_in_order_goes_on() -> None:
    assert World().after(5000) == []


def test_i9_what_a_session_stands_on_is_looked_at_again() -> None:
    """I9: a token that was revoked, a lock, a target that is closed: within a second."""
    world = World()
    world.valid = False
    assert world.after(1) == ["57P01"]
    world = World()
    world.lock = "user alice gone"
    assert world.after(1) == ["57P01"]
    assert "gone" in world.handle.ended[0][1]
    world = World()
    world.policy.authorized = False
    assert world.after(1) == ["57P01"]
    world = World()
    world.handle.old = True
    assert world.after(1) == ["57P01"]


def test_p20_an_idle_session_ends() -> None:
    """P20: a command starts the time again, and what runs is not idle."""
    world = World(Limits(idle=10))
    assert world.after(9) == []
    world.handle.state = (1, False, False)
    assert world.after(9) == []
    world.handle.state = (1, True, False)
    assert world.after(60) == []
    world.handle.state = (1, False, False)
    assert world.after(11) == ["57P05"]


def test_p20_an_idle_transaction_ends() -> None:
    """P20: only while one is open."""
    world = World(Limits(transaction=5))
    assert world.after(60) == []
    world.handle.state = (1, False, True)
    assert world.after(4) == []
    assert world.after(3) == ["25P03"]


def test_p20_no_session_lasts_for_ever() -> None:
    """P20: however busy."""
    world = World(Limits(session=30))
    world.handle.state = (1, True, True)
    assert world.after(29) == []
    assert world.after(3) == ["57P01"]


def test_r15_a_session_that_cannot_be_checked_ends_and_no_other() -> None:
    """R15: one fault must not keep the others unchecked."""
    world = World()
    sessions, broken, sound = Sessions(), Handle(), Handle()
    fault = replace(make_session(Principal("i", "fault")), id="fault")
    sessions.open(fault, broken)
    sessions.open(make_session(), sound)
    warden = Warden(world.clock, sessions, lambda: world, lambda: world.policy, lambda session: "")  # type: ignore[arg-type, return-value]
    warden.look()
    assert (len(broken.ended), sound.ended) == (1, [])


@pytest.mark.parametrize("times", [1, 2])
def test_it_stops(times: int) -> None:
    world = World()
    for _ in range(times):
        world.warden.stop()
    world.valid = False
    assert world.after(5) == []
