"""Access to a target for a while: asked for, decided like any request, and over at a time that nothing prolongs.

A request for access is a request whose `action` is "access". Once granted, it is a grant until `until`: the principal
may open the target although none of its groups says so. It changes nothing about rules: they judge every command.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from twisted_hoop.approval.ballots import Objection
from twisted_hoop.approval.digest import digest_of_access
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import ACCESS, Caps, Request
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.model import Principal
from twisted_hoop.settings import Settings, TargetSection
from twisted_hoop.store.codec import principal_data
from twisted_hoop.store.tables import approvals

SHORTEST = 60.0
"""Seconds; shorter access is over before anybody is in."""


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
        chain = _chain(principal)
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


def _chain(principal: Principal) -> tuple[str, ...]:
    return tuple(f"{actor.issuer}|{actor.subject}" for actor in principal.chain)


def may_ask(principal: Principal, section: TargetSection) -> bool:
    """Whether the principal may ask for this target, as the settings stand."""
    return "*" in section.request_groups or bool(principal.groups & set(section.request_groups))


class AccessDesk:
    """Where access is asked for. `settings` gives those in force."""

    def __init__(self, shelf: Shelf, settings: Callable[[], Settings], caps: Caps | None = None) -> None:
        self._shelf = shelf
        self._settings = settings
        self._caps = caps or Caps()

    def offers(self, principal: Principal) -> list[TargetSection]:
        """The targets this principal may ask for, in the order of the file."""
        return [section for section in self._settings().targets if may_ask(principal, section)]

    async def ask(self, principal: Principal, target: str, seconds: float, reason: str, policy_version: str) -> Request:
        """File a request, or join the same one that is pending. Raises Objection and LimitExceeded.

        A target that is not there and one that may not be asked for are the same to who asks.
        """
        section = next((s for s in self.offers(principal) if s.name == target), None)
        if section is None:
            raise Objection("missing", "no such target, or not one you may ask for")
        if not SHORTEST <= seconds <= section.request_longest:
            raise Objection("forbidden", f"ask for {SHORTEST:.0f} to {section.request_longest:.0f} seconds")
        if section.request_reason and not reason.strip():
            raise Objection("forbidden", "say why: requests for this target need a reason")
        request = _request(principal, section, seconds, reason, policy_version, self._shelf.now(), self._caps)
        return await self._shelf.file(request, self._caps)


def _request(
    principal: Principal,
    section: TargetSection,
    seconds: float,
    reason: str,
    policy_version: str,
    now: float,
    caps: Caps,
) -> Request:
    terms = (*sorted(section.request_approvers), str(section.request_approvals), reason)
    return Request(
        id=secrets.token_hex(10),
        session_id="",
        principal_key=principal.key,
        principal=principal_data(principal),
        target=section.name,
        action=ACCESS,
        text=f"open {section.name} for {_spoken(seconds)}",
        parameters=(),
        context=(),
        attributes={},
        tables=(),
        classes=(),
        facts=(),
        reason=reason,
        rule=f"target {section.name}",
        rule_reason="access for a while",
        policy_version=policy_version,
        digest=digest_of_access(principal, section.name, seconds, terms),
        approvers=frozenset(section.request_approvers),
        quorum=section.request_approvals,
        valid=seconds,
        uses=1,
        uses_left=0,
        detached=True,
        created=now,
        deadline=now + caps.unattended,
    )


def _spoken(seconds: float) -> str:
    """`90 minutes`, `2 hours`: what approvers read."""
    for size, word in ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {word}{'' if seconds == size else 's'}"
    return f"{seconds:.0f} seconds"
