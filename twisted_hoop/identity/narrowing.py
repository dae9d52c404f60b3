"""What an exchanged token may do: never more than any of those it was made from (RFC 8693). Pure.

Nothing is taken away by leaving it out: groups that were left out still bind, for a prohibition may name them, and they
stay in `within` with all the person's groups; so does the actor with its own rights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from twisted_hoop.errors import HoopError
from twisted_hoop.identity.claims import MAX_CHAIN
from twisted_hoop.identity.own_issuer import depth_in
from twisted_hoop.model import Actor, Principal

MAX_BOUNDS = 16
BOUND = "bound"
"""The `proof` of principals that only bound others."""
Code = Literal["invalid_request", "invalid_client", "invalid_target", "invalid_scope", "unsupported_grant_type"]


class ExchangeRefused(HoopError):
    """A request that gets no token. `code` is an error of RFC 6749, section 5.2, or RFC 8693, section 2.2.2."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code: Code = code


@dataclass(frozen=True, slots=True)
class Narrower:
    """What is asked for; None leaves it as it is."""

    targets: frozenset[str] | None = None
    groups: frozenset[str] | None = None


def narrowed(subject: Principal, wanted: Narrower, actor: Principal | None = None) -> Principal:
    """The principal of the new token, or ExchangeRefused when it would have more than the subject or the actor has."""
    chain = subject.chain if actor is None else (_link(subject, actor), *subject.chain)
    if len(chain) > MAX_CHAIN:
        raise ExchangeRefused("invalid_request", "too many act for one another")
    groups = _groups(subject, wanted.groups)
    bounds = [replace(each, chain=chain) if each.key == subject.key else each for each in subject.within]
    if groups != subject.groups:
        bounds.append(replace(_bare(subject), chain=chain))
    if actor is not None:
        bounds += [_bare(actor), *actor.within]
    within = tuple(dict.fromkeys(bounds))
    if len(within) > MAX_BOUNDS:
        raise ExchangeRefused("invalid_request", "the rights of too many bound this token")
    deepest = subject if actor is None or depth_in(subject) >= depth_in(actor) else actor
    return replace(
        subject,
        groups=groups,
        chain=chain,
        within=within,
        targets=_targets(subject, wanted.targets, actor),
        expires=_soonest(subject, actor),
        proof=deepest.proof,
        proof_id=deepest.proof_id,
    )


def _link(subject: Principal, actor: Principal) -> Actor:
    """Confused deputy: who acts does so as itself, not with the rights of a third whom it acts for."""
    if actor.chain:
        raise ExchangeRefused("invalid_request", "the actor acts for somebody itself")
    if actor.key in subject.everybody:
        raise ExchangeRefused("invalid_request", "nobody acts for themselves")
    return Actor(actor.issuer, actor.subject)


def _groups(subject: Principal, wanted: frozenset[str] | None) -> frozenset[str]:
    if wanted is None:
        return subject.groups
    if not wanted <= subject.groups:
        raise ExchangeRefused("invalid_scope", "a group is asked for that the subject has not")
    return wanted


def _targets(subject: Principal, wanted: frozenset[str] | None, actor: Principal | None) -> frozenset[str] | None:
    """Those asked for, within those the tokens are for already."""
    limits = [one.targets for one in (subject, actor) if one is not None and one.targets is not None]
    if wanted is not None and not all(wanted <= limit for limit in limits):
        raise ExchangeRefused("invalid_target", NO_TARGET)
    found = wanted if wanted is not None else frozenset.intersection(*limits) if limits else None
    if found is not None and not found:
        raise ExchangeRefused("invalid_target", NO_TARGET)
    return found


NO_TARGET = "there is no such target, or it is not open to this token"
"""What is unknown and what is forbidden are answered alike."""


def _soonest(*principals: Principal | None) -> float | None:
    ends = [one.expires for one in principals if one is not None and one.expires is not None]
    return min(ends, default=None)


def _bare(principal: Principal) -> Principal:
    """With its rights, without what is about its credential."""
    return Principal(
        principal.issuer,
        principal.subject,
        principal.name,
        principal.groups,
        principal.kind,
        principal.chain,
        BOUND,
    )
