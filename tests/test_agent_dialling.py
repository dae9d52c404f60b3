"""Connecting to a target: looked up once, and the very address that was checked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHostnameResolver

from tests.support.agent_house import Quiet, Target
from tests.support.gateway import wait_for
from tests.support.transports import End
from twisted_hoop.agent.allow import AllowList
from twisted_hoop.agent.dialling import Dialler, NotAllowed
from twisted_hoop.agent.settings import AllowSection
from twisted_hoop.transport import server_endpoint
from twisted_hoop.transport.connect import TcpPlace, UnixPlace


class Resolver:
    """Gives the addresses of its table, each answer once; `asked` are the names."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def resolveHostName(self, receiver: Any, hostName: str, portNumber: int = 0, *more: Any, **named: Any) -> Any:
        self.asked.append(hostName)
        receiver.resolutionBegan(None)
        for address in self.answers[hostName].pop(0):
            receiver.addressResolved(IPv4Address("TCP", address, portNumber))
        receiver.resolutionComplete()
        return receiver


@contextlib.contextmanager
def resolving(loop: Any, answers: dict[str, list[list[str]]]) -> Iterator[Resolver]:
    """The reactor asks this resolver meanwhile."""
    resolver = Resolver(answers)
    before: IHostnameResolver = loop.reactor.nameResolver
    loop.reactor.installNameResolver(resolver)
    try:
        yield resolver
    finally:
        loop.reactor.installNameResolver(before)


def dial(loop: Any, place: TcpPlace | UnixPlace, *allow: dict[str, Any]) -> Any:
    """Dial by an allow-list."""
    end = End()
    dialler = Dialler(loop.reactor, AllowList([AllowSection.model_validate(each) for each in allow]), 5.0)
    loop.run(lambda: dialler.dial(place, end))
    return end


@pytest.fixture
def target(loop: Any) -> Iterator[Target]:
    target = Target(loop, End)
    yield target
    target.close()


def test_what_is_listed_is_dialled(loop: Any, target: Target) -> None:
    place = TcpPlace("127.0.0.1", target.number)
    end = dial(loop, place, {"host": "127.0.0.1", "ports": [target.number]})
    assert target.end() and end.events == ["made"]
    loop.run(end.transport.loseConnection)


def test_nothing_else_is_even_looked_up(loop: Any) -> None:
    with (
        resolving(loop, {}) as resolver,
        pytest.raises(NotAllowed, match=r"^spy\.example:80 is not on its allow-list$"),
    ):
        dial(loop, TcpPlace("spy.example", 80), {"host": "db.internal", "ports": [80]})
    assert resolver.asked == []


def test_S11_a_name_that_leads_inward_is_refused_in_words(loop: Any, target: Target) -> None:
    """S11: a listed name whose address is loopback."""
    entry = {"host": "db.internal", "ports": [target.number]}
    answers = {"db.internal": [["127.0.0.1", "169.254.169.254"]]}
    with resolving(loop, answers), pytest.raises(NotAllowed, match=r"leads to 127\.0\.0\.1, 169\.254\.169\.254, which"):
        dial(loop, TcpPlace("db.internal", target.number), entry)
    assert target.ends == []


def test_S11_the_address_that_was_checked_is_the_one_that_is_dialled(loop: Any, target: Target) -> None:
    """S11: a name that answers differently the second time is asked once, so there is no second time."""
    entries = ({"host": "db.internal", "ports": [target.number]}, {"host": "127.0.0.1", "ports": [target.number]})
    answers = {"db.internal": [["169.254.169.254", "127.0.0.1"], ["169.254.169.254"]]}
    with resolving(loop, answers) as resolver:
        end = dial(loop, TcpPlace("db.internal", target.number), *entries)
    assert target.end() and resolver.asked == ["db.internal"]
    loop.run(end.transport.loseConnection)


def test_sockets(loop: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    ends: list[End] = []

    def make() -> End:
        ends.append(End())
        return ends[-1]

    port = loop.run(lambda: server_endpoint(loop.reactor, f"unix:{path}").listen(Quiet.forProtocol(make)))
    end = dial(loop, UnixPlace(path), {"unix": path})
    wait_for(lambda: ends, "a connection")
    with pytest.raises(NotAllowed):
        dial(loop, UnixPlace(f"{path}x"), {"unix": path})
    loop.run(end.transport.loseConnection)
    loop.run(port.stopListening)
