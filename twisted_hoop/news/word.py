"""One word from one replica to all others, and the bytes it travels as."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

LONGEST = 4000
"""Bytes of a word. PostgreSQL takes payloads of less than 8000 (its documentation, NOTIFY)."""

APPROVAL, ACCESS, LOCKS, ENDS, CANCEL, VISIT, DRAIN, AGENTS = (
    "approval", "access", "locks", "ends", "cancel", "visit", "drain", "agents",
)  # fmt: skip
"""A request changed (its id), access for a while did, locks did, sessions are to end, somebody cancels
(`sessions.key_digest`), a visit ended or changed (its digest), a replica is to stop (its id), an agent came, went or
was revoked."""
MISSED = "missed"
"""Words may have been lost: look at everything. Only told within a process."""


@dataclass(frozen=True, slots=True)
class Word:
    """`kind` is one of the above; `value` is what it is about, "" for nothing; `sender` the replica's id."""

    kind: str
    value: str = ""
    sender: str = ""

    def encode(self) -> str:
        """As text: ASCII JSON. ValueError when it is too long."""
        text = json.dumps([self.sender, self.kind, self.value], separators=(",", ":"))
        if len(text) > LONGEST:
            raise ValueError("too long for a word")
        return text


Heard = Callable[[Word], None]


class INews(Protocol):
    """Where words are told and heard. In the reactor's thread."""

    def tell(self, kind: str, value: str = "") -> None:
        """Tell all other replicas. Returns at once and never raises: a word may be lost."""

    async def start(self) -> None:
        """Hear from now on. Never raises; what cannot be had now is tried again."""

    async def stop(self) -> None:
        """No more."""


def decode(text: str | bytes) -> Word | None:
    """The inverse of `encode`; None for what is no word."""
    try:
        found = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) != 3 or not all(isinstance(each, str) for each in found):
        return None
    sender, kind, value = found
    return Word(kind, value, sender)


class Silence:
    """The news of a gateway that is alone: there is nobody to tell."""

    def tell(self, kind: str, value: str = "") -> None:
        """See INews."""

    async def start(self) -> None:
        """See INews."""

    async def stop(self) -> None:
        """See INews."""
