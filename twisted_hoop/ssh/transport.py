"""The two ends of the SSH transport (RFC 4253): ServerTransport for clients, ClientTransport for targets.

Both are ordinary Twisted protocols over any ITCPTransport; they pause, abort and register themselves as its producer. A
service is Conch's SSHService: `name`, `transport` (set for it), `serviceStarted()`, `serviceStopped()`,
`packetReceived(number, payload)`; it answers with `transport.sendPacket(number, payload)`. What it needs besides is
`sessionID`, `otherVersionString` (both bytes) and `disconnect(code, text)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.service import SSHService
from twisted.conch.ssh.transport import SSHClientTransport, SSHServerTransport
from twisted.internet.defer import Deferred

from twisted_hoop.errors import HoopError, ProtocolError
from twisted_hoop.ssh.agreements import Agreement, make_agreement
from twisted_hoop.ssh.algorithms import (
    GCM,
    SIGNATURES,
    USER_SIGNATURES,
    HostKey,
    by_algorithm,
    signature_algorithm,
)
from twisted_hoop.ssh.bare import BareIn, BareOut
from twisted_hoop.ssh.connection import Connection
from twisted_hoop.ssh.exchange import BROKEN, Exchange
from twisted_hoop.ssh.fields import MalformedMessage, Reader, name_list, string, uint32
from twisted_hoop.ssh.handlers import ConnectionHandler
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.negotiation import KEY_EXCHANGE_FAILED, KexInit
from twisted_hoop.ssh.packets import SERVICE_NOT_AVAILABLE
from twisted_hoop.ssh.stages import (
    EXCHANGE_INIT,
    EXT_INFO,
    SERVICE_ACCEPT,
    SERVICE_REQUEST,
    USERAUTH_SUCCESS,
    Stage,
)

USERAUTH = b"ssh-userauth"
HOST_KEY_NOT_VERIFIABLE = 9
_COMMON = {1: "ssh_DISCONNECT", 2: "ssh_IGNORE", 3: "ssh_IGNORE", 4: "ssh_IGNORE", 20: "ssh_KEXINIT", 21: "ssh_NEWKEYS"}


class Transport(Exchange):
    """What both roles have: services, extensions, the step to ssh-connection."""

    peerExtensions: dict[bytes, bytes]

    def __init__(self, reactor: Any, limits: Limits, host_key_algorithms: tuple[bytes, ...]) -> None:
        super().__init__(reactor, limits, host_key_algorithms)
        self.peerExtensions = {}
        self.connection: Connection | None = None
        self._bare_in: BareIn | None = None

    def ssh_EXT_INFO(self, packet: bytes) -> None:
        """What the other side can do besides (RFC 8308)."""
        reader = Reader(packet)
        for _ in range(reader.uint32()):
            name = reader.string()
            self.peerExtensions[name] = reader.string()
        reader.end()

    def ssh_IGNORE(self, packet: bytes) -> None:
        """IGNORE, DEBUG and UNIMPLEMENTED: nothing that is said there changes anything."""

    def start(self, service: SSHService, stage: Stage) -> None:
        """`service` runs from now on."""
        if self.service is not None:
            self.service.serviceStopped()
        self.service = service
        service.transport = self
        self.advance(stage)
        service.serviceStarted()

    def _connect(self, handler: ConnectionHandler) -> None:
        self._stop("grace")
        self._longest = self.limits.packet_after
        self.connection = Connection(handler, self.limits)
        self._channel_data = self.connection.channel_data
        self.start(self.connection, Stage.CONNECTED)
        self.arrange()

    # -- without encryption of its own: agent/outside.py says when ------------------------------------------------

    def go_bare(self, number: int, payload: bytes) -> bool:
        """Send this message as before, and everything behind it without encryption. False, and nothing was done or
        sent, when that cannot be now: keys are being exchanged, or nobody is logged in."""
        if self._stage is not Stage.CONNECTED or self._exchanging or self.ended:
            return False
        self.sendPacket(number, payload)
        out = self._out = BareOut(self.transport)
        self.send_data = out.send_data  # type: ignore[method-assign]
        self._stop("rekey")
        return True

    def expect_bare(self) -> None:
        """The message that is being taken is the last one the other side encrypted. Called while it is."""
        if self._stage is not Stage.CONNECTED or self._exchanging or self.connection is None:
            raise ProtocolError("the encryption cannot end in the middle of a key exchange")
        self._bare_in = BareIn(self, self.connection, self.limits.packet_after)
        self._bare = self._bare_in.received
        self._stop("rekey")

    @property
    def carried_bare(self) -> int:
        """Bytes that were carried, both ways, without encryption of our own."""
        incoming, out = self._bare_in, self._out
        return (incoming.carried if incoming is not None else 0) + (out.carried if isinstance(out, BareOut) else 0)

    def rekey(self) -> None:
        """See `Exchange.rekey`. Where a direction has no keys any more there are none to be changed."""
        if self._bare is None and not isinstance(self._out, BareOut):
            super().rekey()

    def settle(self) -> None:
        """See `Packets.settle`."""
        if self._fast is not None:
            self.connection.settle()  # type: ignore[union-attr]

    def became_writable(self) -> None:
        """Channels may send again."""
        if self.connection is not None:
            self.connection.became_writable()


class ServerTransport(Transport, SSHServerTransport):
    """The end that clients connect to. It knows no policy: who may log in is for the service that it is given."""

    messages = {**_COMMON, EXCHANGE_INIT: "ssh_KEX_DH_GEX_REQUEST_OLD", EXT_INFO: "ssh_EXT_INFO"} | {
        SERVICE_REQUEST: "ssh_SERVICE_REQUEST"
    }

    def __init__(
        self,
        reactor: Any,
        host_keys: Sequence[HostKey],
        authentication: Callable[[ServerTransport], SSHService],
        connection: Callable[[Any], ConnectionHandler],
        limits: Limits | None = None,
        ended: Callable[[str], None] | None = None,
    ) -> None:
        """`reactor` provides IReactorTime; `host_keys` are in the order of our preference.

        `authentication` makes the ssh-userauth service of this connection, `connection` the handler of the login that
        `authenticated` was given. `ended` is called once, when the connection is gone, with the reason.
        """
        self._host_keys = by_algorithm(host_keys)
        super().__init__(reactor, limits or Limits(), tuple(self._host_keys))
        self._authentication = authentication
        self._make_handler = connection
        self._on_end = ended

    # -- key exchange ---------------------------------------------------------------------------------------------

    def identified(self) -> None:
        """The client's KEXINIT is awaited, but not for long; see exchange.py."""
        self._after("kexinit", self.limits.kexinit_wait, self.sendKexInit)

    def _prefer(self, theirs: KexInit) -> None:
        fast = tuple(name for name in GCM if name in theirs.ciphers_to_server and name in theirs.ciphers_to_client)
        if fast:
            offer = self._offer
            self._offer = KexInit(
                *(offer.exchanges, offer.host_keys, fast, fast, offer.macs_to_server, offer.macs_to_client),
                *(offer.compressions_to_server, offer.compressions_to_client),
            )

    def ssh_KEX_DH_GEX_REQUEST_OLD(self, packet: bytes) -> None:
        """Message 30 by Conch's name: the client's half of the exchange."""
        if self.guess_ignored():
            return
        try:
            super().ssh_KEX_DH_GEX_REQUEST_OLD(packet)
        except BROKEN as error:
            raise ProtocolError(f"a key exchange that cannot be: {error}", code=KEY_EXCHANGE_FAILED) from error

    def _getHostKeys(self, keyAlg: bytes) -> tuple[Any, Any]:
        key = _ConchKey(self._host_keys[keyAlg])
        return key, key

    def sendExtInfo(self, extensions: object) -> None:
        """What users may sign with; Conch would announce what our host keys sign with."""
        if self._peerSupportsExtensions:
            self.sendPacket(EXT_INFO, uint32(1) + string(b"server-sig-algs") + name_list(USER_SIGNATURES))

    # -- services -------------------------------------------------------------------------------------------------

    def ssh_SERVICE_REQUEST(self, packet: bytes) -> None:
        """Only ssh-userauth can be asked for, once; ssh-connection starts by logging in (S4)."""
        reader = Reader(packet)
        name = reader.string()
        reader.end()
        if name != USERAUTH:
            raise ProtocolError("a service that cannot be asked for now", code=str(SERVICE_NOT_AVAILABLE))
        self.sendPacket(SERVICE_ACCEPT, string(name))
        self.start(self._authentication(self), Stage.LOGIN)

    def more_time(self, seconds: float) -> None:
        """Called by the ssh-userauth service: a person needs so long, from now, to log in with a browser."""
        if self.service_stage is Stage.LOGIN and not self.ended and self.limits.grace:
            self._after("grace", max(seconds, self.limits.grace), self._too_late)

    def authenticated(self, login: Any) -> None:
        """Called by the ssh-userauth service: USERAUTH_SUCCESS is sent, and ssh-connection runs."""
        if self.service_stage is not Stage.LOGIN or self.ended:
            raise RuntimeError("nobody is logging in")
        handler = self._make_handler(login)
        self.sendPacket(USERAUTH_SUCCESS, b"")
        self._connect(handler)

    def finished(self) -> None:
        """Told to whoever asked."""
        if self._on_end is not None:
            self._on_end(self.reason)


class _ConchKey:
    """A host key as Conch's half of the exchange uses one."""

    __slots__ = ("_key",)

    def __init__(self, key: HostKey) -> None:
        self._key = key

    def blob(self) -> bytes:
        """What is sent."""
        return self._key.blob

    def sign(self, data: bytes, signatureType: bytes) -> bytes:
        """The signature; the algorithm was chosen with the key."""
        return self._key.sign(data)


class ClientTransport(Transport, SSHClientTransport):
    """The end that connects to a target."""

    messages = {**_COMMON, 31: "ssh_KEX_REPLY", EXT_INFO: "ssh_EXT_INFO", SERVICE_ACCEPT: "ssh_SERVICE_ACCEPT"}

    def __init__(
        self,
        reactor: Any,
        verify_host_key: Callable[[bytes], Awaitable[Key]],
        authenticator: Callable[[ClientTransport], SSHService],
        handler: ConnectionHandler,
        refused: Callable[[Exception], None],
        host_key_algorithms: Sequence[bytes] = SIGNATURES,
        limits: Limits | None = None,
    ) -> None:
        """`verify_host_key` gets what the target proves itself with, a key or a certificate, and gives the public key
        that must have signed; it raises HoopError when it is not the one expected (S17).

        `authenticator` makes the ssh-userauth service, which calls `authenticated()` at USERAUTH_SUCCESS; `handler` is
        told then. `refused` is called instead, once, when the connection ended before.
        """
        super().__init__(reactor, limits or Limits(), tuple(host_key_algorithms))
        self._verify_host_key = verify_host_key
        self._authenticator = authenticator
        self._handler = handler
        self._refused = refused
        self._why: Exception | None = None
        self._agreement: Agreement | None = None
        self._host_key: tuple[bytes, Key] | None = None

    # -- key exchange ---------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Our KEXINIT follows at once: a server need not show what it has first."""
        super().connectionMade()
        self.sendKexInit()

    def begin(self) -> None:
        """Send our half."""
        self._agreement = make_agreement(self.kexAlg)
        self.sendPacket(EXCHANGE_INIT, string(self._agreement.public))

    def ssh_KEX_REPLY(self, packet: bytes) -> None:
        """The target's key, its half, its signature (RFC 5656, section 4). Nothing more is read until it is judged."""
        if self.guess_ignored():
            return
        agreement, self._agreement = self._agreement, None
        if agreement is None:
            raise ProtocolError("two answers in one key exchange", code=KEY_EXCHANGE_FAILED)
        reader = Reader(packet)
        blob, answer, signature = reader.string(), reader.string(), reader.string()
        reader.end()
        try:
            secret = agreement.secret(answer)
        except BROKEN as error:
            raise ProtocolError(f"a key exchange that cannot be: {error}", code=KEY_EXCHANGE_FAILED) from error
        digest = agreement.digest(self._hashed(blob, agreement.public, answer) + secret).digest()
        self.hold()
        work = Deferred.fromCoroutine(self._judge(blob, signature, secret, digest))
        work.addErrback(self._judge_failed)

    def _hashed(self, blob: bytes, ours: bytes, theirs: bytes) -> bytes:
        versions = string(self.ourVersionString) + string(self.otherVersionString)
        offers = string(self.ourKexInitPayload) + string(self.otherKexInitPayload)
        return versions + offers + string(blob) + string(ours) + string(theirs)

    async def _judge(self, blob: bytes, signature: bytes, secret: bytes, digest: bytes) -> None:
        key = await self._key_of(blob)
        if self.ended:
            return
        if not _signed(key, self.keyAlg, signature, digest):
            raise ProtocolError("the target's host key did not sign the key exchange (S17)", "target")
        self._host_key = (blob, key)
        self._keySetup(secret, digest)
        self.release()

    async def _key_of(self, blob: bytes) -> Key:
        """The key was judged in the first exchange, and may not change afterwards."""
        if self._host_key is None:
            return await self._verify_host_key(blob)
        known, key = self._host_key
        if known != blob:
            raise ProtocolError("the target changed its host key in the middle (S17)", "target")
        return key

    def _judge_failed(self, failure: Any) -> None:
        error = failure.value
        if not isinstance(error, HoopError):
            self._log.failure("a host key could not be judged", failure=failure)
        self._why = error
        self.disconnect(HOST_KEY_NOT_VERIFIABLE, str(error))

    # -- services -------------------------------------------------------------------------------------------------

    def connectionSecure(self) -> None:
        """Ask for ssh-userauth."""
        self.sendPacket(SERVICE_REQUEST, string(USERAUTH))

    def ssh_SERVICE_ACCEPT(self, packet: bytes) -> None:
        """It may begin."""
        if Reader(packet).string() != USERAUTH:
            raise MalformedMessage("a service was accepted that was not asked for")
        self.start(self._authenticator(self), Stage.LOGIN)

    def authenticated(self) -> None:
        """Called by the authenticator: ssh-connection runs."""
        if self.service_stage is not Stage.LOGIN or self.ended:
            raise RuntimeError("nobody is logging in")
        self._connect(self._handler)

    def finished(self) -> None:
        """Whoever waits for the login is told."""
        if self.connection is None:
            self._refused(self._why or ProtocolError(self.reason, "target"))


def _signed(key: Key, algorithm: bytes, signature: bytes, digest: bytes) -> bool:
    """Whether it is a signature by `key`, made in the algorithm that was agreed and no other."""
    try:
        if Reader(signature).string() != signature_algorithm(algorithm):
            return False
        return bool(key.verify(signature, digest))
    except (ProtocolError, *BROKEN):
        return False
