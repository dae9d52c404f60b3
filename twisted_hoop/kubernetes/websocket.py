"""The streams of exec and attach as channels of a WebSocket: v1 to v5 of `channel.k8s.io`, binary and base64. Pure.

A message is a channel's number and bytes: 0 stdin, 1 stdout, 2 stderr, 3 a Status, 4 the size of the terminal; with v5
255 tells that a channel ends. Source: k8s.io/apimachinery/pkg/util/remotecommand, k8s.io/apiserver wsstream.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.frames import BINARY, CLOSE, NORMAL, PORTION, TEXT, Frames, Piece, close_frame, frame
from twisted_hoop.kubernetes.parts import FROM_CLIENT, FROM_TARGET, Part, Stream
from twisted_hoop.steps import Side

PROTOCOLS = frozenset({
    b"v5.channel.k8s.io", b"v4.channel.k8s.io", b"v3.channel.k8s.io", b"v2.channel.k8s.io", b"channel.k8s.io",
    b"v4.base64.channel.k8s.io", b"base64.channel.k8s.io", b"",
})  # fmt: skip
"""Subprotocols that are read here; b"" is the first of them, which needs no name."""
STREAMS: tuple[Stream, ...] = ("stdin", "stdout", "stderr", "error", "resize")
"""By their channel."""
CLOSED = 255
"""The channel of v5 on which the numbers of channels that end are told."""
MAX_WHOLE = 1024 * 1024
"""Bytes of a message that must be whole: a Status, a size, and base64."""


@dataclass(slots=True)
class _Reading:
    """One side: its frames, and the message that is coming."""

    side: Side
    frames: Frames
    allowed: frozenset[Stream]
    channel: int = -1
    kept: bytes = b""


class ChannelCodec:
    """A Codec, see the module. `protocol` is the subprotocol that the target chose, one of PROTOCOLS."""

    def __init__(self, protocol: bytes) -> None:
        self._base64 = b"base64" in protocol
        self._closes = protocol.startswith(b"v5.")
        self._client = _Reading("client", Frames("client"), FROM_CLIENT)
        self._target = _Reading("target", Frames("target"), FROM_TARGET)

    def client(self, data: bytes) -> list[Part]:
        """See Codec."""
        return self._read(self._client, data, "target")

    def target(self, data: bytes) -> list[Part]:
        """See Codec."""
        return self._read(self._target, data, "client")

    # -- reading --------------------------------------------------------------------------------------------------

    def _read(self, reading: _Reading, data: bytes, to: Side) -> list[Part]:
        found: list[Part] = []
        for piece in reading.frames.feed(data):
            if piece.opcode >= CLOSE:
                found.append(Part("", frame(to, piece.opcode, piece.data), piece.opcode == CLOSE))
            elif self._base64:
                self._encoded(reading, piece, to, found)
            else:
                self._piece(reading, piece, to, found)
        return found

    def _piece(self, reading: _Reading, piece: Piece, to: Side, found: list[Part]) -> None:
        """A part of a message: bytes of streams go on as they come, the rest is waited for."""
        data = piece.data
        if piece.first:
            reading.channel, reading.kept = -1, b""
        if reading.channel < 0 and data:
            reading.channel, data = data[0], data[1:]
            if piece.last and not data:  # API servers announce their channels with nothing but the number
                self._announced(reading, to, found)
                return
        if reading.channel in (0, 1, 2):
            if data:
                found.append(Part(self._stream(reading), data))
            return
        reading.kept += data
        self._check_size(reading)
        if piece.last and reading.channel >= 0:
            self._whole(reading, to, found)

    def _check_size(self, reading: _Reading) -> None:
        if len(reading.kept) > MAX_WHOLE:
            raise ProtocolError("a message that must be whole is too large", reading.side, "400")

    def _announced(self, reading: _Reading, to: Side, found: list[Part]) -> None:
        number = reading.channel
        if number >= len(STREAMS):
            raise ProtocolError("a channel that nobody knows", reading.side, "400")
        found.append(Part("", self._framed(to, number, b"")))

    def _whole(self, reading: _Reading, to: Side, found: list[Part]) -> None:
        if reading.channel == CLOSED and self._closes:
            number = reading.kept[0] if len(reading.kept) == 1 else CLOSED
            if number >= len(STREAMS):
                raise ProtocolError("a channel ends that nobody knows", reading.side, "400")
            if STREAMS[number] in reading.allowed:
                found.append(Part(STREAMS[number], b"", True))
            else:  # who reads a stream may give it up
                found.append(Part("", self._framed(to, CLOSED, reading.kept)))
        else:
            found.append(Part(self._stream(reading), reading.kept))
        reading.kept = b""

    def _encoded(self, reading: _Reading, piece: Piece, to: Side, found: list[Part]) -> None:
        reading.kept += piece.data
        self._check_size(reading)
        if not piece.last:
            return
        message, reading.kept = reading.kept, b""
        if not message:
            return
        try:
            reading.channel, data = int(message[:1]), base64.b64decode(message[1:], validate=True)
        except (ValueError, binascii.Error):
            raise ProtocolError("a message that is not base64", reading.side, "400") from None
        if data:
            found.append(Part(self._stream(reading), data))
        else:
            self._announced(reading, to, found)

    def _stream(self, reading: _Reading) -> Stream:
        number = reading.channel
        if number >= len(STREAMS) or STREAMS[number] not in reading.allowed:
            raise ProtocolError(f"a message on channel {number}, which is not for this side", reading.side, "400")
        return STREAMS[number]

    # -- writing --------------------------------------------------------------------------------------------------

    def to_client(self, stream: Stream, data: bytes, last: bool = False) -> bytes:
        """See Codec."""
        return self._written("client", STREAMS.index(stream), data, last)

    def to_target(self, stream: Stream, data: bytes, last: bool = False) -> bytes:
        """See Codec."""
        return self._written("target", STREAMS.index(stream), data, last)

    def _written(self, to: Side, number: int, data: bytes, last: bool) -> bytes:
        if len(data) <= PORTION:
            out = self._framed(to, number, data) if data else b""
        else:
            out = b"".join(self._framed(to, number, data[at : at + PORTION]) for at in range(0, len(data), PORTION))
        return out + self._framed(to, CLOSED, bytes((number,))) if last and self._closes else out

    def _framed(self, to: Side, number: int, data: bytes) -> bytes:
        if self._base64:
            return frame(to, TEXT, b"%d" % number + base64.b64encode(data))
        return frame(to, BINARY, bytes((number,)) + data)

    def goodbye(self, status: bytes) -> bytes:
        """See Codec."""
        return self.to_client("error", status) + close_frame("client", NORMAL)
