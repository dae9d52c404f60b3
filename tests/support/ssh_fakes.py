"""The engine and a target of SSH in memory: connections and channels that keep what they are told, and a bench on which
sessions run over them, with real relays, bridges and gates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tests.support.ssh_relay import ns, read_as
from twisted_hoop.errors import UnknownTarget
from twisted_hoop.model import Decision, Outcome, Peer, Principal, Session
from twisted_hoop.services import Services
from twisted_hoop.sessions import Sessions
from twisted_hoop.settings import MaskSection, TargetSection
from twisted_hoop.ssh.events import STDOUT, Data, Event
from twisted_hoop.ssh.hall import SshHall
from twisted_hoop.ssh.opening import Arrival, SshOpening
from twisted_hoop.ssh.using import UsingTarget
from twisted_hoop.testing import FakeApprover, FakeGate, FakePolicy, FakeRecorder
from twisted_hoop.testing.fakes import ALLOWED

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
ALICE = Principal("https://issuer.test", "alice", name="alice", groups=frozenset({"dba"}))


class FakeChannel:
    """Keeps what is sent in `sent`, and what is credited in `credited`. Set `queued` to make it full."""

    def __init__(self, handler: Any = None, number: int = 0) -> None:
        self.number = number
        self.queued = 0
        self.sent: list[Event] = []
        self.credited = 0
        self.handler = handler

    def send(self, event: Event) -> None:
        """See IsChannel."""
        self.sent.append(Data(event.stream, bytes(event.data)) if isinstance(event, Data) else event)

    def write(self, data: bytes | memoryview) -> None:
        """See IsChannel."""
        self.send(Data(STDOUT, data))

    def abandon(self) -> None:
        """See IsChannel."""

    def credit(self, size: int) -> None:
        """See IsChannel."""
        self.credited += size

    def receive(self, *events: Event) -> None:
        """The other side sends these."""
        for event in events:
            self.handler.received(event)

    def drain(self) -> None:
        """Everything that was queued has left."""
        self.queued = 0
        self.handler.drained()


class FakeOpening:
    """What the other side wants; `channel` once it was accepted, `refused` once it was not."""

    def __init__(self, kind: bytes = b"session", data: bytes = b"") -> None:
        self.kind, self.data = kind, data
        self.channel: FakeChannel | None = None
        self.confirmed = b""
        self.refused: tuple[int, str] | None = None

    def accept(self, handler: Any, data: bytes = b"", window: int = 0) -> FakeChannel:
        """See IsOpening."""
        assert self.channel is None and self.refused is None, "answered twice"
        self.channel, self.confirmed = FakeChannel(handler), data
        return self.channel

    def refuse(self, code: int, text: str) -> None:
        """See IsOpening."""
        assert self.channel is None and self.refused is None, "answered twice"
        self.refused = (code, text)

    @property
    def open(self) -> FakeChannel:
        """The channel; it must be there."""
        assert self.channel is not None, self.refused
        return self.channel


class FakeRequest:
    """A global request, and what it was answered."""

    def __init__(self, name: bytes, data: bytes = b"", want_reply: bool = True) -> None:
        self.name, self.data, self.want_reply = name, data, want_reply
        self.answer: tuple[bool, bytes] | None = None

    def reply(self, ok: bool, data: bytes = b"") -> None:
        """See IsGlobalRequest."""
        assert self.answer is None, "answered twice"
        self.answer = (ok, data)


class FakeConnection:
    """Keeps the channels we ask for in `opened`, requests in `requested`; answers those with `answer`."""

    def __init__(self) -> None:
        self.opened: list[tuple[bytes, bytes, FakeChannel]] = []
        self.requested: list[tuple[bytes, bytes]] = []
        self.answer: tuple[bool, bytes] = (True, b"")
        self.disconnected: list[str] = []

    def open(self, kind: bytes, data: bytes, handler: Any, window: int = 0) -> FakeChannel:
        """See IsConnection."""
        channel = FakeChannel(handler, len(self.opened))
        self.opened.append((kind, data, channel))
        return channel

    def request(self, name: bytes, data: bytes, want_reply: bool) -> Awaitable[tuple[bool, bytes]]:
        """See IsConnection."""
        self.requested.append((name, data))
        return succeed(self.answer)

    def disconnect(self, code: int, text: str) -> None:
        """See IsConnection."""
        self.disconnected.append(text)


class FakeDoor:
    """Opens `connection` at once, or when `let_in` is called; raises `fault` when there is one."""

    def __init__(self) -> None:
        self.connection = FakeConnection()
        self.fault: Exception | None = None
        self.slow = False
        self.handlers: list[Any] = []
        self.logins: list[str] = []
        self._waiting: list[Deferred[None]] = []

    async def open(self, session: Session, login: str, handler: Any) -> FakeConnection:
        """See SshDoor."""
        self.logins.append(login)
        if self.slow:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting
        if self.fault is not None:
            raise self.fault
        self.handlers.append(handler)
        handler.started(self.connection)
        return self.connection

    def let_in(self) -> None:
        """Those that wait get what there is."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


class FakeShell:
    """Takes every command line for the same."""

    def __init__(self) -> None:
        self.read = read_as()


def section_of(**more: Any) -> TargetSection:
    """The target `web-1` with the account `deploy`."""
    given = {
        "name": "web-1",
        "protocol": "ssh",
        "endpoint": "tcp:web-1.internal:2022",
        "login": "deploy",
        "secret": "env:PW",
        "host_keys": [KEY],
        "groups": ["*"],
        **more,
    }
    return TargetSection.model_validate(given)


def hall_of(door: Any = None, masks: Sequence[MaskSection] = (), **more: Any) -> SshHall:
    """A hall over a FakeDoor."""
    shell: Any = FakeShell()
    way: Any = door or FakeDoor()
    return SshHall(section_of(**more), way, shell, masks, b"k" * 32)


class Bench:
    """A client connection that uses `web-1`. `told` is what the observer of sessions was told."""

    def __init__(
        self,
        decide: Callable[[Session, Any], Decision] | Decision = ALLOWED,
        login: str = "",
        own: Callable[[str, int], bool] = lambda host, port: False,
        masks: Sequence[MaskSection] = (),
        **more: Any,
    ) -> None:
        self.clock = Clock()
        self.door = FakeDoor()
        self.policy = FakePolicy()
        self.gate = FakeGate(decide)
        self.recorder = FakeRecorder()
        self.approver = FakeApprover()
        self.sessions = Sessions()
        self.told: list[tuple[str, int]] = []
        self.objection = ""
        self.halls = {"web-1": hall_of(self.door, masks, **more)}
        names = frozenset(mask.name for mask in masks)
        services: Services[SshHall] = Services(
            self.clock,
            self.gate,
            lambda: self.policy,
            lambda session: names,
            self._hall,
            self.recorder,
            self.approver,
            self.sessions,
            self._observe,
            None,
            lambda session: self.objection,
        )
        self.opening = SshOpening(services, self._named, own)
        self.arrival = Arrival(ALICE, Peer("192.0.2.1", 5000, True), "web-1", login, "web-1", "SSH-2.0-Test")
        self.client = FakeConnection()
        self.using = UsingTarget(self.opening, self.arrival)
        self.using.started(self.client)

    def _hall(self, name: str) -> SshHall:
        if name not in self.halls:
            raise UnknownTarget(name)
        return self.halls[name]

    def _named(self, host: str, port: int) -> SshHall:
        found = [hall for hall in self.halls.values() if hall.answers_to(host, port)]
        if not found:
            raise UnknownTarget(host)
        return found[0]

    def _observe(self, session: Session, outcome: Outcome | None, commands: int) -> None:
        self.told.append((outcome.code if outcome is not None else "opened", commands))

    def wants(self, kind: bytes = b"session", data: bytes = b"") -> FakeOpening:
        """The client wants a channel."""
        opening = FakeOpening(kind, data)
        self.using.open_requested(opening)
        return opening

    def asks(self, name: bytes, data: bytes = b"") -> FakeRequest:
        """The client makes a global request."""
        request = FakeRequest(name, data)
        self.using.global_requested(request)
        return request

    def target_wants(self, kind: bytes, data: bytes = b"") -> FakeOpening:
        """The target wants a channel."""
        opening = FakeOpening(kind, data)
        self.door.handlers[0].open_requested(opening)
        return opening

    @property
    def target(self) -> FakeConnection:
        """The connection to the target."""
        return self.door.connection

    @property
    def entries(self) -> list[Any]:
        """What the one recording has."""
        return self.recorder.recordings[0].entries if self.recorder.recordings else []


def direct(host: bytes, port: int) -> bytes:
    """The data of a direct-tcpip channel."""
    return ns(host) + port.to_bytes(4, "big") + ns(b"127.0.0.1") + (40000).to_bytes(4, "big")


def listen(host: bytes, port: int) -> bytes:
    """The data of a tcpip-forward request."""
    return ns(host) + port.to_bytes(4, "big")
