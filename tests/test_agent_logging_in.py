"""How agents log in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.agent.logging_in import TRIES, AgentLogin
from twisted_hoop.identity.ssh_wire import strings
from twisted_hoop.model import AgentIdentity, Peer
from twisted_hoop.ssh.userauth import FAILURE, REQUEST, SERVICE
from twisted_hoop.testing.agents import FakeAgentDoor


class Wire:
    """What the service needs of its transport."""

    sessionID = b"session"

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.ended = ""
        self.login: AgentIdentity | None = None

    def sendPacket(self, number: int, payload: bytes) -> None:
        self.sent.append(number)

    def disconnect(self, code: int, text: str) -> None:
        self.ended = text

    def authenticated(self, login: AgentIdentity) -> None:
        self.login = login


def service(door: Any = None) -> tuple[AgentLogin, Wire]:
    """A service over a wire."""
    made, wire = AgentLogin(door or FakeAgentDoor({"office": "right"}), Peer("192.0.2.1")), Wire()
    made.transport = wire
    return made, wire


def password(name: bytes, token: bytes, what: bytes = SERVICE) -> bytes:
    """A request with a token."""
    return strings(name, what, b"password") + b"\0" + strings(token)


def test_a_token() -> None:
    made, wire = service()
    made.packetReceived(REQUEST, password(b"office", b"right"))
    assert wire.login is not None and wire.login.name == "office" and wire.sent == []


def test_a_certificate_reaches_the_door_as_it_was_shown() -> None:
    seen: list[Any] = []

    class Door(FakeAgentDoor):
        async def authenticate(self, name: str, credential: Any, peer: Peer) -> AgentIdentity:
            seen.append(credential)
            return AgentIdentity(name, "x")

    made, wire = service(Door({}))
    content = b"\1" + strings(b"alg", b"blob", b"signature")
    made.packetReceived(REQUEST, strings(b"office", SERVICE, b"publickey") + content)
    assert wire.login is not None
    assert (seen[0].blob, seen[0].algorithm, seen[0].signature) == (b"blob", b"alg", b"signature")
    assert b"session" in seen[0].data and b"blob" in seen[0].data


@pytest.mark.parametrize(
    "packet",
    [
        password(b"office", b"wrong"),
        password(b"other", b"right"),
        password(b"o" * 100, b"right"),
        password("bür\xf6".encode(), b"right"),
        password(b"office", b"\xff\xfe"),
        strings(b"office", SERVICE, b"none"),
        strings(b"office", SERVICE, b"publickey") + b"\0" + strings(b"alg", b"blob"),
        strings(b"office", SERVICE, b"keyboard-interactive", b"", b""),
    ],
)
def test_what_proves_nobody_is_refused(packet: bytes) -> None:
    made, wire = service()
    made.packetReceived(REQUEST, packet)
    assert wire.login is None and wire.sent == [FAILURE]


def test_S7_tries_are_counted() -> None:
    """S7: a connection has a few."""
    made, wire = service()
    for _ in range(TRIES):
        made.packetReceived(REQUEST, password(b"office", b"wrong"))
    assert wire.ended == "too many authentication failures"
    made.packetReceived(REQUEST, password(b"office", b"right"))
    assert wire.login is None


@pytest.mark.parametrize(
    ("number", "packet"),
    [(61, b""), (REQUEST, b""), (REQUEST, b"\xff" * 20), (REQUEST, password(b"office", b"right", b"ssh-other"))],
)
def test_what_breaks_the_protocol_ends_it(number: int, packet: bytes) -> None:
    made, wire = service()
    made.packetReceived(number, packet)
    assert wire.ended and wire.login is None


def test_a_door_that_fails_lets_nobody_in() -> None:
    class Door(FakeAgentDoor):
        async def authenticate(self, name: str, credential: Any, peer: Peer) -> AgentIdentity:
            raise RuntimeError("a bug")

    made, wire = service(Door({}))
    made.packetReceived(REQUEST, password(b"office", b"right"))
    assert wire.login is None and wire.sent == [FAILURE]


@given(st.binary(max_size=200))
def test_any_request_is_answered_or_ends_it(packet: bytes) -> None:
    made, wire = service()
    made.packetReceived(REQUEST, packet)
    assert wire.sent or wire.ended
    assert wire.login is None
