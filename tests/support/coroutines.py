"""Coroutines that wait for nothing, run to their end without a reactor."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred


def now(work: Any) -> Any:
    """What it gives, or raise that. AssertionError when it waits for something."""
    found: list[Any] = []
    Deferred.fromCoroutine(work).addBoth(found.append)
    assert found, "it still waits"
    if hasattr(found[0], "raiseException"):
        found[0].raiseException()
    return found[0]
