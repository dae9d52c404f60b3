"""A gateway's HTTP side in this process, on real sockets: real engine, gate and sessions, and targets that misbehave.

    with http_house(loop, replies(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")) as house:
        answer = house.ask(get("/orders/v1/x"))

The target is a thread for each connection; it does with the socket what the test says.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred

from tests.support.loop import Loop
from twisted_hoop.errors import AuthenticationFailed, UnknownTarget
from twisted_hoop.http.credentials import Credentials
from twisted_hoop.http.dialect import Dialect
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.joining import Joining
from twisted_hoop.http.plain import PlainDialect
from twisted_hoop.http.pool import Pool
from twisted_hoop.http.server import HttpFactory
from twisted_hoop.model import Approval, Command, Decision, Entry, Outcome, Peer, Principal, Session
from twisted_hoop.services import Services
from twisted_hoop.sessions import Sessions
from twisted_hoop.settings import GatewaySection, ListenerSection, MaskSection, TargetSection
from twisted_hoop.testing.fakes import ALLOWED, Deciding, FakeApprover, FakeGate, FakePending, FakeRecorder
from twisted_hoop.transport.endpoints import client_endpoint, server_endpoint

PATIENCE = 30.0
TOKEN = "token-of-alice"
ALICE = Principal("https://issuer.test", "alice", name="alice", groups=frozenset({"developers"}), proof_id="aa")
Serve = Callable[[socket.socket], None]


def wait_until(true: Callable[[], Any], what: str = "it") -> Any:
    """The first true value."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited in vain for {what}")


def get(path: str, *headers: str, method: str = "GET", token: str = TOKEN, body: bytes = b"", minor: int = 1) -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.{minor}", "Host: gw", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Told:
    """An answer as a client reads it: `whole` is false when the connection ended within it."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool = True
    raw: bytes = b""


class Wire:
    """A client's or a target's view of one socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.rest = b""
        sock.settimeout(PATIENCE)

    def send(self, data: bytes) -> None:
        """All of it."""
        self.sock.sendall(data)

    def more(self) -> bool:
        """Whether something came; false at the end."""
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        self.rest += data
        return bool(data)

    def until(self, end: bytes) -> bytes:
        """Bytes up to and with `end`; b"" when the connection ends before."""
        while end not in self.rest:
            if not self.more():
                return b""
        found, _, self.rest = self.rest.partition(end)
        return found + end

    def exactly(self, size: int) -> bytes:
        """So many bytes, or as many as there are."""
        while len(self.rest) < size and self.more():
            pass
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def skip(self, size: int) -> int:
        """Read so many bytes and forget them; how many came."""
        left = size - len(self.rest)
        self.rest = b""
        while left > 0 and (data := self.sock.recv(1 << 20)):
            left -= len(data)
        return size - left

    def all(self) -> bytes:
        """Everything to the end."""
        while self.more():
            pass
        found, self.rest = self.rest, b""
        return found

    def body(self, head: bytes, request: bool = False) -> tuple[bytes, bool]:
        """The body behind a head: (bytes, whether it is whole)."""
        lowered = head.lower()
        if b"transfer-encoding: chunked" in lowered:
            return self._chunks()
        length = re.search(rb"content-length: (\d+)", lowered)
        if length is not None:
            found = self.exactly(int(length[1]))
            return found, len(found) == int(length[1])
        return (b"", True) if request else (self.all(), True)

    def _chunks(self) -> tuple[bytes, bool]:
        found = b""
        while True:
            line = self.until(b"\r\n")
            if not line:
                return found, False
            size = int(line, 16)
            piece = self.exactly(size + 2)
            if len(piece) < size + 2:
                return found + piece, False
            if not size:
                return found, True
            found += piece[:-2]

    def answer(self, method: str = "GET") -> Told:
        """The next answer."""
        head = self.until(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head = self.until(b"\r\n\r\n")
        assert head, f"no answer, but {self.rest!r}"
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        none = method == "HEAD" or status in (101, 204, 304)
        body, whole = (b"", True) if none else self.body(head)
        return Told(status, headers, body, whole, head)

    def close(self) -> None:
        """Close it."""
        self.sock.close()


class RawTarget:
    """Listens on loopback; `serve` has each connection in a thread of its own. `heads` are requests that were seen."""

    def __init__(self, serve: Callable[[RawTarget, Wire], None]) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.closed = 0
        self._serve = serve
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            self._serve(self, Wire(sock))
        self.closed += 1

    def request(self, wire: Wire) -> bytes:
        """Read a whole request and remember it; its head, b"" at the end."""
        head = wire.until(b"\r\n\r\n")
        if head:
            body, _ = wire.body(head, request=True)
            self.heads.append(head)
            self.bodies.append(body)
        return head

    def stop(self) -> None:
        """Accept nobody any more."""
        self._server.close()


def replies(*answers: bytes) -> Callable[[RawTarget, Wire], None]:
    """A target that gives these answers, the last one again and again."""

    def serve(target: RawTarget, wire: Wire) -> None:
        while target.request(wire):
            wire.send(answers[min(len(target.heads), len(answers)) - 1])

    return serve


def ok(body: bytes = b"ok", *headers: bytes) -> bytes:
    """An answer of known length."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 200 OK\r\n" + lines + b"content-length: %d\r\n\r\n" % len(body) + body


class SlowApprover(FakeApprover):
    """People who think: `answer` ends what waits."""

    def __init__(self) -> None:
        super().__init__()
        self.thinking: list[Deferred[Approval]] = []

    async def file(self, session: Session, command: Command, decision: Decision) -> FakePending:
        """See IApprover."""
        pending = await super().file(session, command, decision)
        waiting: Deferred[Approval] = Deferred()
        self.thinking.append(waiting)
        pending.wait = lambda: waiting  # type: ignore[method-assign, assignment, return-value]
        return pending

    def answer(self, granted: bool, state: str = "granted") -> None:
        """What they say to the first one who waits."""
        self.thinking.pop(0).callback(Approval("request-1", granted, state, "digest", by=("bob",)))


class FakeIdentity:
    """One token is Alice's; `valid` is what `still_valid` says."""

    def __init__(self) -> None:
        self.valid = True
        self.asked = 0
        self.slow: list[Deferred[None]] | None = None

    async def authenticate(self, credential: str, peer: Peer) -> Principal:
        """See IIdentityProvider."""
        self.asked += 1
        if self.slow is not None:
            self.slow.append(Deferred())
            await self.slow[-1]
        if credential != TOKEN:
            raise AuthenticationFailed("nobody has this token")
        return ALICE

    def still_valid(self, principal: Principal) -> bool:
        """See IIdentityProvider."""
        return self.valid


class FakeSecrets:
    """Every secret is `secret`."""

    def __init__(self) -> None:
        self.secret = "s3cret"
        self.asked = self.forgotten = 0

    async def resolve(self, reference: str) -> str:
        """See ISecretStore."""
        self.asked += 1
        return self.secret

    def forget(self, reference: str) -> None:
        """See ISecretStore."""
        self.forgotten += 1


def section_of(port: int, **more: Any) -> TargetSection:
    """The target `orders`, on that port of loopback."""
    given = {"name": "orders", "protocol": "http", "endpoint": f"tcp:127.0.0.1:{port}", "tls": "disable"}
    credential = {"credential": "bearer", "secret": "env:X", "groups": ["developers"]}
    return TargetSection.model_validate({**given, **credential, **more})


@dataclass
class HttpHouse:
    """See the module. What is not thread-safe is looked at with `loop.run`."""

    loop: Loop
    target: RawTarget
    gate: FakeGate
    hall: HttpHall
    services: Services[HttpHall]
    joining: Joining
    factory: HttpFactory
    recorder: FakeRecorder
    approver: SlowApprover
    identity: FakeIdentity
    secrets: FakeSecrets
    port: int = 0
    halls: dict[str, HttpHall] = field(default_factory=dict)
    told: list[tuple[str, int]] = field(default_factory=list)

    def connect(self) -> Wire:
        """A client's connection."""
        return Wire(socket.create_connection(("127.0.0.1", self.port), PATIENCE))

    def ask(self, request: bytes, method: str = "GET") -> Told:
        """One request on a connection of its own."""
        wire = self.connect()
        with contextlib.closing(wire):
            wire.send(request)
            return wire.answer(method)

    @property
    def entries(self) -> list[Entry]:
        """Everything that was recorded, of all sessions."""
        return [entry for recording in self.recorder.recordings for entry in list(recording.entries)]

    def recorded(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """The data of the entries of a kind, once there are so many."""

        def look() -> list[dict[str, Any]]:
            found = [dict(entry.data) for entry in self.entries if entry.kind == kind]
            return found if len(found) >= count else []

        return wait_until(look, f"{count} entries {kind}")  # type: ignore[no-any-return]


@contextlib.contextmanager
def http_house(
    loop: Loop,
    serve: Callable[[RawTarget, Wire], None],
    decide: Deciding | Decision = ALLOWED,
    *,
    masks: tuple[MaskSection, ...] = (),
    dialect: Dialect | None = None,
    **more: Any,
) -> Iterator[HttpHouse]:
    """A gateway before one target; `more` goes into the target's section."""
    target = RawTarget(serve)
    house = loop.run(lambda: _build(loop, target, decide, masks, dialect, more))
    port = loop.run(
        lambda: server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1").listen(house.factory)  # type: ignore[arg-type, return-value]
    )
    address: Any = port.getHost()
    house.port = address.port
    try:
        yield house
    finally:
        loop.run(lambda: _end(house, port))
        target.stop()


def _end(house: HttpHouse, port: Any) -> Any:
    for live in list(house.services.sessions):
        live.handle.end("stop", "the test is over")
    for connection in list(house.factory._connections):
        connection.transport.abortConnection()
    house.hall.pool.close()
    return port.stopListening()


def _build(
    loop: Loop,
    target: RawTarget,
    decide: Deciding | Decision,
    masks: tuple[MaskSection, ...],
    dialect: Dialect | None,
    more: dict[str, Any],
) -> HttpHouse:
    approver, recorder, identity, secrets = SlowApprover(), FakeRecorder(), FakeIdentity(), FakeSecrets()
    gate = FakeGate(decide, approver)
    section, reactor = section_of(target.port, **more), loop.reactor
    credentials = Credentials(section, secrets, reactor.seconds)  # type: ignore[arg-type]
    pool = Pool(reactor, section, client_endpoint(reactor, section.endpoint), None, credentials)
    hall = HttpHall(section, pool, dialect or PlainDialect(section, b"k" * 32, masks), masks)
    halls = {"orders": hall}
    told: list[tuple[str, int]] = []

    def find(name: str) -> HttpHall:
        if name not in halls:
            raise UnknownTarget(name)
        return halls[name]

    def observe(session: Session, outcome: Outcome | None, commands: int) -> None:
        told.append((outcome.code if outcome else "open", commands))

    names = frozenset(mask.name for mask in masks)
    services: Services[HttpHall] = Services(
        reactor, gate, lambda: gate.policy, lambda _: names, find, recorder, approver, Sessions(), observe
    )  # type: ignore[arg-type]
    joining = Joining(services)
    listener = ListenerSection(name="web", protocol="http", endpoint="tcp:0", tls="optional")

    def named(host: str) -> HttpHall | None:
        return next((each for each in halls.values() if each.answers_to(host)), None)

    factory = HttpFactory(reactor, GatewaySection(), listener, None, joining, named, lambda: identity)  # type: ignore[arg-type, return-value]
    return HttpHouse(
        loop, target, gate, hall, services, joining, factory, recorder, approver, identity, secrets, 0, halls, told
    )
