"""Access to a target for a while: asked for, decided like any request, and over at a time that nothing prolongs.

A request for access is a request whose `action` is "access". Once granted, it is a grant until `until`: the principal
may open the target although none of its groups says so. It changes nothing about rules: they judge every command.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from twisted_hoop.approval.ballots import Objection
from twisted_hoop.approval.digest import digest_of_access
from twisted_hoop.approval.grants import Grant, chain_of
from twisted_hoop.approval.requests import ACCESS, Caps, Request
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.model import Principal
from twisted_hoop.settings import Settings, TargetSection
from twisted_hoop.store.codec import principal_data

SHORTEST = 60.0
"""Seconds; shorter access is over before anybody is in."""


def may_ask(principal: Principal, section: TargetSection) -> bool:
    """Whether the principal may ask for this target, as the settings stand.

    I8: an agent asks for nobody what it could not have itself: whoever bounds the principal may ask as well, or is let
    in by a group.
    """
    asking, let_in = set(section.request_groups), {*section.request_groups, *section.groups}
    return _any_of(principal, asking) and all(_any_of(each, let_in) for each in principal.within)


def _any_of(principal: Principal, groups: set[str]) -> bool:
    return "*" in groups or not groups.isdisjoint(principal.groups)


class AccessDesk:
    """Where access is asked for. `settings` gives those in force."""

    def __init__(self, shelf: Shelf, settings: Callable[[], Settings], caps: Caps | None = None) -> None:
        self._shelf = shelf
        self._settings = settings
        self._caps = caps or Caps()

    def offers(self, principal: Principal) -> list[TargetSection]:
        """The targets this principal may ask for, in the order of the file."""
        return [section for section in self._settings().targets if may_ask(principal, section)]

    async def held(self, principal: Principal) -> list[Grant]:
        """The principal's grants that hold now, by the store."""
        now, chain = self._shelf.now(), chain_of(principal)
        found = await self._shelf.grants()
        return [g for g in found if g.principal_key == principal.key and g.chain == chain and g.until > now]

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
