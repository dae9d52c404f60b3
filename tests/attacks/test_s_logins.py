"""Row S, logging in: floods, silence and swapped keys at the whole server side, in memory, on a clock of its own.

S6, S17 and S19 at real clients and servers: test_ssh_logins.py, test_ssh_target.py; S5 step by step: test_ssh_auth.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.conch.ssh.service import SSHService
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.support.ssh import Memory, Pair
from tests.support.ssh_identity import make_authority
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.identity.ssh_wire import strings
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import GatewaySection, Settings
from twisted_hoop.ssh import userauth
from twisted_hoop.ssh.auth import UserAuth
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.login import TargetLogin, WithKey
from twisted_hoop.ssh.server import Door, SshFactory
from twisted_hoop.ssh.userauth import SERVICE, signed_data
from twisted_hoop.ssh.ways import Login, Ways

KEY, OTHER = new_private_key(), new_private_key()
PEER = Peer("192.0.2.1", 50000, True)
GRACE = Limits().grace
ACCOUNTS = [{"name": "bot", "ssh_keys": [KEY.public.line]}, {"name": "boss", "ssh_keys": [OTHER.public.line]}]


class Waiting:
    """A login by device code that nobody confirms."""

    text = "open the link"
    seconds = 200.0

    def __init__(self) -> None:
        self.answer: Deferred[Principal] = Deferred()

    async def wait(self) -> Principal:
        return await self.answer

    def close(self) -> None:
        """Told."""


async def begin(peer: Peer) -> Waiting:
    return Waiting()


class Talkative(SSHService):
    """A client that says what the test says, once it may log in, and keeps what it hears."""

    name = b"ssh-userauth"
    transport: Any

    def __init__(self, *requests: bytes) -> None:
        self._requests = requests
        self.heard: list[int] = []

    def serviceStarted(self) -> None:
        for request in self._requests:
            self.transport.sendPacket(userauth.REQUEST, strings(b"u", SERVICE) + request)

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        self.heard.append(messageNum)


def pair_of(client: Any, names: tuple[str, ...] = ("key", "device")) -> Pair:
    """Our server's own login service; `client` is the service at the other end."""
    identity = IdentityProvider(Settings.model_validate({"accounts": ACCOUNTS}), None)
    ways = Ways(lambda: identity, frozenset(names), device=begin)
    pair = Pair(limits=Limits(grace=0.0), server_limits=Limits())
    pair.server_end._authentication = lambda _: UserAuth(ways, PEER)
    pair.client_end._authenticator = lambda _: client
    return pair.start().pump()


def shown(key: PrivateKey) -> bytes:
    return strings(b"publickey") + b"\0" + strings(b"ssh-ed25519", key.public.blob)


def test_our_own_client_side_logs_in_at_our_own_server_side() -> None:
    failures: list[Exception] = []
    pair = pair_of(TargetLogin("deploy%web-1", WithKey(KEY), failures.append))
    assert pair.client.connection is not None and failures == []
    login: Login = pair.server.login
    assert (login.principal.key, login.user, login.way) == ("hoop|bot", b"deploy%web-1", "key")


def test_S5_keys_that_were_only_shown_are_nobodys_identity() -> None:
    """CVE-2024-45337: shown last, signed first, or the other way round."""

    class Swaps(Talkative):
        def serviceStarted(self) -> None:
            signed = signed_data(self.transport.sessionID, b"u", SERVICE, b"ssh-ed25519", KEY.public.blob)
            signs = strings(b"publickey") + b"\1" + strings(b"ssh-ed25519", KEY.public.blob, KEY.sign(signed))
            self._requests = (shown(OTHER), signs, shown(OTHER))
            super().serviceStarted()

    pair = pair_of(Swaps())
    assert pair.server.login.principal.key == "hoop|bot"


def test_S7_a_client_that_does_not_log_in_is_gone_after_the_grace() -> None:
    pair = pair_of(Talkative(strings(b"none")))
    pair.clock.advance(GRACE - 1)
    assert not pair.pump().ended
    pair.clock.advance(2)
    assert pair.pump().ended


def test_S7_a_device_code_has_its_own_time_and_no_more() -> None:
    client = Talkative(strings(b"keyboard-interactive", b"", b""))
    pair = pair_of(client)
    assert client.heard == [userauth.INFO_REQUEST]
    pair.clock.advance(Waiting.seconds - 1)
    assert not pair.pump().ended
    pair.clock.advance(2)
    assert pair.pump().ended and pair.server.login is None


FLOODS = [strings(b"none"), shown(new_private_key()), strings(b"password") + b"\0\0\0\0\1x"]


@pytest.mark.parametrize("request_", FLOODS, ids=["none", "keys", "passwords"])
def test_S7_a_flood_of_requests_ends_the_connection(request_: bytes) -> None:
    client = Talkative(*[request_] * 200)
    pair = pair_of(client)
    assert pair.ended and len(client.heard) <= 6 and pair.server.login is None


def factory(clock: Clock, **gateway: Any) -> SshFactory:
    ways: Any = lambda: None  # noqa: E731  nobody gets that far
    nothing: Any = None
    return SshFactory(clock, Door(GatewaySection.model_validate(gateway), make_authority(), ways, nothing))


def connect(server: SshFactory, host: str, port: int = 1) -> Memory | None:
    """A connection that says nothing."""
    protocol = server.buildProtocol(IPv4Address("TCP", host, port))
    if protocol is None:
        return None
    wire = Memory()
    wire.protocol = protocol
    protocol.makeConnection(wire)
    return wire


def test_S7_silent_connections_are_capped_for_an_address_and_in_total() -> None:
    clock = Clock()
    server = factory(clock, preauth_per_address=3, preauth_connections=5, login_timeout=30.0)
    mine = [connect(server, "192.0.2.1", port) for port in range(4)]
    assert [wire is not None for wire in mine] == [True, True, True, False]
    others = [connect(server, f"192.0.2.{n}") for n in (2, 3, 4)]
    assert [wire is not None for wire in others] == [True, True, False]
    assert mine[0] is not None
    mine[0].lost()
    assert connect(server, "192.0.2.1") is not None, "who leaves makes room"
    assert connect(server, "192.0.2.9") is None


def test_S7_silence_ends_with_the_grace_and_makes_room() -> None:
    clock = Clock()
    server = factory(clock, preauth_per_address=1, login_timeout=30.0)
    wire = connect(server, "192.0.2.1")
    assert wire is not None and connect(server, "192.0.2.1") is None
    clock.advance(31)
    for _ in range(5):
        if wire.closing and not wire.closed:
            wire.lost()
        clock.advance(1)
    assert wire.closed and connect(server, "192.0.2.1") is not None
