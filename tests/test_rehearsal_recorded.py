"""The commands of a recording."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.recorded_commands import OPEN, STARTED, entry, one
from twisted_hoop.model import Effect, Kind
from twisted_hoop.rehearsal.recorded import commands


def test_who_what_where_and_when_come_from_the_recording() -> None:
    found = one(entry("SELECT 1", tables=["public.a"]))
    assert (found.session, found.target, found.protocol, found.at) == ("session-1", "shop", "postgres", STARTED + 2.5)
    assert (found.principal.key, found.principal.kind) == ("https://ci|bot", Kind.MACHINE)
    assert found.principal.groups == {"ci"} and found.principal.chain[0].subject == "agent"
    assert found.principal.within == () and found.principal.targets is None
    assert (found.effect, found.rule, found.tables) == (Effect.ALLOW, "old", frozenset({"public.a"}))


@pytest.mark.parametrize(
    ("more", "effect"),
    [
        ({"decision": "review"}, Effect.REVIEW),
        ({"kind": "refused", "code": "denied"}, Effect.DENY),
        ({"kind": "refused", "code": "denied", "approval": {"id": "x"}}, Effect.REVIEW),
        ({"kind": "refused", "code": "expired"}, Effect.REVIEW),
        ({"kind": "refused", "code": "pending"}, Effect.REVIEW),
    ],
)
def test_what_had_been_decided_is_read_from_what_became_of_it(more: dict[str, Any], effect: Effect) -> None:
    assert one(entry("SELECT 1", **more)).effect is effect


def test_refusals_that_were_not_policys_are_no_decisions() -> None:
    assert list(commands("s", [OPEN, entry("x", kind="refused", code="limited")])) == []
    assert list(commands("s", [entry("x")])) == []  # nobody knows whose
