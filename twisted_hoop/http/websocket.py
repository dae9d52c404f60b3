"""A WebSocket of a plain API as a Tunnel: frames written anew, messages masked, counted, recorded by rule. Pure.

Where masks look, a message is looked at as a whole: as a body that tells no type, JSON and CSV by their names. What is
found on its way in and may not go there ends the connection (status 1008). Extensions are not offered to targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.bodies import Bodies
from twisted_hoop.http.dialect import BodyFilter, BodyRefused, Tunnel
from twisted_hoop.http.frames import (
    CLOSE,
    CONTINUATION,
    EXTENSIONS,
    INTERNAL,
    POLICY,
    Frames,
    Piece,
    close_frame,
    frame,
)
from twisted_hoop.http.messages import Framing, RequestHead, ResponseHead
from twisted_hoop.model import Decision, Verdict
from twisted_hoop.recording.streams import stream_entry
from twisted_hoop.settings import MaskSection
from twisted_hoop.steps import Record, Side, Step, ToClient, ToTarget

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of a message that is looked at; of others none is kept."""
GOING_AWAY = 1001
MakeFilter = Callable[[], "BodyFilter | None"]


def chosen_protocol(head: RequestHead, response: ResponseHead, name: bytes = b"sec-websocket-protocol") -> bytes | None:
    """The subprotocol that the target chose, b"" for none; None for one that was not offered, or for two (K3)."""
    chosen = [value for key, value in response.headers if key == name]
    offered = {word.strip(b" \t") for value in head.values(name) for word in value.split(b",")}
    if not chosen:
        return b""
    return chosen[0] if len(chosen) == 1 and chosen[0] in offered else None


def websocket_tunnel(
    bodies: Bodies,
    head: RequestHead,
    response: ResponseHead,
    decision: Decision,
    masks: Sequence[MaskSection],
    number: int,
) -> Tunnel | None:
    """The tunnel of an admitted request; None where the target agreed to what was not offered, like an extension."""
    if chosen_protocol(head, response) is None or any(name in EXTENSIONS for name, _ in response.headers):
        return None
    answer = ResponseHead(200, b"", (), Framing.CLOSE)
    request = RequestHead(b"POST", head.path, b"", head.host, (), Framing.CHUNKED)
    return WebSocketTunnel(
        number,
        lambda: bodies.request_filter(masks, request),
        lambda: bodies.response_filter(masks, answer),
        decision.content,
    )


class _Direction:
    """One side's messages. `make` makes what looks at one of them, None when nothing does."""

    def __init__(self, side: Side, make: MakeFilter, channel: int, content: bool) -> None:
        self.size = self.messages = self.masked = 0
        self.frames = Frames(side)
        self._to: Side = "target" if side == "client" else "client"
        self._on = ToTarget if side == "client" else ToClient
        self._make = make
        self._looks = make() is not None
        self._channel = channel
        self._content = content
        self._kept: list[bytes] = []
        self._held = 0

    def fed(self, data: bytes) -> list[Step]:
        """What is to be done with bytes of that side."""
        return [step for piece in self.frames.feed(data) for step in self._passed(piece)]

    def _passed(self, piece: Piece) -> list[Step]:
        if piece.opcode >= CLOSE:
            return [self._on(frame(self._to, piece.opcode, piece.data))]
        self.messages += piece.first
        if not self._looks:
            return self._shown(piece.opcode if piece.first else CONTINUATION, piece.data, piece.last)
        self._kept.append(piece.data)
        self._held += len(piece.data)
        if self._held > MAX_MESSAGE:
            raise ProtocolError("hoop: a message is too large to be looked at", code="400")
        if not piece.last:
            return []
        message, self._kept, self._held = b"".join(self._kept), [], 0
        return self._shown(piece.opcode, self._looked(message), True)

    def _looked(self, message: bytes) -> bytes:
        looking = self._make()
        if looking is None or not message:
            return message
        try:
            shown = looking.feed(message) + looking.flush()
        except BodyRefused as error:
            raise ProtocolError(f"hoop: refused: {error}", code="400") from None
        self.masked += looking.masked
        return shown

    def _shown(self, opcode: int, data: bytes, last: bool) -> list[Step]:
        self.size += len(data)
        passed = self._on(frame(self._to, opcode, data, last))
        if not self._content or not data:
            return [passed]
        kind, stream = ("input", "to target") if self._to == "target" else ("output", "to client")
        return [Record(stream_entry(kind, self._channel, stream, data)), passed]


class WebSocketTunnel:
    """See the module and Tunnel. `inward` and `outward` make what looks at messages of the client and of the target."""

    def __init__(self, channel: int, inward: MakeFilter, outward: MakeFilter, content: bool) -> None:
        self._channel = channel
        self._client = _Direction("client", inward, channel, content)
        self._target = _Direction("target", outward, channel, content)

    def begin(self) -> list[Step]:
        """See Tunnel."""
        return []

    def client_received(self, data: bytes) -> list[Step]:
        """See Tunnel."""
        return self._client.fed(data)

    def target_received(self, data: bytes) -> list[Step]:
        """See Tunnel."""
        return self._target.fed(data)

    def decided(self, verdict: Verdict) -> list[Step]:
        """See Tunnel: nothing is asked."""
        return []

    def held_back(self) -> int:
        """See Tunnel."""
        return 0

    def tick(self) -> list[Step]:
        """See Tunnel: half a message is never shown."""
        return []

    def ended(self, message: str) -> list[Step]:
        """See Tunnel."""
        return [ToClient(close_frame("client", POLICY, message)), ToTarget(close_frame("target", GOING_AWAY))]

    def over(self) -> bool:
        """See Tunnel."""
        return self._client.frames.ended or self._target.frames.ended

    def cut(self, message: str) -> list[Step]:
        """See Tunnel. Not by POLICY, at which clients do not try again."""
        return [ToClient(close_frame("client", INTERNAL, message))]

    def lost(self) -> list[Step]:
        """See Tunnel."""
        return []

    def outcome(self) -> Mapping[str, object]:
        """See Tunnel."""
        sizes: dict[str, object] = {"to_target": self._client.size, "to_client": self._target.size}
        counted = {"messages": self._client.messages + self._target.messages, "bytes": self._target.size}
        return {"channel": self._channel, **sizes, **counted, "masked": self._client.masked + self._target.masked}
