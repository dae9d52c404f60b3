"""The Twisted side of clients: who may wait at the door, how long, encrypted or not, and what is said to whom."""

from __future__ import annotations

import ssl
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from tests.test_bridge import Wire
from twisted_hoop.errors import AuthenticationFailed, LimitExceeded, RecordingFailed, UnknownTarget
from twisted_hoop.model import Peer, Principal
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.authentication import TokenAuthentication
from twisted_hoop.postgres.server import CANCELS_PER_SECOND, PostgresFactory
from twisted_hoop.postgres.startup import TLS_HANDSHAKE_BYTE
from twisted_hoop.settings import GatewaySection, ListenerSection
from twisted_hoop.testing.postgres import kinds, message, split

HELLO = pg.startup(pg.PROTOCOL_3_0, {"user": "alice", "database": "shop"})
PASSWORD = message(b"p", b"good\0")


class ClientWire(Wire):
    """A client's transport at an address, in the clear unless told otherwise."""

    def __init__(self, host: str = "127.0.0.1", tls: Any = None) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", host, 5000))
        self.tls = tls

    def start_tls(self, context: ssl.SSLContext, server: bool) -> None:
        """Ours."""
        self.tls = SimpleNamespace(selected_alpn=None)


class World:
    """A factory with a clock; `outcome` is what authentication or opening raises."""

    def __init__(self, tls: bool = False, clear: str = "optional", **gateway: Any) -> None:
        self.clock = Clock()
        self.outcome: Exception | None = None
        self.cancelled: list[tuple[int, bytes]] = []
        self.opened: list[Principal] = []
        listener = ListenerSection(name="pg", protocol="postgres", endpoint="tcp:0", tls=clear)  # type: ignore[arg-type]
        self.factory = PostgresFactory(
            self.clock,
            GatewaySection(**gateway),
            listener,
            ssl.create_default_context if tls else None,
            self,  # type: ignore[arg-type]
            lambda parameters, peer: TokenAuthentication(self, peer),  # type: ignore[arg-type]
            self._cancel,
        )

    def _cancel(self, pid: int, key: bytes) -> bool:
        self.cancelled.append((pid, key))
        return False

    async def authenticate(self, credential: str, peer: Peer) -> Principal:
        if self.outcome is not None:
            raise self.outcome
        return Principal("i", "alice")

    async def open(self, principal: Principal, hello: Any, peer: Peer, gone: Any) -> None:
        self.opened.append(principal)

    def client(self, wire: ClientWire | None = None) -> tuple[Any, ClientWire]:
        wire = wire or ClientWire()
        protocol: Any = self.factory.buildProtocol(wire.getPeer())
        if protocol is not None:
            protocol.makeConnection(wire)
        return protocol, wire


def told(wire: ClientWire) -> dict[int, bytes]:
    kind, body = split(wire.value())[-1]
    assert kind == "E"
    return dict(pg.error_fields(body))


def test_a_client_authenticates_and_its_session_opens() -> None:
    world = World()
    protocol, wire = world.client()
    protocol.dataReceived(HELLO)
    assert kinds(wire.value()) == "R"
    protocol.dataReceived(PASSWORD)
    assert [principal.subject for principal in world.opened] == ["alice"]
    assert world.clock.getDelayedCalls() == []


def test_p2_who_is_silent_at_the_door_is_shown_out() -> None:
    """P2: one clock from accept to the end of authentication."""
    world = World(login_timeout="5s")
    protocol, wire = world.client()
    protocol.dataReceived(HELLO)
    world.clock.advance(5.0)
    assert told(wire)[ord("C")] == b"57014"
    assert wire.disconnecting


def test_s7_p8_only_so_many_wait_at_the_door() -> None:
    """S7, P8: of one address, and of all; who has left makes room."""
    world = World(preauth_per_address=2, preauth_connections=3)
    first, _ = world.client()
    assert world.client()[0] is not None
    assert world.client()[0] is None
    assert world.client(ClientWire("192.0.2.1"))[0] is not None
    assert world.client(ClientWire("192.0.2.2"))[0] is None
    first.connectionLost()
    assert world.client()[0] is not None


def test_the_clear_is_for_this_machine_only() -> None:
    for world, wire, allowed in (
        (World(tls=True), ClientWire("127.0.0.1"), True),
        (World(tls=True), ClientWire("192.0.2.1"), False),
        (World(tls=True, clear="required"), ClientWire("127.0.0.1"), False),
        (World(tls=True, clear="required"), ClientWire("192.0.2.1", tls=SimpleNamespace()), True),
        (World(), ClientWire("192.0.2.1"), False),
    ):
        protocol, wire = world.client(wire)
        protocol.dataReceived(HELLO)
        if allowed:
            assert kinds(wire.value()) == "R"
        else:
            assert told(wire)[ord("C")] == b"28000"


def test_p1_tls_begins_with_one_byte_and_bytes_behind_the_request_end_it() -> None:
    """P1: nothing is answered that an old client would read in the clear."""
    world = World(tls=True)
    protocol, wire = world.client()
    protocol.dataReceived(pg.ssl_request())
    assert wire.value() == b"S"
    assert wire.tls is not None
    protocol, wire = world.client()
    protocol.dataReceived(pg.ssl_request() + HELLO)
    assert (wire.value(), wire.disconnecting, wire.tls) == (b"", True, None)


def test_direct_tls_needs_the_name_of_the_protocol() -> None:
    world = World(tls=True)
    for alpn, allowed in (("postgresql", True), (None, False), ("http/1.1", False)):
        protocol: Any = world.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
        assert protocol.firstByte(TLS_HANDSHAKE_BYTE) is not None
        wire = ClientWire("192.0.2.1", tls=SimpleNamespace(selected_alpn=alpn))
        protocol.makeConnection(wire)
        protocol.dataReceived(HELLO)
        assert kinds(wire.value()) == ("R" if allowed else "E")
    assert world.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)).firstByte(0) is None  # type: ignore[union-attr, attr-defined]


def test_p6_a_flood_of_cancels_is_dropped_and_never_answered() -> None:
    """P6: so many a second of one address."""
    world = World()
    for _ in range(CANCELS_PER_SECOND + 5):
        protocol, wire = world.client()
        protocol.dataReceived(pg.cancel_request(7, b"abcd"))
        assert (wire.value(), wire.disconnecting) == (b"", True)
        protocol.connectionLost()
    assert len(world.cancelled) == CANCELS_PER_SECOND
    world.clock.advance(1.0)
    world.client()[0].dataReceived(pg.cancel_request(7, b"abcd"))
    assert len(world.cancelled) == CANCELS_PER_SECOND + 1


@pytest.mark.parametrize(
    ("outcome", "code", "hidden"),
    [
        (AuthenticationFailed("kid x is unknown"), b"28P01", "kid"),
        (UnknownTarget("alice may not open hr"), b"3D000", "hr"),
        (LimitExceeded("too many sessions"), b"53300", "nothing"),
        (RecordingFailed("the disk is full"), b"58030", "nothing"),
        (ZeroDivisionError("a bug"), b"XX000", "bug"),
    ],
)
def test_r15_what_a_client_is_told_when_it_may_not_enter(
    outcome: Exception, code: bytes, hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R15: one FATAL, without what is not its business; and the door is free again."""
    world = World(preauth_per_address=1)
    monkeypatch.setattr(type(world.factory).log, "failure", lambda *args, **more: None, raising=False)
    world.outcome = outcome
    protocol, wire = world.client()
    protocol.dataReceived(HELLO)
    protocol.dataReceived(PASSWORD)
    assert told(wire)[ord("C")] == code
    assert hidden.encode() not in b"".join(told(wire).values())
    assert kinds(wire.value()) == "RE"
    assert world.client()[0] is not None


def test_p3_garbage_is_answered_by_silence() -> None:
    """P3: another protocol's client gets nothing to work with."""
    world = World()
    protocol, wire = world.client()
    protocol.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
    assert (wire.value(), wire.disconnecting) == (b"", True)
