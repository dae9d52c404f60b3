"""What stands in the frames: JSON of the header, of entries, and the signed statement that ends a recording. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.model import Principal, Session
from twisted_hoop.recording import framing
from twisted_hoop.recording.plain import as_json

VERSION = 2
SIGNATURE = 64
"""Bytes of an Ed25519 signature (RFC 8032)."""
MAX_MESSAGE = 1000
"""Characters kept of an outcome's message."""
_FINAL_DOMAIN = b"hoop recording 1\0"
_HEAD_DOMAIN = b"hoop head 1\0"


def describe(session: Session, gateway: str, policy_version: str, key: str) -> bytes:
    """The header's body: who uses what, from where, under which policy. Never a credential (R11).

    It stands in the clear. `key` is the id of the data key that the entries are encrypted with.
    """
    who = session.principal
    return as_json(
        {
            "format": VERSION,
            "session": session.id,
            "gateway": gateway,
            "started": session.started,
            "policy": policy_version,
            "principal": {
                "issuer": who.issuer,
                "subject": who.subject,
                "name": who.name,
                "groups": sorted(who.groups),
                "kind": who.kind.value,
                "proof": who.proof,
                "chain": list(who.chain),
                **_bounds(who),
            },
            "target": session.target.name,
            "protocol": session.target.protocol,
            "peer": session.peer,
            "attributes": dict(session.attributes),
            "cipher": "AES-256-GCM",
            "key": key,
        }
    )


def _bounds(who: Principal) -> dict[str, Any]:
    """What an exchanged token narrowed; nothing for every other."""
    found: dict[str, Any] = {} if who.targets is None else {"targets": sorted(who.targets)}
    if who.within:
        found["within"] = [
            {
                "issuer": each.issuer,
                "subject": each.subject,
                "groups": sorted(each.groups),
                "kind": each.kind.value,
                "chain": list(each.chain),
            }
            for each in who.within
        ]
    return found


def decode(frame: framing.Frame) -> dict[str, Any]:
    """A frame as readers see it: the header as entry 0 of kind "open", the statement at the end as kind "close".

    Not of a sealed frame or a signed head: `reading.py` opens the one and passes over the other.
    """
    if frame.kind == framing.FINAL:
        statement = Statement.parse(frame.body, frame.offset)[1]
        return {"n": statement.count + 1, "t": statement.seconds, "kind": "close", **asdict(statement)}
    try:
        value = orjson.loads(frame.body)
    except orjson.JSONDecodeError as error:
        raise RecordingDamaged(f"the frame at byte {frame.offset} is not JSON: {error}", frame.offset) from error
    if not isinstance(value, dict):
        raise RecordingDamaged(f"the frame at byte {frame.offset} is not an object", frame.offset)
    return {"n": 0, "t": 0.0, "kind": "open", **value} if frame.kind == framing.HEADER else value


@dataclass(frozen=True, slots=True)
class Statement:
    """What the gateway signs at the end. `head` is the chain value of the last frame before it, in hex.

    `count` is the number of entries, `seconds` the length of the session; `torn` the bytes a crash left of a frame
    that was never acknowledged; `key` the id of the signing key.
    """

    session: str
    outcome: str
    message: str
    count: int
    head: str
    seconds: float
    key: str
    torn: int = 0

    def signed(self) -> bytes:
        """The exact bytes the signature covers, and the final frame holds after the signature."""
        return orjson.dumps(self)

    @classmethod
    def parse(cls, body: bytes, offset: int = -1) -> tuple[bytes, Statement]:
        """(signature, statement) of a final frame's body, or RecordingDamaged. The signature is not checked here."""
        try:
            value = orjson.loads(body[SIGNATURE:])
            statement = cls(**value)
        except (orjson.JSONDecodeError, TypeError) as error:
            raise RecordingDamaged(f"the final frame is not readable: {error}", offset) from error
        if not all(isinstance(getattr(statement, name), kind) for name, kind in _FIELDS.items()):
            raise RecordingDamaged("the final frame's statement has a field of the wrong type", offset)
        return body[:SIGNATURE], statement


_FIELDS: dict[str, type | tuple[type, ...]] = {
    "session": str,
    "outcome": str,
    "message": str,
    "count": int,
    "head": str,
    "seconds": (int, float),
    "key": str,
    "torn": int,
}


@dataclass(frozen=True, slots=True)
class Head:
    """What the gateway signs on the way: `count` entries in `segments` segments are covered by chain value `head`."""

    session: str
    count: int
    segments: int
    head: str
    seconds: float
    key: str

    def signed(self) -> bytes:
        """The exact bytes the signature covers, and the frame holds after the signature."""
        return orjson.dumps(self)

    @classmethod
    def parse(cls, body: bytes, offset: int = -1) -> tuple[bytes, Head]:
        """(signature, head) of such a frame's body, or RecordingDamaged. The signature is not checked here."""
        try:
            head = cls(**orjson.loads(body[SIGNATURE:]))
        except (orjson.JSONDecodeError, TypeError) as error:
            raise RecordingDamaged(f"the signed head at byte {offset} is not readable: {error}", offset) from error
        if not all(isinstance(getattr(head, name), kind) for name, kind in _HEAD_FIELDS.items()):
            raise RecordingDamaged(f"the signed head at byte {offset} has a field of the wrong type", offset)
        return body[:SIGNATURE], head


_HEAD_FIELDS: dict[str, type | tuple[type, ...]] = {
    "session": str,
    "count": int,
    "segments": int,
    "head": str,
    "seconds": (int, float),
    "key": str,
}


def head_to_sign(body: bytes) -> bytes:
    """What is signed for the bytes of a Head."""
    return _HEAD_DOMAIN + body


def to_sign(body: bytes) -> bytes:
    """What is signed for the statement bytes `body`: with a prefix, so that no other signature can stand in for it."""
    return _FINAL_DOMAIN + body


def shorten(message: str) -> str:
    """A message that fits the final frame whatever it holds: cut at MAX_MESSAGE characters, no surrogates."""
    return message[:MAX_MESSAGE].encode("utf-8", "backslashreplace").decode()[:MAX_MESSAGE]
