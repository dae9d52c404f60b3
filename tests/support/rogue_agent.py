"""An agent that logs in as it should and then does as it likes: for attacks on the gateway's side."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.support.agent_house import AgentHouse
from twisted_hoop.agent.known import KnownGateway
from twisted_hoop.agent.uplink import open_uplink
from twisted_hoop.agent.words import HELLO, Hello, pack_hello
from twisted_hoop.ssh.events import Event
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.login import TargetLogin, WithPassword
from twisted_hoop.ssh.transport import ClientTransport


class Rogue:
    """A ConnectionHandler; `openings` are the channels the gateway asked for, `ended` the reason of the end."""

    def __init__(self) -> None:
        self.started_now: Deferred[None] = Deferred()
        self.openings: list[Any] = []
        self.channels: list[Any] = []
        self.connection: Any = None
        self.transport: Any = None
        self.reason = ""

    def started(self, connection: Any) -> None:
        """See ConnectionHandler."""
        self.connection = connection
        self.started_now.callback(None)

    def open_requested(self, opening: Any) -> None:
        """See ConnectionHandler."""
        self.openings.append(opening)

    def global_requested(self, request: Any) -> None:
        """See ConnectionHandler."""
        request.reply(False)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler."""
        self.reason = reason or "gone"


class Heard:
    """A ChannelHandler that keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def received(self, event: Event) -> None:
        """See ChannelHandler."""
        self.events.append(event)

    def drained(self) -> None:
        """See ChannelHandler."""

    def lost(self) -> None:
        """See ChannelHandler."""


def rogue(house: AgentHouse, name: str = "office", token: str = "office-token", hello: bytes | None = None) -> Rogue:
    """One that is logged in and, unless `hello` is b"", has said so. Raises what the gateway made of its log-in."""
    found = Rogue()
    known = KnownGateway(())

    def refused(error: Exception) -> None:
        if not found.started_now.called:
            found.started_now.errback(error)

    transport = ClientTransport(
        house.loop.reactor,
        known.verify,
        lambda _: TargetLogin(name, WithPassword(token), refused),
        found,
        refused,
        known.algorithms,
        Limits(channels=100, packet=64 * 1024),
    )
    found.transport = transport

    async def begin() -> None:
        await open_uplink(house.loop.reactor, house.uplink(), lambda: transport)
        await found.started_now
        said = pack_hello(Hello("0", ("everything:*",))) if hello is None else hello
        if said:
            await found.connection.request(HELLO, said, True)

    house.loop.run(begin)
    return found
