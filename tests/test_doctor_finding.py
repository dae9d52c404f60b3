"""Looks are taken at once, each with a deadline, and what goes wrong in one is its own line."""

from __future__ import annotations

import threading

from twisted.internet.defer import Deferred

from tests.support.loop import Loop
from twisted_hoop.doctor.finding import Finding, Look, in_thread, take_all
from twisted_hoop.errors import SecretUnavailable

FINE = Finding("a", "fine", "ok", "is fine")


def test_a_look_that_hangs_or_breaks_is_an_error_and_stops_no_other(loop: Loop) -> None:
    """R11: of an error nobody foresaw, only its kind is told."""

    async def fine() -> list[Finding]:
        return [FINE]

    async def hangs() -> list[Finding]:
        await Deferred()
        return []

    async def breaks() -> list[Finding]:
        raise ValueError("hunter2")

    async def refused() -> list[Finding]:
        raise SecretUnavailable("no such secret")

    looks = [Look("a", "hangs", hangs, "wake it"), Look("a", "fine", fine)]
    looks += [Look("a", "breaks", breaks), Look("a", "refused", refused)]
    found = loop.run(lambda: take_all(loop.reactor, looks, 0.2))
    assert found[0] == Finding("a", "hangs", "error", "no answer within 0.2 s", "wake it") and found[1] == FINE
    assert found[2].what == "the look failed: ValueError" and found[3].what == "no such secret"


def test_a_thread_that_never_ends_is_left_behind(loop: Loop) -> None:
    never = threading.Event()

    async def blocks() -> list[Finding]:
        await in_thread(loop.reactor, never.wait)
        return []

    assert loop.run(lambda: take_all(loop.reactor, [Look("a", "b", blocks)], 0.2))[0].state == "error"
    assert all(each.daemon for each in threading.enumerate() if each.name == "hoop-doctor")
    never.set()


def test_what_work_in_a_thread_gives_or_raises(loop: Loop) -> None:
    def broken() -> None:
        raise KeyError("x")

    async def both() -> tuple[int, str]:
        try:
            await in_thread(loop.reactor, broken)
        except KeyError as error:
            return await in_thread(loop.reactor, lambda: 5), str(error)
        return 0, ""

    assert loop.run(both) == (5, "'x'")
