"""Holds and retention as values: `test_web_keeping` and `test_console_upkeep` go through them; here their rights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.api import Api
from twisted_hoop.model import Principal
from twisted_hoop.web.inputs import HoldBody, RetentionBody
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.upkeep import Upkeep


def test_R2_rights_are_checked_here_whoever_calls(api: Api) -> None:
    upkeep, nobody = Upkeep(api.parts), Principal("https://i.test", "mallory", "Mallory", frozenset({"developers"}))
    body = HoldBody(kind="target", value="shop", reason="x")
    attempts: list[Callable[[], Awaitable[Any]]] = [
        lambda: upkeep.hold(nobody, body),
        lambda: upkeep.holds(nobody, True),
        lambda: upkeep.retention(nobody),
        lambda: upkeep.report(nobody, "0123456789abcdef"),
    ]
    for attempt in attempts:
        with pytest.raises(Problem) as refused:
            api.loop.run(attempt)
        assert refused.value.status == 403
    with pytest.raises(Problem):
        upkeep.run(nobody, RetentionBody(dry=True))
    assert not upkeep.begun("0123456789abcdef")
