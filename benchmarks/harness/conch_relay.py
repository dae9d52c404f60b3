"""An SSH relay on Conch as it comes, written the obvious way: `python conch_relay.py PORT TARGET_PORT USER KEY`.

No policy, no recording, no flow control: Conch has none to offer.
"""

from __future__ import annotations

import sys
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from twisted.conch.ssh import channel, connection, factory, keys, service, transport, userauth
from twisted.internet import defer, reactor
from twisted.internet.protocol import Factory

PORT, TARGET, USER, KEY = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], keys.Key.fromFile(sys.argv[4])


class AtTarget(channel.SSHChannel):
    """A session at the target, whose bytes go to `near`."""

    name = b"session"
    near: Any
    request: tuple[bytes, bytes]

    def channelOpen(self, specificData: bytes) -> None:
        self.conn.sendRequest(self, *self.request, wantReply=True).addErrback(lambda failure: None)
        self.near.opened(self)

    def dataReceived(self, data: bytes) -> None:
        self.near.write(data)

    def extReceived(self, dataType: int, data: bytes) -> None:
        self.near.writeExtended(dataType, data)

    def request_exit_status(self, data: bytes) -> None:
        self.near.conn.sendRequest(self.near, b"exit-status", data)

    def eofReceived(self) -> None:
        self.near.conn.sendEOF(self.near)

    def closed(self) -> None:
        self.near.loseConnection()


class Near(channel.SSHChannel):
    """The client's session."""

    name = b"session"
    far: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: list[bytes] = []
        self._ended = False

    def request_exec(self, data: bytes) -> bool:
        leg = Leg(self, (b"exec", data))
        maker = Factory.forProtocol(lambda: leg)
        reactor.connectTCP("127.0.0.1", TARGET, _Client(maker))
        return True

    def opened(self, far: Any) -> None:
        self.far = far
        for data in self._waiting:
            far.write(data)
        if self._ended:
            far.conn.sendEOF(far)

    def dataReceived(self, data: bytes) -> None:
        if self.far is None:
            self._waiting.append(data)
        else:
            self.far.write(data)

    def eofReceived(self) -> None:
        self._ended = True
        if self.far is not None:
            self.far.conn.sendEOF(self.far)

    def closed(self) -> None:
        if self.far is not None:
            self.far.conn.transport.loseConnection()


class _Client(Factory):
    noisy = False

    def __init__(self, maker: Factory) -> None:
        self._maker = maker

    def buildProtocol(self, addr: Any) -> Any:
        return self._maker.buildProtocol(addr)

    def startedConnecting(self, connector: Any) -> None:
        """Twisted's."""

    def clientConnectionLost(self, connector: Any, reason: Any) -> None:
        """Twisted's."""

    clientConnectionFailed = clientConnectionLost


class Leg(transport.SSHClientTransport):
    """The connection to the target."""

    def __init__(self, near: Near, request: tuple[bytes, bytes]) -> None:
        self._near, self._request = near, request

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> Any:
        return defer.succeed(True)

    def connectionSecure(self) -> None:
        far = AtTarget()
        far.near, far.request = self._near, self._request
        running = connection.SSHConnection()
        running.serviceStarted = lambda: running.openChannel(far)  # type: ignore[method-assign]
        self.requestService(Login(USER.encode(), running))


class Login(userauth.SSHUserAuthClient):
    """With the key."""

    def getPublicKey(self) -> Any:
        return KEY.public() if self.lastAuth != b"publickey" else None

    def getPrivateKey(self) -> Any:
        return defer.succeed(KEY)


class Everybody(service.SSHService):
    """Lets everybody in."""

    name = b"ssh-userauth"

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        assert self.transport is not None
        self.transport.sendPacket(userauth.MSG_USERAUTH_SUCCESS, b"")
        self.transport.setService(Connection())


class Connection(connection.SSHConnection):
    """Opens sessions, whoever asks."""

    def getChannel(self, channelType: bytes, windowSize: int, maxPacket: int, data: bytes) -> Any:
        return Near(remoteWindow=windowSize, remoteMaxPacket=maxPacket, conn=self)


class Server(factory.SSHFactory):
    """Conch's."""

    noisy = False
    services = {b"ssh-userauth": Everybody, b"ssh-connection": Connection}
    host = keys.Key(ed25519.Ed25519PrivateKey.generate())
    publicKeys = {b"ssh-ed25519": host.public()}
    privateKeys = {b"ssh-ed25519": host}

    def getPrimes(self) -> None:
        """None."""


reactor.listenTCP(PORT, Server(), interface="127.0.0.1")
reactor.run()
