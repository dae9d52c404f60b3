"""What a gateway has for its agents, put together: their door, who is where, the way to targets by them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted_hoop.agent.authorities import Authorities, naming
from twisted_hoop.agent.hub import Hub
from twisted_hoop.agent.link import Pulse
from twisted_hoop.agent.listening import AgentListening
from twisted_hoop.agent.peer_listening import PeerListening
from twisted_hoop.agent.peers import Peers
from twisted_hoop.agent.registry import Registry
from twisted_hoop.agent.registry_desk import AgentDesk
from twisted_hoop.agent.trust import AgentAuthority
from twisted_hoop.agent.trust_door import AgentDoor
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.interfaces import IIdentityProvider
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.settings import Settings
from twisted_hoop.store.agents import AgentTable
from twisted_hoop.store.database import Database


class Agents:
    """See the module. `key` signs agents' certificates; `ident` is this replica, `tell` tells the others a word.

    `state` is the folder for its socket; `worker` its number among the processes of this machine, from 0.
    """

    def __init__(
        self,
        reactor: Any,
        settings: Callable[[], Settings],
        identity: Callable[[], IIdentityProvider],
        authority: SshAuthority,
        key: PrivateKey,
        database: Database,
        ident: str,
        tell: Callable[[str], None],
        state: Path,
        worker: int = 0,
    ) -> None:
        table = AgentTable(database)
        self.registry = Registry(reactor, table, settings, ident, tell, time.time)
        self.door = AgentDoor(settings, identity, AgentAuthority(key), table, self.registry, time.time)
        self.authorities = Authorities(self.registry, key.public)
        self.hub = Hub(reactor, self.door)
        self.registry.struck = self.hub.look
        own, shared = new_private_key(), (reactor, self.registry)
        self.peers = Peers(*shared, ident, own)
        self.peer_listening = PeerListening(*shared, self.hub, own, ident, state, worker)
        self.peer_key = naming(own.public.line, key.public)
        self.hub.elsewhere = self.peers
        self.registry.looked = self._looked
        self._settings = settings
        self.desk = AgentDesk(table, self.registry, self.door.enrolment, settings, tell, time.time)
        self.listening = AgentListening(reactor, settings().gateway, self.door, self.hub, authority, _pulse(settings()))

    def _looked(self) -> None:
        self.peers.look()
        self.peer_listening.look()
        self.authorities.look()

    def watched(self, metrics: Metrics) -> None:
        """Have them counted."""
        here = self.registry.here
        watch = metrics.watch
        watch("hoop_agents", "Agents connected to this process now.", lambda: len(here()))
        watch("hoop_agent_streams", "Streams by agents open now.", lambda: self.hub.streams)
        refused = "Connections of agents refused, as their installation had as many as it may."
        differing = "Other replicas with another agent_ca: their agents are refused here."
        watch("hoop_agent_ca_mismatches", differing, lambda: len(self.authorities.differing))
        watch("hoop_agent_refused", refused, lambda: self.hub.refused, counts=True)

    async def listen(self) -> None:
        """Be there for other replicas, when agents may connect here. Raises ConfigurationError."""
        settings = self._settings()
        if any(each.protocol == "agent" for each in settings.listeners):
            await self.peer_listening.listen(settings.gateway)

    async def start(self) -> None:
        """Know who is revoked, then follow. Raises StoreUnavailable."""
        await self.registry.start()

    async def stop(self) -> None:
        """End every connection."""
        self.peers.stop()
        await self.peer_listening.stop()
        self.hub.stop()
        await self.registry.stop()


def _pulse(settings: Settings) -> Pulse:
    return Pulse(settings.gateway.agent_heartbeat, settings.gateway.agent_dead)
