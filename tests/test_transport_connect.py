"""Connecting: names, several addresses, time, and what goes wrong."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from twisted.internet.protocol import Factory
from zope.interface import implementer

from tests.support.loop import Loop, running_loop
from tests.support.transports import Ends, pause
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.transport import EagerClientEndpoint, client_endpoint, server_endpoint
from twisted_hoop.transport.connect import Candidate, KnownPlace, TcpPlace, Unreachable, explained


@pytest.fixture
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


@implementer(IHostResolution)
class _Resolving:
    name = "x"

    def cancel(self) -> None:
        """Nothing to do."""


@implementer(IHostnameResolver)
class Answers:
    """A resolver with fixed answers; None never answers."""

    def __init__(self, *hosts: str, answers: bool = True) -> None:
        self.hosts = hosts
        self.answers = answers
        self.asked: list[str] = []

    def resolveHostName(self, receiver: Any, hostName: str, portNumber: int = 0, *_: Any, **__: Any) -> Any:
        self.asked.append(hostName)
        receiver.resolutionBegan(_Resolving())
        if self.answers:
            for host in self.hosts:
                receiver.addressResolved(IPv4Address("TCP", host, portNumber))
            receiver.resolutionComplete()
        return _Resolving()


async def listening(loop: Loop, interface: str = "127.0.0.1") -> tuple[Any, Ends]:
    factory = Ends()
    return await server_endpoint(loop.reactor, f"tcp:0:interface={interface}").listen(factory), factory


def test_the_reactors_own_resolver(loop: Loop) -> None:
    async def scene() -> None:
        port, _ = await listening(loop)
        client: Any = await client_endpoint(loop.reactor, f"tcp:localhost:{port.getHost().port}").connect(Ends())
        assert client.transport.getPeer().host == "127.0.0.1"
        client.transport.abortConnection()
        await client.ended()
        await port.stopListening()

    loop.run(scene)


def test_ipv6(loop: Loop) -> None:
    async def scene() -> None:
        port, factory = await listening(loop, r"\:\:1")
        accepted = factory.next()
        client: Any = await client_endpoint(loop.reactor, rf"tcp:\:\:1:{port.getHost().port}").connect(Ends())
        server = await accepted
        assert client.transport.getPeer().host == "::1" and server.transport.getPeer() == client.transport.getHost()
        client.transport.abortConnection()
        await client.ended()
        await port.stopListening()

    loop.run(scene)


@contextmanager
def where_nobody_listens(*hosts: str) -> Iterator[int]:
    """A port that is taken at each of these addresses, by nobody who would answer."""
    for _ in range(50):
        with ExitStack() as stack:
            port = 0
            try:
                for host in hosts:
                    taken = stack.enter_context(socket.socket())
                    taken.bind((host, port))
                    port = taken.getsockname()[1]
            except OSError:
                continue
            yield port
            return
    raise AssertionError("no port is free at all of them")


def test_addresses_are_tried_in_turn(loop: Loop) -> None:
    async def scene(number: int) -> None:
        port = await server_endpoint(loop.reactor, f"tcp:{number}:interface=127.0.0.3").listen(Ends())
        loop.reactor.installNameResolver(Answers("127.0.0.1", "127.0.0.2", "127.0.0.3"))
        client: Any = await client_endpoint(loop.reactor, f"tcp:db:{number}").connect(Ends())
        assert client.transport.getPeer().host == "127.0.0.3"
        client.transport.abortConnection()
        await client.ended()
        await port.stopListening()

    with where_nobody_listens("127.0.0.1", "127.0.0.2") as number:
        loop.run(lambda: scene(number))


def test_an_address_that_does_not_answer_costs_its_share_only(loop: Loop) -> None:
    async def scene() -> None:
        port, _ = await listening(loop)
        number = port.getHost().port
        silent = socket.socket()
        silent.bind(("127.0.0.2", number))
        silent.listen(0)
        stuffing = [socket.socket() for _ in range(4)]  # fill its backlog: further connects are not answered
        for sock in stuffing:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.2", number))
        loop.reactor.installNameResolver(Answers("127.0.0.2", "127.0.0.1"))
        endpoint = client_endpoint(loop.reactor, f"tcp:db:{number}:timeout=0.4")
        client: Any = await endpoint.connect(Ends())
        assert client.transport.getPeer().host == "127.0.0.1"
        client.transport.abortConnection()
        await client.ended()
        with pytest.raises(error.TimeoutError):
            await EagerClientEndpoint(loop.reactor, TcpPlace("127.0.0.2", number), 0.1).connect(Ends())
        for sock in (*stuffing, silent):
            sock.close()
        await port.stopListening()

    loop.run(scene)


def test_a_refused_connection(loop: Loop) -> None:
    factory = Ends()

    async def scene() -> None:
        port, _ = await listening(loop)
        await port.stopListening()
        with pytest.raises(error.ConnectionRefusedError):
            await client_endpoint(loop.reactor, f"tcp:127.0.0.1:{port.getHost().port}").connect(factory)

    loop.run(scene)
    assert (factory.starts, factory.stops) == (1, 1) and not factory.built


def test_a_name_nobody_knows(loop: Loop) -> None:
    async def scene() -> None:
        loop.reactor.installNameResolver(Answers())
        with pytest.raises(error.DNSLookupError):
            await client_endpoint(loop.reactor, "tcp:nowhere:1").connect(Ends())

    loop.run(scene)


def test_a_resolver_that_does_not_answer(loop: Loop) -> None:
    async def scene() -> None:
        loop.reactor.installNameResolver(Answers(answers=False))
        with pytest.raises(error.TimeoutError):
            await client_endpoint(loop.reactor, "tcp:nowhere:1:timeout=0.05").connect(Ends())

    loop.run(scene)


def test_a_literal_address_is_not_resolved(loop: Loop) -> None:
    answers = Answers()

    async def scene() -> None:
        loop.reactor.installNameResolver(answers)
        with pytest.raises(error.ConnectError):
            await client_endpoint(loop.reactor, "tcp:127.0.0.1:1").connect(Ends())

    loop.run(scene)
    assert answers.asked == []


def test_our_own_address_can_be_chosen(loop: Loop) -> None:
    async def scene() -> None:
        port, factory = await listening(loop)
        where = f"tcp:127.0.0.1:{port.getHost().port}"
        accepted = factory.next()
        client: Any = await client_endpoint(loop.reactor, f"{where}:bindAddress=127.0.0.9").connect(Ends())
        assert (await accepted).transport.getPeer().host == "127.0.0.9"  # type: ignore[attr-defined]
        client.transport.abortConnection()
        await client.ended()
        with pytest.raises(error.ConnectBindError):
            await client_endpoint(loop.reactor, f"{where}:bindAddress=203.0.113.7").connect(Ends())
        await port.stopListening()

    loop.run(scene)


def test_a_connection_attempt_can_be_cancelled(loop: Loop) -> None:
    async def scene() -> None:
        loop.reactor.installNameResolver(Answers(answers=False))
        connecting = client_endpoint(loop.reactor, "tcp:nowhere:1").connect(Ends())
        connecting.cancel()
        with pytest.raises(error.ConnectingCancelledError):
            await connecting
        await pause(loop.reactor)

    loop.run(scene)


def test_a_factory_that_makes_no_protocol(loop: Loop) -> None:
    class Nothing(Factory):
        def buildProtocol(self, addr: Any) -> None:
            return None

    async def scene() -> None:
        port, factory = await listening(loop)
        accepted = factory.next()
        with pytest.raises(error.ConnectError):
            await client_endpoint(loop.reactor, f"tcp:127.0.0.1:{port.getHost().port}").connect(Nothing())
        await (await accepted).ended()  # type: ignore[attr-defined]
        await port.stopListening()

    loop.run(scene)


def test_the_factory_is_stopped_when_its_connection_is_lost(loop: Loop) -> None:
    clients = Ends()

    async def scene() -> None:
        port, _ = await listening(loop)
        client: Any = await client_endpoint(loop.reactor, f"tcp:127.0.0.1:{port.getHost().port}").connect(clients)
        assert (clients.starts, clients.stops) == (1, 0)
        client.transport.loseConnection()
        await client.ended()
        await pause(loop.reactor)
        assert (clients.starts, clients.stops) == (1, 1)
        await port.stopListening()

    loop.run(scene)


@pytest.mark.parametrize("path", ["nobody-listens", "x" * 200])
def test_unix_paths_nobody_listens_at(loop: Loop, tmp_path: Path, path: str) -> None:
    async def scene() -> None:
        with pytest.raises(error.ConnectError):
            await client_endpoint(loop.reactor, f"unix:{tmp_path / path}").connect(Ends())

    loop.run(scene)


def test_addresses_that_are_known_are_not_looked_up(loop: Loop) -> None:
    async def work() -> list[Any]:
        port, _factory = await listening(loop)
        place = KnownPlace((Candidate(socket.AF_INET, ("127.0.0.1", port.getHost().port)),))
        near = await EagerClientEndpoint(loop.reactor, place).connect(Ends())
        near.transport.abortConnection()  # type: ignore[union-attr]
        await port.stopListening()
        return [near]

    assert loop.run(work)


def test_what_a_failure_says() -> None:
    assert explained(Unreachable("agent office: is not connected")) == "agent office: is not connected"
    assert explained(ValueError("x")) == "ValueError: x" and explained(ValueError()) == "ValueError"


def test_a_way_by_an_agent_is_given_or_there_is_none(loop: Loop) -> None:
    asked: list[Any] = []
    given = client_endpoint(loop.reactor, "agent:office:tcp:db:5432", lambda place: asked.append(place) or "way")  # type: ignore[arg-type,func-returns-value]
    assert given == "way" and asked[0].agent == "office"
    with pytest.raises(ConfigurationError, match="no agents here"):
        client_endpoint(loop.reactor, "agent:office:tcp:db:5432")
