"""Port-forward over SPDY as a Tunnel: which port a connection leads to is known here, and asked about (K5). Pure.

Each connection is two streams that the client opens, `error` and `data`, with the port among their headers. A port is
asked about once in a tunnel, before anything about it reaches the target; what the client sends to it waits meanwhile.
The client's streams are accepted at once, as it gives up after 30 seconds; the target's word of that is not passed on.
Source: k8s.io/client-go/tools/portforward, k8s.io/kubelet/pkg/cri/streaming/portforward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.forwarded import Connection, Forwarded
from twisted_hoop.kubernetes.pipes import Pipe
from twisted_hoop.kubernetes.spdy import (
    FIN,
    GOAWAY,
    RST_STREAM,
    SYN_REPLY,
    SYN_STREAM,
    Control,
    Data,
    Frame,
    SpdyReader,
    SpdyWriter,
)
from twisted_hoop.kubernetes.statuses import refusal_text
from twisted_hoop.model import Refusal, Verdict
from twisted_hoop.steps import Ask, Side, Step, ToClient, ToTarget

MOST_STREAMS = 4096
"""Streams of one tunnel that may be open at once (K9)."""
_KINDS = ("error", "data")
_ABOUT_A_STREAM = frozenset({RST_STREAM, SYN_REPLY})


@dataclass(slots=True)
class _Stream:
    """One stream; `open` has the sides that may still send on it."""

    connection: Connection
    kind: str
    open: set[Side] = field(default_factory=lambda: {"client", "target"})


@dataclass(slots=True)
class _Port:
    """What is known of a port: nothing yet, with what waits for it, or the verdict; `refused` is the text of a no."""

    admitted: bool = False
    refused: str = ""
    waiting: list[Frame] = field(default_factory=list)


class ForwardTunnel:
    """See the module and Tunnel. Bytes are recorded once a rule that says so has let a port through."""

    def __init__(self, pipe: Pipe, forwarded: Forwarded) -> None:
        self._pipe = pipe
        self._forwarded = forwarded
        self._readers = {"client": SpdyReader("client"), "target": SpdyReader("target")}
        self._for_client, self._for_target = SpdyWriter(), SpdyWriter()
        self._streams: dict[int, _Stream] = {}
        self._connections: dict[str, Connection] = {}
        self._ports: dict[int, _Port] = {}
        self._unasked: list[int] = []
        self._asking = 0
        self._last = 0
        self._held = 0
        self._left = False

    def begin(self) -> list[Step]:
        """See Tunnel."""
        return []

    def held_back(self) -> int:
        """See Tunnel."""
        return self._held

    # -- the client -----------------------------------------------------------------------------------------------

    def client_received(self, data: bytes) -> list[Step]:
        """See Tunnel."""
        steps: list[Step] = []
        for spdy, other in self._pipe.read("client", data):
            if other:
                steps.append(ToTarget(other))
            for frame in self._readers["client"].feed(spdy):
                steps += self._of_client(frame)
        return steps + self._next_question()

    def _of_client(self, frame: Frame) -> list[Step]:
        if isinstance(frame, Control):
            if frame.kind == SYN_STREAM:
                return self._opened(frame)
            if frame.kind == SYN_REPLY:
                raise ProtocolError("a client accepts a stream that nobody has opened", code="400")
            if frame.kind not in _ABOUT_A_STREAM:
                self._left = self._left or frame.kind == GOAWAY
                return self._to_target(frame)
        stream = self._known(frame.stream, "client")
        return [] if stream is None else self._admitted(frame, self._ports[stream.connection.port])

    def _known(self, number: int, side: Side) -> _Stream | None:
        """None for a stream that is over: frames may still have been on their way."""
        stream = self._streams.get(number)
        if stream is None and (number > self._last or number % 2 == 0):
            raise ProtocolError("a frame of a stream that nobody has opened", side, "400")
        return stream if stream is None or side in stream.open else None

    def _opened(self, frame: Control) -> list[Step]:
        number, kind, port = frame.stream, frame.value("streamtype"), _port_of(frame)
        if number <= self._last or number % 2 == 0 or kind not in _KINDS:
            raise ProtocolError("a stream of a kind, or under a number, that is none of port-forward", code="400")
        if len(self._streams) >= MOST_STREAMS or len(self._connections) >= MOST_STREAMS:
            raise ProtocolError("too many streams are open (K9)", code="400")
        self._last = number
        self._streams[number] = stream = _Stream(self._connection(frame, kind, port), kind)
        if frame.flags & FIN:
            stream.open.discard("client")
        if port not in self._ports:
            self._ports[port] = _Port()
            self._unasked.append(port)
        return [*self._to_client(self._for_client.reply(number)), *self._admitted(frame, self._ports[port])]

    def _connection(self, frame: Control, kind: str, port: int) -> Connection:
        """Both streams of one have the same requestID; before there was one, the numbers that follow each other."""
        number = frame.stream
        request = frame.value("requestid") or str(number if kind == "error" else number - 2)
        found = self._connections.get(request)
        if found is None:
            found = self._connections[request] = self._forwarded.connection(port, request)
        if found.port != port or (found.error if kind == "error" else found.data):
            raise ProtocolError("two streams of one connection do not fit together", code="400")
        if kind == "error":
            found.error = number
        else:
            found.data = number
        return found

    def _admitted(self, frame: Frame, port: _Port) -> list[Step]:
        """What is about a port goes on, waits, or is answered with the refusal."""
        if port.refused:
            return self._refused(frame, port.refused)
        if not port.admitted:
            port.waiting.append(frame)
            self._held += len(frame.data) if isinstance(frame, Data) else len(frame.fixed)
            return []
        stream = self._streams.get(frame.stream)
        if stream is None:
            return []
        passed = self._to_target(frame)
        if isinstance(frame, Data):
            data = frame.data if stream.kind == "data" else b""
            records = self._forwarded.passed(stream.connection, "to_target", data)
            return [*records, *passed, *self._half_closed(frame.stream, "client", frame.fin)]
        return [*passed, *self._half_closed(frame.stream, "client", bool(frame.flags & FIN), frame.kind == RST_STREAM)]

    def _refused(self, frame: Frame, text: str) -> list[Step]:
        """The client reads the reason on the error stream; the other one just ends."""
        if not isinstance(frame, Control) or frame.kind != SYN_STREAM:
            return []
        stream = self._streams.pop(frame.stream)
        stream.connection.failed = text
        said = text.encode() if stream.kind == "error" else b""
        told = self._to_client(self._for_client.data(frame.stream, said, fin=True))
        if stream.kind == "data":
            self._connections.pop(stream.connection.request, None)
        return [*told, *self._forwarded.ended(stream.connection)]

    # -- questions ------------------------------------------------------------------------------------------------

    def _next_question(self) -> list[Step]:
        if self._asking or not self._unasked:
            return []
        self._asking = self._unasked.pop(0)
        return [Ask(self._forwarded.command(self._asking))]

    def decided(self, verdict: Verdict) -> list[Step]:
        """See Tunnel."""
        port, self._asking = self._ports[self._asking], 0
        if isinstance(verdict, Refusal):
            port.refused = refusal_text(verdict)
            steps: list[Step] = [self._forwarded.refused(verdict)]
        else:
            port.admitted = True
            self._forwarded.content = self._forwarded.content or verdict.decision.content
            steps = [self._forwarded.admitted(verdict)]
        waiting, port.waiting = port.waiting, []
        for frame in waiting:
            self._held -= len(frame.data) if isinstance(frame, Data) else len(frame.fixed)
            steps += self._admitted(frame, port)
        return steps + self._next_question()

    # -- the target -----------------------------------------------------------------------------------------------

    def target_received(self, data: bytes) -> list[Step]:
        """See Tunnel."""
        steps: list[Step] = []
        for spdy, other in self._pipe.read("target", data):
            if other:
                steps.append(ToClient(other))
            for frame in self._readers["target"].feed(spdy):
                steps += self._of_target(frame)
        return steps

    def _of_target(self, frame: Frame) -> list[Step]:
        if isinstance(frame, Data):
            return self._shown(frame)
        if frame.kind == SYN_STREAM:
            raise ProtocolError("the target opens a stream", "target", "400")
        if frame.kind not in _ABOUT_A_STREAM:
            self._left = self._left or frame.kind == GOAWAY
            return self._to_client(self._for_client.control(frame))
        stream = self._known(frame.stream, "target")
        if stream is None:
            return []
        ended = self._half_closed(frame.stream, "target", bool(frame.flags & FIN), frame.kind == RST_STREAM)
        if frame.kind != SYN_REPLY:
            return [*self._to_client(self._for_client.control(frame)), *ended]
        if not frame.flags & FIN:
            return []
        return [*self._to_client(self._for_client.data(frame.stream, b"", fin=True)), *ended]

    def _shown(self, frame: Data) -> list[Step]:
        stream = self._known(frame.stream, "target")
        if stream is None:
            return []
        passed = self._for_client.data(frame.stream, frame.data, frame.fin)
        if stream.kind == "data":
            records = self._forwarded.passed(stream.connection, "to_client", frame.data)
        else:
            records = []
            stream.connection.failed = (stream.connection.failed + frame.data.decode("utf-8", "replace"))[:1000]
        return [*records, *self._to_client(passed), *self._half_closed(frame.stream, "target", frame.fin)]

    # -- both -----------------------------------------------------------------------------------------------------

    def _half_closed(self, number: int, side: Side, fin: bool, reset: bool = False) -> list[Step]:
        """A side sends nothing more on a stream. When that is true of both sides of the data, a connection is over."""
        stream = self._streams.get(number)
        if stream is None or not (fin or reset):
            return []
        stream.open.discard(side)
        if stream.open and not reset:
            return []
        del self._streams[number]
        connection = stream.connection
        if stream.kind == "error" and connection.data in self._streams:
            return []
        if connection.error in self._streams and not reset:
            return []
        self._connections.pop(connection.request, None)
        return self._forwarded.ended(connection)

    def _to_client(self, spdy: bytes) -> list[Step]:
        return [ToClient(self._pipe.wrapped("client", spdy))] if spdy else []

    def _to_target(self, frame: Frame) -> list[Step]:
        spdy = self._for_target.frame(frame)
        return [ToTarget(self._pipe.wrapped("target", spdy))] if spdy else []

    def tick(self) -> list[Step]:
        """See Tunnel: nothing is held back but for a question."""
        return []

    def ended(self, message: str) -> list[Step]:
        """See Tunnel: the reason is told on the error streams that are open."""
        told: list[Step] = []
        for number, stream in self._streams.items():
            if stream.kind == "error" and "target" in stream.open:
                told += self._to_client(self._for_client.data(number, message.encode(), fin=True))
        goodbye = self._pipe.wrapped("client", self._for_client.goaway(self._last)) + self._pipe.end()
        return [*self.lost(), *told, ToClient(goodbye)]

    def over(self) -> bool:
        """See Tunnel."""
        return self._left or self._pipe.over()

    def cut(self, message: str) -> list[Step]:
        """See Tunnel."""
        return self.ended(message)

    def lost(self) -> list[Step]:
        """See Tunnel."""
        seen = list({id(stream.connection): stream.connection for stream in self._streams.values()}.values())
        return [step for connection in seen for step in self._forwarded.ended(connection)]

    def outcome(self) -> Mapping[str, object]:
        """See Tunnel."""
        return self._forwarded.totals()


def _port_of(frame: Control) -> int:
    text = frame.value("port")
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536) or text[0] == "0":
        raise ProtocolError("a stream of port-forward that names no port", code="400")
    return int(text)
