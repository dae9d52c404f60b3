"""A listener of agents and agents, in one running reactor, over real sockets and TLS; who they are is faked.

house = AgentHouse(loop, tmp_path)
house.open()                      # the gateway's side listens
agent = house.agent("office")     # an agent dials in
house.joined("office")            # … and is there
transport = house.connect("agent:office:tcp:127.0.0.1:5432", protocol)
house.close()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Factory

from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.transports import Certificates, make_certificates
from twisted_hoop.agent.allow import AllowList
from twisted_hoop.agent.attachment import Plan
from twisted_hoop.agent.dialling import Dialler
from twisted_hoop.agent.hub import Hub
from twisted_hoop.agent.known import KnownGateway
from twisted_hoop.agent.link import Pulse
from twisted_hoop.agent.listening import AgentListening
from twisted_hoop.agent.runner import Agent
from twisted_hoop.agent.settings import AllowSection
from twisted_hoop.agent.uplink import Uplink
from twisted_hoop.agent.whereabouts import Proxy, Whereabouts
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_key_files import GatewayKeys
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.settings import GatewaySection, ListenerSection, SshSection
from twisted_hoop.testing.agents import FakeAgentCredentials, FakeAgentDoor
from twisted_hoop.transport import client_context, client_endpoint, server_context, server_endpoint

LOOPBACK = ({"host": "127.0.0.1", "ports": ["*"]},)


class Quiet(Factory):
    """Makes one protocol."""

    noisy = False


class AgentHouse:
    """See the module."""

    def __init__(self, loop: Loop, folder: Path, pulse: Pulse | None = None, grace: float = 30.0) -> None:
        self.loop: Any = loop
        self.folder = folder
        self.door = FakeAgentDoor({"office": "office-token", "other": "other-token"})
        self.hub = Hub(loop.reactor, self.door)
        self.authority = SshAuthority(GatewayKeys(*(new_private_key() for _ in range(4))), SshSection())
        self.certificates: Certificates = make_certificates(folder)
        self.listening = AgentListening(
            loop.reactor,
            GatewaySection(login_timeout=grace),
            self.door,
            self.hub,
            self.authority,
            pulse or Pulse(),
        )
        self.port = 0
        self.agents: list[Agent] = []
        self._listener: Any = None

    def open(self, port: int = 0) -> None:
        """Listen, with TLS."""
        context = server_context(self.certificates.cert, self.certificates.key)
        section = ListenerSection(name="agents", protocol="agent", endpoint="tcp:0")
        factory = self.listening.factory(section, lambda: context)
        endpoint = server_endpoint(self.loop.reactor, f"tcp:{port}:interface=127.0.0.1")
        self._listener = self.loop.run(lambda: endpoint.listen(factory))
        self.port = self._listener.getHost().port

    def shut(self) -> None:
        """Stop listening; connections stay."""
        if self._listener is not None:
            self.loop.run(self._listener.stopListening)
            self._listener = None

    def close(self) -> None:
        """Everything ends."""
        for agent in self.agents:
            self.loop.run(lambda agent=agent: agent.stop(0.0))
        self.agents.clear()
        self.loop.run(self.hub.stop)
        self.shut()

    def uplink(self, path: str = "", proxy: Proxy | None = None, pin: str = "", port: int = 0) -> Uplink:
        """The way to this house."""
        context = client_context("verify-full", self.certificates.ca)
        where = Whereabouts("localhost", port or self.port, True, path)
        return Uplink(where, lambda: context, "", pin, proxy)

    def plan(self, name: str, allow: Sequence[dict[str, Any]] = LOOPBACK, **more: Any) -> Plan:
        """What an agent of that name is made of."""
        listed = AllowList([AllowSection.model_validate(each) for each in allow])
        uplink = more.pop("uplink", None)
        values: dict[str, Any] = {
            "uplink": (lambda: uplink) if uplink is not None else self.uplink,
            "credentials": FakeAgentCredentials(f"{name}-token"),
            "known": KnownGateway(()),
            "state": self.folder,
            "dialler": Dialler(self.loop.reactor, listed, 10.0),
            "offered": listed.offered(),
            "streams": 5000,
            "pulse": (1.0, 20.0),
        }
        return Plan(name, **(values | more))

    def agent(self, name: str = "office", allow: Sequence[dict[str, Any]] = LOOPBACK, **more: Any) -> Agent:
        """An agent that dials in, and again when it is lost."""
        agent = Agent(self.loop.reactor, self.plan(name, allow, **more), longest_wait=0.2)
        self.loop.run(agent.start)
        self.agents.append(agent)
        return agent

    def joined(self, name: str = "office", count: int = 1) -> None:
        """Wait until so many agents of that name are here."""
        wait_for(lambda: self.links(name) == count, f"{count} agents called {name}")

    def links(self, name: str) -> int:
        """How many agents of that name are here."""
        return sum(link.identity.name == name for link in self.loop.run(lambda: list(self.hub.links())))

    def connect(self, endpoint: str, make: Callable[[], Any]) -> Any:
        """The connected protocol."""
        found = client_endpoint(self.loop.reactor, endpoint, self.hub.endpoint)
        return self.loop.run(lambda: found.connect(Quiet.forProtocol(make)))


class Target:
    """A listening target; `ends` are its connections."""

    def __init__(self, loop: Any, make: Any) -> None:
        self.loop = loop
        self.ends: list[Any] = []
        self.make = make
        endpoint = server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1")
        self._port: Any = loop.run(lambda: endpoint.listen(Quiet.forProtocol(self._made)))
        self.number: int = self._port.getHost().port

    def _made(self) -> Any:
        self.ends.append(self.make())
        return self.ends[-1]

    def end(self) -> Any:
        """The first connection."""
        return wait_for(lambda: self.ends[:1], "a connection")[0]

    def close(self) -> None:
        self.loop.run(self._port.stopListening)
