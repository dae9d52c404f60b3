"""Recordings for tests: a recorder on a manual clock, whose slow work is done at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.model import Actor, Entry, Outcome, Peer, Principal, Session, Target
from twisted_hoop.recording import framing
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.recording.segments import Segments
from twisted_hoop.settings import RecordingSection

STARTED = 1_795_330_800.25
ALICE = Principal(
    "https://issuer.example", "u-1", "alice", frozenset({"dev", "ops"}), chain=(Actor("hoop", "agent-7"),)
)
SHOP = Target("shop", "postgres", "tcp:db.internal:5432")


class Vaulted:
    """A transit key of a test: what it encrypts is reversed."""

    place = "transit/hoop"

    def __init__(self, honest: bool = True) -> None:
        self.honest = honest

    def encrypt(self, key: bytes) -> str:
        return "vault:v1:" + key[::-1].hex()

    def decrypt(self, sealed: str, place: str) -> bytes:
        if place != self.place:
            raise SecretUnavailable("no such key")
        return bytes.fromhex(sealed.removeprefix("vault:v1:"))[:: -1 if self.honest else 1]


def session(name: str = "session-0001", started: float = STARTED, principal: Principal = ALICE) -> Session:
    """A session of alice's agent with the shop."""
    return Session(name, principal, SHOP, Peer("192.0.2.7", 40001, True), started, {"database": "shop"})


def command(text: str = "select 1", **more: Any) -> Entry:
    """A command as the PostgreSQL relay records it."""
    data = {"action": "query", "text": text, "parameters": [], "decision": "allow", "rule": "readers"}
    return Entry("command", {**data, "approval": None, "masks": [], "tables": ["public.customers"], **more})


def outcome(**more: Any) -> Entry:
    """An outcome as the PostgreSQL relay records it."""
    data = {"tag": "SELECT 1", "rows": 1, "bytes": 42, "masked": 0, "sqlstate": None, "seconds": 0.0015}
    return Entry("outcome", {**data, **more})


def recorder(state: Path, clock: Clock | None = None, **settings: Any) -> Recorder:
    """A recorder in a state folder; `settings` are the [recording] section's."""
    section = RecordingSection(**{"minimum_free": 0, **settings})
    return Recorder(section, state, clock or Clock(), "hoop-test", in_thread=execute)


def now(deferred: Deferred[Any] | None) -> Any:
    """The result of a Deferred that has fired; raises what it failed with."""
    assert deferred is not None
    results: list[Any] = []
    deferred.addBoth(results.append)
    assert results, "it has not fired"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def recorded(state: Path, *entries: Entry, name: str = "session-0001", started: float = STARTED) -> Path:
    """A closed recording's file, with these entries."""
    place = recorder(state)
    recording = place.open(session(name, started))
    for entry in entries:
        recording.write(entry)
    now(recording.close(Outcome("closed")))
    return place.folder / recording.path


def split(data: bytes) -> list[bytes]:
    """A file as its magic and frames, without judging them."""
    parts, at = [data[: len(framing.MAGIC)]], len(framing.MAGIC)
    while at < len(data):
        length, _kind = framing.HEAD.unpack_from(data, at)
        parts.append(data[at : at + framing.OVERHEAD + length])
        at += framing.OVERHEAD + length
    return parts


def resealed(parts: list[bytes]) -> bytes:
    """The same frames with a chain computed anew: what an attacker without the key can do."""
    chain, whole = framing.ROOT, parts[0]
    for part in parts[1:]:
        frame, chain = framing.seal(chain, part[4], part[framing.HEAD.size : -framing.CHAIN])
        whole += frame
    return whole


def sealed_body(segments: Segments, first: int, count: int, micros: int, entries: bytes, worth: bool = False) -> bytes:
    """The body of the frame that a segment becomes."""
    heads, sealed, _chain = segments.seal(framing.ROOT, first, count, micros, entries, worth, False)
    return heads[framing.HEAD.size :] + sealed


def spans(data: bytes) -> Iterator[tuple[int, int]]:
    """(first byte, byte after the last) of the magic and of every frame."""
    at = 0
    for part in split(data):
        yield at, at + len(part)
        at += len(part)


Change = Callable[[bytes], bytes]
