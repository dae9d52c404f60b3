"""One-time tokens over the store."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from tests.support.approvals import Office, open_office
from tests.support.loop import Loop
from twisted_hoop.errors import IssuerUnavailable
from twisted_hoop.gateway.one_time import OneTime
from twisted_hoop.interfaces import IReplayGuard
from twisted_hoop.store.once import Once


def test_I10_used_at_one_replica_is_used_at_all(office: Office, loop: Loop, store_url: str) -> None:
    """I10: the same token at two replicas, and at one that started afterwards."""
    other = open_office(store_url, loop.reactor, office.time)
    here, there = (OneTime(Once(each.database, each.time).first) for each in (office, other))
    assert verifyObject(IReplayGuard, here)
    until = office.time() + 60

    async def go() -> list[bool]:
        first = await here.first_use("https://i", "jti-1", until)
        again = [await each.first_use("https://i", "jti-1", until) for each in (here, there)]
        return [
            first,
            *again,
            await there.first_use("https://i", "jti-2", until),
            await here.first_use("j", "jti-1", until),
        ]

    assert loop.run(go) == [True, False, False, True, True]
    other.database.stop()


def test_I10_without_the_store_no_such_token_is_taken(office: Office, loop: Loop) -> None:
    guard = OneTime(Once(office.database, office.time).first)
    loop.run(lambda: setattr(office.database, "_engine", None))
    with pytest.raises(IssuerUnavailable):
        loop.run(lambda: guard.first_use("https://i", "jti-1", office.time() + 60))
