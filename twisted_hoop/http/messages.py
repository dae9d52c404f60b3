"""HTTP messages as values, between the bytes of connections and those who understand them. Pure.

Header names are lower case, values as they were sent without white space around them; both are bytes. What the engine
owns never stands among them: connection, keep-alive, proxy-*, te, trailer, transfer-encoding, content-length, upgrade.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

Headers = tuple[tuple[bytes, bytes], ...]


class Framing(Enum):
    """How a body ends (RFC 9112, section 6)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request without its body. `path` and `query` are as sent and canonical (K6): what is judged is what is sent.

    `host` is the Host header; `upgrade` the protocol asked for, lower case, or b"". `length` counts with LENGTH only.
    """

    method: bytes
    path: bytes
    query: bytes
    host: bytes
    headers: Headers
    framing: Framing = Framing.NONE
    length: int = 0
    upgrade: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key == name]

    def value(self, name: bytes) -> bytes:
        """The first value of a header, b"" when there is none."""
        return next((value for key, value in self.headers if key == name), b"")


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """An answer without its body. A `status` of 101 carries `upgrade`."""

    status: int
    reason: bytes
    headers: Headers
    framing: Framing = Framing.NONE
    length: int = 0
    upgrade: bytes = b""

    def value(self, name: bytes) -> bytes:
        """The first value of a header, b"" when there is none."""
        return next((value for key, value in self.headers if key == name), b"")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer the gateway gives by itself."""

    status: int
    body: bytes = b""
    headers: Headers = field(default=((b"content-type", b"application/json"),))
