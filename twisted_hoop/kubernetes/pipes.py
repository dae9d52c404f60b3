"""What SPDY runs over in a port-forward: the upgraded connection itself, or binary messages of a WebSocket. Pure.

Where a message begins or ends means nothing there (k8s.io/apimachinery, TunnelingConnection).
"""

from __future__ import annotations

from typing import Protocol

from twisted_hoop.http.frames import BINARY, CLOSE, NORMAL, PORTION, Frames, close_frame, frame
from twisted_hoop.steps import Side


class Pipe(Protocol):
    """Takes SPDY out of a connection and puts it in. Raises ProtocolError."""

    def read(self, side: Side, data: bytes) -> list[tuple[bytes, bytes]]:
        """(SPDY of that side, what is for the other side as it stands), one of them b"", in their order."""

    def wrapped(self, to: Side, data: bytes) -> bytes:
        """SPDY as it goes to that side."""

    def end(self) -> bytes:
        """What tells the client that nothing follows."""

    def over(self) -> bool:
        """Whether one side has said so."""


class BarePipe:
    """A Pipe: the connection itself."""

    def read(self, side: Side, data: bytes) -> list[tuple[bytes, bytes]]:
        """See Pipe."""
        return [(data, b"")]

    def wrapped(self, to: Side, data: bytes) -> bytes:
        """See Pipe."""
        return data

    def end(self) -> bytes:
        """See Pipe."""
        return b""

    def over(self) -> bool:
        """See Pipe: SPDY has its own word for it."""
        return False


class WebSocketPipe:
    """A Pipe: the payload of messages. Pings and the like go on as they are."""

    def __init__(self) -> None:
        self._frames: dict[Side, Frames] = {"client": Frames("client"), "target": Frames("target")}

    def read(self, side: Side, data: bytes) -> list[tuple[bytes, bytes]]:
        """See Pipe."""
        to: Side = "target" if side == "client" else "client"
        return [
            (b"", frame(to, piece.opcode, piece.data)) if piece.opcode >= CLOSE else (piece.data, b"")
            for piece in self._frames[side].feed(data)
        ]

    def wrapped(self, to: Side, data: bytes) -> bytes:
        """See Pipe."""
        if len(data) <= PORTION:
            return frame(to, BINARY, data)
        return b"".join(frame(to, BINARY, data[at : at + PORTION]) for at in range(0, len(data), PORTION))

    def end(self) -> bytes:
        """See Pipe."""
        return close_frame("client", NORMAL)

    def over(self) -> bool:
        """See Pipe."""
        return any(frames.ended for frames in self._frames.values())
