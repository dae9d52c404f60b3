"""The streams of exec and attach as streams of SPDY, each opened by the client with its `streamtype`. Pure.

Source: k8s.io/client-go/tools/remotecommand (v2.go to v4.go), k8s.io/apimachinery/pkg/util/httpstream/spdy.
"""

from __future__ import annotations

from typing import cast, get_args

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.parts import FROM_CLIENT, FROM_TARGET, Part, Stream
from twisted_hoop.kubernetes.spdy import GOAWAY, SYN_REPLY, SYN_STREAM, Control, Data, Frame, SpdyReader, SpdyWriter
from twisted_hoop.steps import Side

PROTOCOLS = frozenset({
    b"v5.channel.k8s.io", b"v4.channel.k8s.io", b"v3.channel.k8s.io", b"v2.channel.k8s.io", b"channel.k8s.io", b"",
})  # fmt: skip
"""Values of X-Stream-Protocol-Version whose streams are read here."""


class SpdyCodec:
    """A Codec, see the module and parts.py."""

    def __init__(self) -> None:
        self._from_client, self._from_target = SpdyReader("client"), SpdyReader("target")
        self._for_client, self._for_target = SpdyWriter(), SpdyWriter()
        self._streams: dict[int, Stream] = {}
        self._numbers: dict[Stream, int] = {}

    def client(self, data: bytes) -> list[Part]:
        """See Codec."""
        return [self._part(frame, "client", self._for_target) for frame in self._from_client.feed(data)]

    def target(self, data: bytes) -> list[Part]:
        """See Codec."""
        return [self._part(frame, "target", self._for_client) for frame in self._from_target.feed(data)]

    def _part(self, frame: Frame, side: Side, writer: SpdyWriter) -> Part:
        if isinstance(frame, Data):
            return self._data(frame, side, writer)
        if frame.kind == SYN_STREAM:
            self._opened(frame, side)
        elif frame.kind == SYN_REPLY and (side == "client" or frame.stream not in self._streams):
            raise ProtocolError("a stream is accepted that was not asked for", side, "400")
        return Part("", writer.control(frame), frame.kind == GOAWAY)

    def _opened(self, frame: Control, side: Side) -> None:
        kind = frame.value("streamtype")
        if side != "client" or frame.stream % 2 == 0 or frame.stream in self._streams:
            raise ProtocolError("a stream is opened by the wrong side, or under a number that is taken", side, "400")
        if not kind or kind not in get_args(Stream) or kind in self._numbers:
            raise ProtocolError("a stream of a kind that nobody knows, or that is open already", side, "400")
        stream = cast(Stream, kind)
        self._streams[frame.stream] = stream
        self._numbers[stream] = frame.stream

    def _data(self, frame: Data, side: Side, writer: SpdyWriter) -> Part:
        stream = self._streams.get(frame.stream)
        if stream is None:
            raise ProtocolError("data of a stream that nobody has opened", side, "400")
        if stream in (FROM_CLIENT if side == "client" else FROM_TARGET):
            return Part(stream, frame.data, frame.fin)
        if frame.data:
            raise ProtocolError(f"data on the stream {stream}, which is not for this side", side, "400")
        return Part("", writer.data(frame.stream, b"", frame.fin))  # it will send nothing, and says so

    def to_client(self, stream: Stream, data: bytes, last: bool = False) -> bytes:
        """See Codec."""
        return self._for_client.data(self._numbers[stream], data, last)

    def to_target(self, stream: Stream, data: bytes, last: bool = False) -> bytes:
        """See Codec."""
        return self._for_target.data(self._numbers[stream], data, last)

    def goodbye(self, status: bytes) -> bytes:
        """See Codec. Before the error stream is open there is nowhere to say why."""
        told = self.to_client("error", status, last=True) if "error" in self._numbers else b""
        return told + self._for_client.goaway(max(self._streams, default=0))
