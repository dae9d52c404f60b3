"""Tokens of everybody in the demo, in files that only their owner reads, fresh for as long as the demo runs."""

from __future__ import annotations

from twisted_hoop.demo.keyring import PEOPLE, KeyRing, mint_with
from twisted_hoop.demo.place import Place, write_private

LIFETIME = 3600.0
REFRESH = 1200.0
"""Well before a token ends: what was pasted a while ago still works."""
DELEGATED = ("alice", "agent-7")
"""The agent that works for alice: her token, with it in the chain (RFC 8693 `act`)."""


def delegated_name() -> str:
    """How the delegated token's file is called."""
    person, agent = DELEGATED
    return f"{agent}-for-{person}"


def write_tokens(place: Place, ring: KeyRing) -> None:
    """One file for each; those who read one meanwhile get the old token."""
    for who in PEOPLE:
        write_private(place.tokens / who, mint_with(ring, who, lifetime=LIFETIME))
    write_private(place.tokens / delegated_name(), mint_with(ring, *DELEGATED, lifetime=LIFETIME))
