"""A principal as one extension of an SSH certificate, `identity@twisted-hoop`, and back. Pure.

In the certificate's principals a person stands as `hoop:issuer|subject`. No account of a target is called so (a `:`
cannot stand in one's name, passwd(5)): a target that trusts the same authority lets nobody in past the gateway.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from twisted_hoop.model import Actor, Kind, Principal
from twisted_hoop.settings import Section

EXTENSION = "identity@twisted-hoop"
PROOF = "ssh-certificate"
_TERMS = 16


@dataclass(frozen=True, slots=True)
class Certified:
    """What a certificate says: the principal as it was certified, and under which settings (`terms`)."""

    principal: Principal
    terms: str


class _Link(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    iss: str = Field(min_length=1)
    sub: str = Field(min_length=1)


class _Identity(_Link):
    name: str
    groups: list[str]
    kind: Kind
    chain: list[_Link] = Field(max_length=8)
    expires: float | None
    sessions: int = Field(ge=0)
    terms: str = Field(min_length=_TERMS, max_length=_TERMS)


def terms_of(section: Section) -> str:
    """Names the settings of an issuer or account: a certificate made under others proves nobody any more (I9)."""
    return hashlib.sha256(section.model_dump_json(exclude_defaults=True).encode()).hexdigest()[:_TERMS]


def terms_in(principal: Principal) -> str:
    """The terms of a principal that was proved by certificate: they stand in its `proof_id` behind the digest."""
    return principal.proof_id[64:]


def principal_name(principal: Principal) -> str:
    """What stands in the certificate's principals."""
    return f"hoop:{principal.key}"


def pack_identity(principal: Principal, terms: str) -> bytes:
    """The extension's value."""
    value = {
        "iss": principal.issuer,
        "sub": principal.subject,
        "name": principal.name,
        "groups": sorted(principal.groups),
        "kind": principal.kind.value,
        "chain": [{"iss": actor.issuer, "sub": actor.subject} for actor in principal.chain],
        "expires": principal.expires,
        "sessions": principal.max_sessions,
        "terms": terms,
    }
    return json.dumps(value, separators=(",", ":")).encode()


def unpack_identity(data: bytes, blob: bytes, until: float) -> Certified:
    """Whom the extension names, or ValueError. `blob` is the whole certificate, `until` when it ends."""
    try:
        found = _Identity.model_validate_json(data)
    except ValidationError:
        raise ValueError("the certificate's identity is malformed") from None
    expires = until if found.expires is None else min(found.expires, until)
    principal = Principal(
        issuer=found.iss,
        subject=found.sub,
        name=found.name,
        groups=frozenset(found.groups),
        kind=found.kind,
        chain=tuple(Actor(link.iss, link.sub) for link in found.chain),
        proof=PROOF,
        expires=expires,
        proof_id=hashlib.sha256(blob).hexdigest() + found.terms,
        max_sessions=found.sessions,
    )
    return Certified(principal, found.terms)
