"""Where other replicas of the store ask for streams by agents that are connected here.

A unix socket for those of this machine, or an address for others. It speaks SSH and shows this replica's key of this
life; who connects shows its own, which must be that of a replica whose lease holds. Nothing else is of any use here: no
token, no certificate, no key of a person.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from zope.interface import implementer

from twisted_hoop.agent.hub import Hub
from twisted_hoop.agent.listening import AgentFactory
from twisted_hoop.agent.logging_in import AgentLogin
from twisted_hoop.agent.peers import KIND, LIMITS, STREAM, parse_stream
from twisted_hoop.agent.pump import Pump
from twisted_hoop.agent.registry import Registry
from twisted_hoop.errors import AgentUnavailable, AuthenticationFailed, ConfigurationError, StoreUnavailable
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.identity.ssh_private_keys import PrivateKey
from twisted_hoop.interfaces import IAgentDoor
from twisted_hoop.model import AgentCredential, AgentIdentity, AgentReport, Peer
from twisted_hoop.recording.files import private_folder
from twisted_hoop.settings import GatewaySection
from twisted_hoop.ssh.algorithms import HostKey
from twisted_hoop.ssh.events import ADMINISTRATIVELY_PROHIBITED, CONNECT_FAILED, UNKNOWN_CHANNEL_TYPE
from twisted_hoop.ssh.fields import shown
from twisted_hoop.ssh.handlers import IsConnection, IsGlobalRequest, IsOpening
from twisted_hoop.ssh.transport import ServerTransport
from twisted_hoop.store.agents import PeerRow
from twisted_hoop.transport.bindings import BACKLOG, TcpBinding, UnixBinding
from twisted_hoop.transport.listen import EagerServerEndpoint
from twisted_hoop.transport.names import server_binding

_LONGEST_PATH = 100  # bytes: the address of a unix socket has at most 107 (unix(7))


@implementer(IAgentDoor)
class PeerDoor:
    """Which replica is it? Its id is the user name, its key the one of its row (see module)."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def authenticate(self, name: str, credential: AgentCredential, peer: Peer) -> AgentIdentity:
        """See IAgentDoor."""
        row = await self._row(name)
        if credential.algorithm != KIND or not credential.blob:
            raise AuthenticationFailed("replicas show their key")
        key = parse_line(row.key)
        if key.blob != credential.blob or not key.verify(credential.signature, credential.data, KIND):
            raise AuthenticationFailed("this is not the key of the replica it says it is")
        return AgentIdentity(row.id, row.id, None, "replica", key.fingerprint)

    async def _row(self, name: str) -> PeerRow:
        row = self._registry.peer(name)
        if row is None:  # it may have come a moment ago
            try:
                await self._registry.look_again()
            except StoreUnavailable:
                raise AuthenticationFailed("the store cannot be asked for replicas") from None
            row = self._registry.peer(name)
        if row is None or not row.key:
            raise AuthenticationFailed("no other replica of this id lives")
        return row

    def still_valid(self, identity: AgentIdentity) -> bool:
        """See IAgentDoor: while its lease holds."""
        row = self._registry.peer(identity.ident)
        return row is not None and bool(row.key) and parse_line(row.key).fingerprint == identity.proof_id

    def most_connections(self, identity: AgentIdentity) -> int:
        """See IAgentDoor: one for all streams of a replica."""
        return 1

    async def renew(self, identity: AgentIdentity, public_key: str) -> str:
        """See IAgentDoor: replicas have no certificates."""
        raise AuthenticationFailed("replicas have no certificates")

    def connected(self, identity: AgentIdentity, report: AgentReport) -> None:
        """See IAgentDoor: of no interest."""

    def heartbeat(self, identity: AgentIdentity, report: AgentReport) -> None:
        """See IAgentDoor: of no interest."""

    def disconnected(self, identity: AgentIdentity, report: AgentReport) -> None:
        """See IAgentDoor: of no interest."""


class PeerListening:
    """The listener. `key` is this replica's for this life; `worker` counts from 0."""

    log = Logger()

    def __init__(
        self, reactor: Any, registry: Registry, hub: Hub, key: PrivateKey, ident: str, state: Path, worker: int = 0
    ) -> None:
        self._reactor, self._hub, self._key, self._ident = reactor, hub, key, ident
        self._state, self._worker = state, worker
        self._door = PeerDoor(registry)
        self._port: IListeningPort | None = None
        self._serving: dict[PeerServing, AgentIdentity] = {}
        self._made: Path | None = None
        self.address = ""
        """Where others reach it, as an endpoint string; "" while nobody does."""

    async def listen(self, gateway: GatewaySection) -> None:
        """Listen, or raise ConfigurationError."""
        try:
            binding = self._tcp(gateway) if gateway.peers else self._unix()
            factory = AgentFactory(self._reactor, gateway, None, self._server)
            port: Any = await EagerServerEndpoint(self._reactor, binding).listen(factory)
        except Exception as error:
            raise ConfigurationError([f"gateway.peers: cannot listen for other replicas: {error}"]) from error
        self._port = port
        if gateway.peers:
            self.address = _tcp_address(gateway, port.getHost().port, self._worker)

    def _tcp(self, gateway: GatewaySection) -> TcpBinding:
        binding = server_binding(gateway.peers)
        assert isinstance(binding, TcpBinding), "looked at when the file was read"
        return replace(binding, port=binding.port + self._worker if binding.port else 0)

    def _unix(self) -> UnixBinding:
        folder = self._state / "peers"
        path = folder / f"{self._ident}.sock"
        if len(os.fsencode(path)) > _LONGEST_PATH:
            self._made = Path(tempfile.mkdtemp(prefix="hoop-peers-"))
            path = self._made / f"{self._ident}.sock"
        else:
            _sweep(private_folder(folder))
        self.address = "unix:" + str(path).replace("\\", "\\\\").replace(":", "\\:")
        return UnixBinding(str(path), 0o600, BACKLOG, False)

    def _server(self, peer: Peer, done: Callable[[], None]) -> ServerTransport:
        def connected(identity: AgentIdentity) -> PeerServing:
            done()
            self.log.info("replica {replica} asks for streams by agents here", replica=identity.ident)
            made = PeerServing(self._hub, transport, self._serving.pop)
            self._serving[made] = identity
            return made

        key = HostKey(KIND, self._key.public.blob, self._key.sign)
        transport = ServerTransport(self._reactor, (key,), lambda _: AgentLogin(self._door, peer), connected, LIMITS)
        return transport

    def look(self) -> None:
        """End connections of replicas whose lease is over."""
        for serving, identity in list(self._serving.items()):
            if not self._door.still_valid(identity):
                serving.end("this replica was taken for dead")

    async def stop(self) -> None:
        """Listen no more, and end every connection."""
        port, self._port, self.address = self._port, None, ""
        if port is not None:
            await maybeDeferred(port.stopListening)
        for serving in list(self._serving):
            serving.end("the gateway stops")
        if self._made is not None:
            with suppress(OSError):
                self._made.rmdir()


class PeerServing:
    """One connection of another replica: a ConnectionHandler. It opens streams by agents here, and nothing else."""

    log = Logger()

    def __init__(self, hub: Hub, transport: Any, gone: Callable[[PeerServing], Any]) -> None:
        self._hub, self._transport, self._gone = hub, transport, gone
        self._pumps: set[Pump] = set()
        self._opening: set[Deferred[None]] = set()

    def end(self, why: str) -> None:
        """Close it, with every stream."""
        self._transport.disconnect(11, why)

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler."""

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler: a stream by an agent that is connected here."""
        if opening.kind != STREAM:
            opening.refuse(UNKNOWN_CHANNEL_TYPE, f"no such channel: {shown(opening.kind[:64])}")
            return
        work = Deferred.fromCoroutine(self._open(opening))
        if not work.called:
            self._opening.add(work)
            work.addBoth(lambda _: self._opening.discard(work))

    async def _open(self, opening: IsOpening) -> None:
        """Whatever becomes of it, the other replica is told, once (R15)."""
        pump = Pump(opening, self._pumps.discard)
        try:
            stream = await self._hub.open(parse_stream(opening.data), only_here=True)
            self._pumps.add(pump)
            stream.attach(pump)
        except ValueError as why:
            opening.refuse(UNKNOWN_CHANNEL_TYPE, f"a stream that cannot be understood: {why}")
        except AgentUnavailable as why:
            opening.refuse(ADMINISTRATIVELY_PROHIBITED if why.refused else CONNECT_FAILED, str(why))
        except CancelledError:
            self._pumps.discard(pump)
        except Exception:  # noqa: BLE001  the boundary of one stream (R15)
            self.log.failure("a stream for another replica failed")
            if pump.waits:
                opening.refuse(CONNECT_FAILED, "internal error")

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler: replicas ask for nothing else."""
        request.reply(False)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler: streams are told by their channels."""
        for work in list(self._opening):
            work.cancel()
        self._gone(self)


def _tcp_address(gateway: GatewaySection, port: int, worker: int) -> str:
    """The endpoint string for others: `peers_address` with the port of this worker, or interface and port."""
    host = ""
    if gateway.peers_address:
        host, _, given = gateway.peers_address.rpartition(":")
        port = int(given) + worker
    else:
        binding = server_binding(gateway.peers)
        host = binding.interface if isinstance(binding, TcpBinding) else ""
    escaped = host.strip("[]").replace("\\", "\\\\").replace(":", "\\:")
    return f"tcp:{escaped}:{port}"


def _sweep(folder: Path) -> None:
    """Remove the sockets of processes that died: nobody accepts there."""
    for path in folder.glob("*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                with suppress(OSError):
                    path.unlink()
            except OSError:
                continue
