"""A principal as one extension of an SSH certificate, `identity@twisted-hoop`, and back. Pure.

In the certificate's principals a person stands as `hoop:issuer|subject`. No account of a target is called so (a `:`
cannot stand in one's name, passwd(5)): a target that trusts the same authority lets nobody in past the gateway.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from twisted_hoop.identity.own_issuer import origin_of
from twisted_hoop.identity.stating import TERMS, read, restored, stated
from twisted_hoop.model import Principal
from twisted_hoop.settings import Section

EXTENSION = "identity@twisted-hoop"
PROOF = "ssh-certificate"


@dataclass(frozen=True, slots=True)
class Certified:
    """What a certificate says: the principal as it was certified, and under which settings (`terms`)."""

    principal: Principal
    terms: str


def terms_of(section: Section) -> str:
    """Names the settings of an issuer or account: a certificate made under others proves nobody any more (I9)."""
    return hashlib.sha256(section.model_dump_json(exclude_defaults=True).encode()).hexdigest()[:TERMS]


def terms_in(principal: Principal) -> str:
    """The terms of a principal that was proved by certificate: they stand in its `proof_id` behind the digest."""
    return principal.proof_id[64 : 64 + TERMS]


def principal_name(principal: Principal) -> str:
    """What stands in the certificate's principals."""
    return f"hoop:{principal.key}"


def pack_identity(principal: Principal, terms: str) -> bytes:
    """The extension's value. It says whether the principal was proved by a token of our own (`origin_of`)."""
    origin = origin_of(principal)
    value = stated(principal, terms) | ({"exchanged": origin} if origin else {})
    return json.dumps(value, separators=(",", ":")).encode()


def unpack_identity(data: bytes, blob: bytes, until: float) -> Certified:
    """Whom the extension names, or ValueError. `blob` is the whole certificate, `until` when it ends."""
    try:
        found = read(data)
    except ValueError:
        raise ValueError("the certificate's identity is malformed") from None
    proof_id = hashlib.sha256(blob).hexdigest() + found.terms + found.exchanged
    return Certified(restored(found, PROOF, proof_id, until), found.terms)
