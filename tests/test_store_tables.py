"""The tables keep what the code relies on, whatever the code does."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from tests.support.approvals import DELETE, REVIEW, session_of
from twisted_hoop.approval.ballots import Vote
from twisted_hoop.approval.requests import Caps, make_request
from twisted_hoop.approval.rows import values_of, vote_values
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.store.database import Database, running
from twisted_hoop.store.tables import approvals, votes


def test_a2_one_person_has_one_vote_and_a7_one_pending_request_a_digest(store_url: str) -> None:
    database = Database(store_url, None)
    database.start()
    one = make_request(session_of(), DELETE, REVIEW, 1.0, Caps())
    other = make_request(session_of(), DELETE, REVIEW, 1.0, Caps())
    database.write_now(running(insert(approvals).values(values_of(one))))
    with pytest.raises(StoreUnavailable):
        database.write_now(running(insert(approvals).values(values_of(other))))
    vote = insert(votes).values(vote_values(one.id, Vote("i|bob", "Bob", True, "", 1.0)))
    database.write_now(running(vote))
    with pytest.raises(StoreUnavailable):
        database.write_now(running(vote))
    database.stop()
