"""Requests for access that were granted and hold: what lets a principal open a target for a while."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import ACCESS
from twisted_hoop.model import Principal
from twisted_hoop.store.tables import approvals


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to open a target until a POSIX time. `chain` is that of who asked: an agent's grant is not its user's."""

    id: str
    principal_key: str
    chain: tuple[str, ...]
    target: str
    until: float


class Grants:
    """The grants that hold, as this process knows them: replaced whole when the store was read. No I/O.

    Without news from the store for `patience` seconds, none hold: one may have been taken back (A6).
    """

    def __init__(self, patience: float = 30.0) -> None:
        self._patience = patience
        self._held: dict[tuple[str, str], list[Grant]] = {}
        self._as_of = 0.0

    def replace(self, grants: Iterable[Grant], now: float) -> None:
        """These are all there are at `now` (POSIX)."""
        held: dict[tuple[str, str], list[Grant]] = {}
        for grant in grants:
            held.setdefault((grant.principal_key, grant.target), []).append(grant)
        self._held, self._as_of = held, now

    def holds(self, principal: Principal, target: str, now: float) -> Grant | None:
        """The grant that lets this principal open the target at `now`, the one that lasts longest."""
        found = self._held.get((principal.key, target))
        if not found or now - self._as_of > self._patience:
            return None
        chain = chain_of(principal)
        return max((g for g in found if g.until > now and g.chain == chain), key=lambda g: g.until, default=None)


def granted(connection: Connection, now: float) -> list[Grant]:
    """The grants that hold at `now`."""
    c = approvals.c
    query = select(c.id, c.principal_key, c.principal_json, c.target, c.until)
    query = query.where(c.action == ACCESS, c.state == State.GRANTED.value, c.until > now)
    return [_grant(*row) for row in connection.execute(query)]


def _grant(ident: str, key: str, principal_json: str, target: str, until: float) -> Grant:
    actors = json.loads(principal_json)["chain"]
    return Grant(ident, key, tuple(f"{a['issuer']}|{a['subject']}" for a in actors), target, until)


def chain_of(principal: Principal) -> tuple[str, ...]:
    """Keys of those who act for the principal, in order."""
    return tuple(f"{actor.issuer}|{actor.subject}" for actor in principal.chain)
