"""Parts for tests of who an agent is: doors of one or more replicas over a store, credentials, a clock that stands."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tests.support.approvals import Time
from tests.support.loop import Loop
from twisted_hoop.agent.authorities import naming
from twisted_hoop.agent.enrolment import JoinToken
from twisted_hoop.agent.registry import Registry
from twisted_hoop.agent.registry_desk import AgentDesk
from twisted_hoop.agent.trust import AgentAuthority
from twisted_hoop.agent.trust_door import ALGORITHM, AgentDoor
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.ssh_certificates import Certificate, parse_certificate
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.model import AgentCredential, AgentIdentity, AgentReport, Peer, Principal
from twisted_hoop.settings import Settings
from twisted_hoop.store.agents import AgentTable
from twisted_hoop.store.database import Database
from twisted_hoop.store.replicas import Replica, Replicas

OLGA = Principal("https://issuer.example", "olga", "Olga", frozenset({"operators"}))
PEER = Peer("203.0.113.7", 50000, True)
CA = new_private_key


def settings_of(*agents: dict[str, Any], **more: Any) -> Settings:
    """Settings with these agents; one called office when none are named."""
    return Settings.model_validate({"agents": list(agents) or [{"name": "office"}, {"name": "lab"}], **more})


def report_of(number: int = 1, **changed: Any) -> AgentReport:
    """How a connection is."""
    usual: dict[str, Any] = {"connection": f"connection-{number}", "address": "203.0.113.7", "version": "1.0"}
    return AgentReport(**{**usual, "offered": ("db.internal:5432",), "since": 1.0, "seen": 2.0, **changed})


def certificate_of(line: str) -> Certificate:
    """The certificate of a line."""
    import base64

    return parse_certificate(base64.b64decode(line.split()[1]))


def signed(key: PrivateKey, certificate: Certificate, data: bytes = b"the session") -> AgentCredential:
    """A login with a certificate, its signature made by that key."""
    return AgentCredential("", certificate.blob, ALGORITHM, key.sign(data), data)


@dataclass
class AgentHouse:
    """What one replica has: a door, a registry, a desk. `told` are the words it told the others."""

    loop: Loop
    database: Database
    settings: Settings
    authority: AgentAuthority
    time: Time
    replica: str = "replica-a"
    told: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        def current() -> Settings:
            return self.settings

        self.table = AgentTable(self.database)
        self.provider = self.loop.run(lambda: IdentityProvider(self.settings, self.loop.reactor, now=self.time))
        self.registry = Registry(self.loop.reactor, self.table, current, self.replica, self.told.append, self.time)
        self.registry.struck = lambda: self.struck.append("struck")
        self.door = AgentDoor(current, lambda: self.provider, self.authority, self.table, self.registry, self.time)
        self.desk = AgentDesk(self.table, self.registry, self.door.enrolment, current, self.told.append, self.time)

    def lives(self) -> AgentHouse:
        """Write its replica down as one that lives."""
        key = naming("ssh-ed25519 AA", self.authority.public)
        row = Replica(self.replica, "hoop", "1", "v1", 1.0, 1.0, 0, 0.0, "", f"unix:/{self.replica}", key)
        self.loop.run(lambda: Replicas(self.database).here(row))
        return self

    def token(self, name: str = "office", seconds: float = 900.0) -> JoinToken:
        """A join token, as an operator makes one."""
        return self.loop.run(lambda: self.desk.join_token(OLGA, name, seconds))

    def login(self, name: str, credential: AgentCredential, peer: Peer = PEER) -> AgentIdentity:
        """Log in at the door."""
        return self.loop.run(lambda: self.door.authenticate(name, credential, peer))

    def renew(self, identity: AgentIdentity, key: PrivateKey) -> Certificate:
        """A certificate, asked for over a connection of that identity."""
        return certificate_of(self.loop.run(lambda: self.door.renew(identity, key.public.line)))

    def enrolled(self, name: str = "office") -> tuple[PrivateKey, Certificate]:
        """An agent that went through all of it."""
        key = new_private_key()
        identity = self.login(name, AgentCredential(self.token(name).token))
        return key, self.renew(identity, key)

    def look(self) -> None:
        """Follow the store now."""
        self.loop.run(self.registry.look)


def agent_house(loop: Loop, url: str, *agents: dict[str, Any], **more: Any) -> AgentHouse:
    """A house over a store of its own. Stop it with `house.database.stop()`."""
    database = Database(url, loop.reactor)
    database.start()
    clock = Time(time.time())
    return AgentHouse(loop, database, settings_of(*agents, **more), AgentAuthority(CA(), clock), clock).lives()


def second_replica(house: AgentHouse, replica: str = "replica-b") -> AgentHouse:
    """Another replica of the same store, with the same authority."""
    parts = (house.database, house.settings, house.authority, house.time)
    return AgentHouse(house.loop, *parts, replica).lives()


def agent_desk(loop: Loop, database: Database, clock: Any) -> AgentDesk:
    """A desk for tests of what stands on it, with the agents office and lab."""
    return AgentHouse(loop, database, settings_of(), AgentAuthority(CA(), clock), clock).desk
