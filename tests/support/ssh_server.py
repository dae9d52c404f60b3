"""A listener of ours in memory, with clients that log in as Alice by asking: what stands behind it is a Bench."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address

from tests.support.ssh import AskNone, Memory, Pair, Side
from tests.support.ssh_fakes import ALICE, Bench
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_key_files import GatewayKeys
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.identity.ssh_wire import string
from twisted_hoop.model import Peer
from twisted_hoop.settings import GatewaySection, SshSection
from twisted_hoop.ssh.server import Door, SshFactory
from twisted_hoop.ssh.transport import ClientTransport
from twisted_hoop.ssh.ways import Login, Ways

NOBODY: Any = None


class As(AskNone):
    """A client's ssh-userauth that asks with `none` for a user name."""

    def __init__(self, user: bytes) -> None:
        self._user = user

    def serviceStarted(self) -> None:
        self.transport.sendPacket(50, string(self._user) + string(b"ssh-connection") + string(b"none"))


def authority() -> SshAuthority:
    """One with new keys."""
    return SshAuthority(GatewayKeys(*(new_private_key() for _ in range(4))), SshSection())


def factory_of(bench: Bench, **gateway: Any) -> SshFactory:
    """A listener where `none` is enough to be Alice."""
    login = Login(ALICE, b"", "test", Peer("192.0.2.1", 50000, True))
    ways = Ways(lambda: NOBODY, frozenset(), outer=lambda: login)
    section = GatewaySection.model_validate(gateway)
    return SshFactory(bench.clock, Door(section, authority(), lambda: ways, bench.opening))


class Visit(Pair):
    """A client at the listener, logged in under that name: `client` is its Side."""

    def __init__(self, bench: Bench, factory: SshFactory, user: bytes) -> None:
        super().__init__()
        self.clock = bench.clock
        server = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 50000))
        assert server is not None
        self.server_end = server
        self.client_end = ClientTransport(
            bench.clock, self._known, lambda _: As(user), self.client, self.refused.append
        )

    def enter(self) -> Visit:
        """Connect and log in."""
        self.start()
        self.pump()
        assert self.client.connection is not None, self.refused
        return self


class Inside(Pair):
    """A client inside a channel of another one's connection (`ssh -J`)."""

    def __init__(self, bench: Bench, user: bytes) -> None:
        self.client = Side()
        self.refused: list[Exception] = []
        self.wire = Memory()
        self.end = ClientTransport(bench.clock, self._known, lambda _: As(user), self.client, self.refused.append)
        self.wire.protocol = self.end

    def enter(self) -> None:
        """Connect."""
        end: Any = self.end
        end.makeConnection(self.wire)
