"""Both ends of an upgraded connection in tests: what clients and API servers write, and what was done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from tests.support.kube_house import head_of, kube_dialect
from twisted_hoop.http.dialect import Tunnel
from twisted_hoop.http.frames import BINARY, CLOSE, Frames, Piece, frame
from twisted_hoop.http.messages import ResponseHead
from twisted_hoop.kubernetes.spdy import SYN_STREAM, Control, Frame, SpdyReader, SpdyWriter
from twisted_hoop.model import Command, Decision, Entry, Refusal
from twisted_hoop.settings import MaskSection
from twisted_hoop.steps import Ask, Finish, Record, Side, Step, ToClient, ToTarget
from twisted_hoop.testing.fakes import ALLOWED, FakeGate, make_session

CARDS = MaskSection(name="cards", detect=["card"])
CARD = b"4111 1111 1111 1111"
HIDDEN = b"*****"
Judge = Callable[[Command], Decision]


class Bench:
    """A tunnel without sockets: `log` has its steps, questions are answered as `judge` says."""

    def __init__(self, tunnel: Tunnel, judge: Judge = lambda command: ALLOWED) -> None:
        self.tunnel = tunnel
        self.judge = judge
        self.log: list[Step] = []
        self.asked: list[Command] = []
        self.patient = False
        self.do(tunnel.begin())

    def do(self, steps: Iterable[Step]) -> None:
        """Carry them out."""
        for step in steps:
            self.log.append(step)
            if isinstance(step, Ask):
                self.asked.append(step.command)
                if not self.patient:
                    self.answer()

    def answer(self) -> None:
        """What the gate says to the last question."""
        command = self.asked[-1]
        decision = self.judge(command)
        verdict = FakeGate(decision).judge(make_session(), command)
        if isinstance(verdict, Decision):
            verdict = Refusal(command, decision, "denied", "no")
        self.do(self.tunnel.decided(verdict))

    def client(self, data: bytes) -> None:
        """Bytes of the client."""
        self.do(self.tunnel.client_received(data))

    def target(self, data: bytes) -> None:
        """Bytes of the target."""
        self.do(self.tunnel.target_received(data))

    @property
    def told(self) -> bytes:
        """What the client got."""
        return b"".join(step.data for step in self.log if isinstance(step, ToClient))

    @property
    def sent(self) -> bytes:
        """What the target got."""
        return b"".join(step.data for step in self.log if isinstance(step, ToTarget))

    @property
    def entries(self) -> list[Entry]:
        """What was recorded."""
        return [step.entry for step in self.log if isinstance(step, Record)]

    def recorded(self, kind: str, stream: str) -> str:
        """The text of a stream's entries."""
        return "".join(str(e.data["text"]) for e in self.entries if e.kind == kind and e.data.get("stream") == stream)

    @property
    def finished(self) -> bool:
        """Whether it ended itself."""
        return any(isinstance(step, Finish) for step in self.log)


def opened(
    line: str,
    protocol: str = "v5.channel.k8s.io",
    *,
    upgrade: bytes = b"websocket",
    masks: Iterable[MaskSection] = (),
    decision: Decision = ALLOWED,
    offered: str | None = None,
) -> Tunnel | None:
    """The tunnel of a request whose target chose that subprotocol."""
    name = b"sec-websocket-protocol" if upgrade == b"websocket" else b"x-stream-protocol-version"
    asked = (protocol if offered is None else offered).encode()
    head = replace(head_of(line, upgrade=upgrade), headers=((name, asked),))
    answered = ((name, protocol.encode()),) if protocol else ()
    dialect = kube_dialect()
    reading = dialect.read(head)
    return dialect.tunnel(head, reading, ResponseHead(101, b"", answered, upgrade=upgrade), decision, tuple(masks), 7)


def exec_line(*argv: str, more: str = "stdin=true&stdout=true&stderr=true") -> str:
    """An exec of that command."""
    command = "&".join(f"command={word.replace('/', '%2F').replace(' ', '+')}" for word in argv)
    return f"GET /api/v1/namespaces/default/pods/web/exec?{command}&{more}"


FORWARD = "POST /api/v1/namespaces/default/pods/web/portforward"


def messages(side: Side, data: bytes) -> list[tuple[int, bytes]]:
    """Whole messages of WebSocket frames that `side` wrote."""
    found: list[tuple[int, bytes]] = []
    for piece in Frames(side).feed(data):
        if piece.opcode >= CLOSE or piece.first:
            found.append((piece.opcode, piece.data))
        else:
            found[-1] = (found[-1][0], found[-1][1] + piece.data)
    return found


def channels(side: Side, data: bytes) -> dict[int, bytes]:
    """Channel → bytes, of the messages that `side` wrote."""
    found: dict[int, bytes] = {}
    for opcode, message in messages(side, data):
        if opcode < CLOSE:
            found[message[0]] = found.get(message[0], b"") + message[1:]
    return found


def message(to: Side, channel: int, data: bytes) -> bytes:
    """A message on a channel for that side."""
    return frame(to, BINARY, bytes((channel,)) + data)


def opening(stream: int, **headers: object) -> Control:
    """A SYN_STREAM."""
    told = tuple((name, str(value)) for name, value in headers.items())
    return Control(SYN_STREAM, 0, stream.to_bytes(4, "big") + bytes(6), told)


def written(*frames: Frame, writer: SpdyWriter | None = None) -> bytes:
    """SPDY frames as bytes; with a writer, behind what it has written."""
    writer = writer or SpdyWriter()
    return b"".join(map(writer.frame, frames))


def frames_of(data: bytes) -> list[Frame]:
    """And the other way round."""
    return SpdyReader("client").feed(data)


def unwrapped(side: Side, data: bytes) -> bytes:
    """The payload of the messages that `side` wrote."""
    pieces: list[Piece] = Frames(side).feed(data)
    return b"".join(piece.data for piece in pieces if piece.opcode < CLOSE)
