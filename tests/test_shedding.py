"""Limits of load and when they let go again."""

from __future__ import annotations

from typing import Any

from twisted_hoop.settings import GatewaySection
from twisted_hoop.shedding import Shedder


class World:
    def __init__(self, **limits: Any) -> None:
        self.live, self.mine, self.now = 0, 0, 0.0
        gateway = GatewaySection(**limits)
        self.shedder = Shedder(gateway, lambda: self.live, lambda host: self.mine, lambda: self.now)

    def refusals(self, *live: int) -> list[str]:
        found = []
        for self.live in live:
            found.append(self.shedder.refusal("a"))
        return found


def test_without_limits_nobody_is_refused() -> None:
    world = World()
    world.shedder.measured(99.0, 1e9)
    assert set(world.refusals(*range(0, 100_000, 1000))) == {""}


def test_sessions_are_refused_at_the_limit_until_there_are_a_twentieth_fewer() -> None:
    assert World(sessions=100).refusals(99, 100, 99, 96, 95, 99, 100) == [
        *("", "sessions", "sessions", "sessions", ""),
        *("", "sessions"),
    ]
    assert World(sessions=1).refusals(0, 1, 0) == ["", "sessions", ""]


def test_sessions_of_one_address() -> None:
    world = World(sessions_per_address=2)
    assert world.shedder.refusal("a") == ""
    world.mine = 2
    assert world.shedder.refusal("a") == "address"


def test_connections_of_one_address_in_a_second() -> None:
    world = World(connections_per_second=2)
    assert [world.shedder.refusal("a") for _ in range(3)] == ["", "", "rate"] and world.shedder.refusal("b") == ""
    world.now = 1.0
    assert world.shedder.refusal("a") == ""


def test_who_will_be_no_session_is_refused_for_what_else_there_is() -> None:
    world = World(sessions=1, sessions_per_address=1, connections_per_second=2, memory=100)
    world.live = world.mine = 5
    assert [world.shedder.refusal("a", sessions=False) for _ in range(3)] == ["", "", "rate"]
    for _ in range(2):
        world.shedder.measured(0.0, 101.0)
    assert world.shedder.refusal("b", sessions=False) == "memory"


def test_lag_and_memory_shut_out_after_two_looks_and_let_in_after_three() -> None:
    for limit, looks in (({"lag": 1.0}, [(2.0, 0.0), (0.5, 0.0)]), ({"memory": 100}, [(0.0, 101.0), (0.0, 50.0)])):
        world, (high, low) = World(**limit), looks
        seen = []
        for look in (high, low, high, high, low, low, low):
            world.shedder.measured(*look)
            seen.append(bool(world.shedder.refusal("a")))
        assert seen == [False, False, False, True, True, True, False], limit
        assert world.shedder.why == ""
