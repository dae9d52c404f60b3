"""Grants as one process knows them; from asking to their end: test_approval_access."""

from __future__ import annotations

from tests.support.approvals import ALICE
from twisted_hoop.approval.grants import Grant, Grants


def test_A6_without_news_from_the_store_no_grant_holds_for_long() -> None:
    grants, grant = Grants(patience=30.0), Grant("g", ALICE.key, (), "shop", 10_000.0)
    grants.replace([grant], 1000.0)
    assert grants.holds(ALICE, "shop", 1030.0) == grant
    assert grants.holds(ALICE, "shop", 1031.0) is None


def test_the_longest_of_several_counts() -> None:
    grants = Grants()
    grants.replace([Grant("a", ALICE.key, (), "shop", 50.0), Grant("b", ALICE.key, (), "shop", 90.0)], 10.0)
    found = grants.holds(ALICE, "shop", 20.0)
    assert found is not None and found.id == "b"
