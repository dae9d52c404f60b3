"""Leases that nobody writes down."""

from __future__ import annotations

from tests.support.coroutines import now
from twisted_hoop.model import TargetLease
from twisted_hoop.secrets.leases import LeaseBook
from twisted_hoop.secrets.nowhere import Nowhere


def test_it_knows_of_nothing() -> None:
    book: LeaseBook = Nowhere()
    for work in (
        book.put(TargetLease("a", "vault:database/creds/x", "s", 1.0)),
        book.extended("a", 2.0),
        book.owing("a"),
        book.interrupted(["s"]),
        book.done("a"),
    ):
        assert now(work) is None
    assert now(book.due()) == []
