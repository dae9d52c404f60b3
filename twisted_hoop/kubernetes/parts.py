"""What passes over an exec or attach, whatever it is framed in. Values and protocols only. Pure.

Both families of subprotocols carry the same five streams: `channel.k8s.io` over WebSocket (websocket.py), and
`v4.channel.k8s.io` over SPDY (spdy_streams.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Stream = Literal["stdin", "stdout", "stderr", "error", "resize", ""]
FROM_CLIENT: frozenset[Stream] = frozenset({"stdin", "resize"})
FROM_TARGET: frozenset[Stream] = frozenset({"stdout", "stderr", "error"})


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a stream; `last` tells that it ends with them.

    With stream "" they are a frame about the connection, written for the other side already; `last` tells that this
    side will send nothing more.
    """

    stream: Stream
    data: bytes
    last: bool = False


class Codec(Protocol):
    """Reads and writes one connection, both sides of it. Raises ProtocolError for what is not the protocol."""

    def client(self, data: bytes) -> list[Part]:
        """What the client's bytes are."""

    def target(self, data: bytes) -> list[Part]:
        """What the target's bytes are."""

    def to_client(self, stream: Stream, data: bytes, last: bool = False) -> bytes:
        """Bytes of a stream for the client."""

    def to_target(self, stream: Stream, data: bytes, last: bool = False) -> bytes:
        """Bytes of a stream for the target."""

    def goodbye(self, status: bytes) -> bytes:
        """For the client: a Status on the error stream, and the end."""
