"""A principal as JSON in what the gateway itself signs, its tokens and certificates of SSH, and back. Pure.

Only what was verified is read here: a claim of the same name in a foreign issuer's token means nothing.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from twisted_hoop.model import Actor, Kind, Principal

TERMS = 16
"""Hexadecimal characters that name the settings somebody was proved under."""
ORIGIN = 10
"""Characters that name the exchange behind a certificate: how deep it was, and the key that signed the token."""
_MAX_BOUNDS = 16


class Link(BaseModel):
    """One identity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    iss: str = Field(min_length=1)
    sub: str = Field(min_length=1)


class Person(Link):
    """An identity with what rules ask for."""

    name: str
    groups: list[str]
    kind: Kind
    chain: list[Link] = Field(max_length=8)


class Stated(Person):
    """A whole principal, and under which settings it was proved (`terms`)."""

    expires: float | None
    sessions: int = Field(ge=0)
    terms: str = Field(min_length=TERMS, max_length=TERMS)
    targets: list[str] | None = None
    within: list[Person] = Field(default_factory=list, max_length=_MAX_BOUNDS)
    exchanged: str = Field(default="", pattern=f"^([0-9a-f]{{{ORIGIN}}})?$")


def stated(principal: Principal, terms: str) -> dict[str, Any]:
    """The JSON; what does not narrow it leaves no trace."""
    value = {**_person(principal), "expires": principal.expires, "sessions": principal.max_sessions, "terms": terms}
    if principal.targets is not None:
        value["targets"] = sorted(principal.targets)
    if principal.within:
        value["within"] = [_person(each) for each in principal.within]
    return value


def restored(found: Stated, proof: str, proof_id: str, until: float) -> Principal:
    """The principal of the identity it was proved by first, until `until` (POSIX) at most."""
    return Principal(
        issuer=found.iss,
        subject=found.sub,
        name=found.name,
        groups=frozenset(found.groups),
        kind=found.kind,
        chain=_chain(found),
        proof=proof,
        expires=until if found.expires is None else min(found.expires, until),
        proof_id=proof_id,
        max_sessions=found.sessions,
        within=tuple(_bound(each) for each in found.within),
        targets=None if found.targets is None else frozenset(found.targets),
    )


def read(value: object) -> Stated:
    """What such JSON says, or ValueError."""
    try:
        text = value if isinstance(value, (bytes, str)) else None
        return Stated.model_validate_json(text) if text is not None else Stated.model_validate(value, strict=False)
    except ValidationError:
        raise ValueError("the identity is malformed") from None


def _person(principal: Principal) -> dict[str, Any]:
    return {
        "iss": principal.issuer,
        "sub": principal.subject,
        "name": principal.name,
        "groups": sorted(principal.groups),
        "kind": principal.kind.value,
        "chain": [{"iss": actor.issuer, "sub": actor.subject} for actor in principal.chain],
    }


def _bound(person: Person) -> Principal:
    groups, chain = frozenset(person.groups), _chain(person)
    return Principal(person.iss, person.sub, person.name, groups, person.kind, chain, proof="bound")


def _chain(person: Person) -> tuple[Actor, ...]:
    return tuple(Actor(link.iss, link.sub) for link in person.chain)
