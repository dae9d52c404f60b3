"""The approvals in the store, as sessions use them."""

from __future__ import annotations

import pytest

from tests.support.approvals import ALICE, BOB, DELETE, RETRY, REVIEW, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Caps, make_request
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.errors import StoreUnavailable


def test_from_filing_to_use(office: Office, loop: Loop) -> None:
    locked: set[str] = set()
    shelf = Shelf(office.database, office.time, lambda principal: principal.key not in locked)
    request = make_request(session_of(), DELETE, RETRY, office.time(), Caps())

    async def go() -> None:
        stored = await shelf.file(request, Caps())
        assert await shelf.decided([stored.id]) == []
        await office.desk.decide(BOB, stored.id, True)
        assert await shelf.decided([stored.id, "another"]) == [stored.id]
        locked.add(ALICE.key)
        assert await shelf.take(session_of(), stored.digest) is None  # A6: locked
        locked.clear()
        assert await shelf.take(session_of(), stored.digest) is not None
        found = await shelf.fetch(stored.id)
        assert found is not None and found.state is State.USED
        assert await shelf.fetch("another") is None

    loop.run(go)


def test_a_store_that_is_closed_is_unavailable(store_url: str, loop: Loop, office: Office) -> None:
    shelf = Shelf(office.database, office.time, lambda _: True)
    office.database.stop()
    with pytest.raises(StoreUnavailable):
        office.database.write_now(lambda _: None)
    request = make_request(session_of(), DELETE, REVIEW, 0.0, Caps())
    assert request.state is State.PENDING and shelf.now() == office.time()
