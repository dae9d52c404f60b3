"""WebSockets of a plain API through the engine: a client library at one end, another library at the other."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import websocket
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Request, TextMessage

from tests.support.http_house import TOKEN, HttpHouse, RawTarget, Wire, http_house
from tests.support.loop import Loop
from twisted_hoop.settings import MaskSection

CARDS = MaskSection(name="cards", detect=["card"])
INWARD = MaskSection.model_validate({"name": "in", "detect": ["iban"], "direction": "request", "action": "deny"})
CARD = "4111 1111 1111 1111"


def echo(target: RawTarget, wire: Wire) -> None:
    """A server that says everything back, and `big` a megabyte."""
    server = WSConnection(ConnectionType.SERVER)
    data = wire.until(b"\r\n\r\n")
    target.heads.append(data)
    while data:
        server.receive_data(data)
        for event in server.events():
            wire.send(_answer(server, event))
            if isinstance(event, CloseConnection):
                return
        wire.more()
        data, wire.rest = wire.rest, b""


def _answer(server: WSConnection, event: Any) -> bytes:
    if isinstance(event, Request):
        return server.send(AcceptConnection(subprotocol=event.subprotocols[0] if event.subprotocols else None))
    if isinstance(event, TextMessage):
        text = "x" * 1_000_000 if event.data == "big" else event.data
        return server.send(TextMessage(text, event.frame_finished, event.message_finished))
    if isinstance(event, (BytesMessage, Ping, CloseConnection)):
        return server.send(event.response() if not isinstance(event, BytesMessage) else event)
    return b""


@contextlib.contextmanager
def client(house: HttpHouse, *protocols: str, token: str = TOKEN) -> Iterator[websocket.WebSocket]:
    """A connection of the client library."""
    header = [f"Authorization: Bearer {token}"] if token else []
    url = f"ws://127.0.0.1:{house.port}/orders/chat"
    sock = websocket.create_connection(url, timeout=60, header=header, subprotocols=list(protocols) or None)
    try:
        yield sock
    finally:
        sock.close()


def test_messages_go_there_and_back(loop: Loop) -> None:
    with http_house(loop, echo) as house:
        with client(house, "chat") as sock:
            assert sock.getsubprotocol() == "chat"
            sock.send("hello")
            assert sock.recv() == "hello"
            sock.send_binary(bytes(range(256)) * 1000)
            assert sock.recv() == bytes(range(256)) * 1000
            sock.ping("p")
            sock.send("big")
            assert sock.recv() == "x" * 1_000_000
        (outcome,) = house.recorded("outcome")
        assert outcome["messages"] == 6 and outcome["to_client"] == 1_256_005 and outcome["channel"] == 1
        assert b"sec-websocket-extensions" not in house.target.heads[0].lower()


def test_M3_messages_are_masked(loop: Loop) -> None:
    """M3."""
    with http_house(loop, echo, masks=(CARDS, INWARD)) as house, client(house) as sock:
        sock.send(f'{{"card": "{CARD}"}}')
        assert sock.recv() == '{"card": "*****"}'
        sock.send("DE89370400440532013000")
        assert sock.recv_data()[1][2:].startswith(b"hoop: refused: mask in found")
    assert CARD not in repr(house.entries)


def test_K13_a_browser_shows_its_token_as_a_subprotocol(loop: Loop) -> None:
    """K13: the target never sees it, and picks another one."""
    shown = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    with (
        http_house(loop, echo) as house,
        client(house, f"base64url.bearer.authorization.k8s.io.{shown}", "chat", token=""),
    ):
        assert shown.encode() not in house.target.heads[0] and shown not in repr(house.entries)


def test_a_session_that_is_ended_is_told(loop: Loop) -> None:
    with http_house(loop, echo) as house, client(house) as sock:
        sock.send("hello")
        assert sock.recv() == "hello"
        live = loop.run(lambda: next(iter(house.services.sessions)))
        loop.run(lambda: live.handle.end("57P01", "hoop: locked"))
        opcode, reason = sock.recv_data()
        assert opcode == websocket.ABNF.OPCODE_CLOSE and reason[2:] == b"hoop: locked"


def test_K3_an_answer_that_is_none_is_an_answer(loop: Loop) -> None:
    """K3: what the target says to an upgrade that it does not take is relayed, and nothing behind it."""

    def refuse(target: RawTarget, wire: Wire) -> None:
        wire.until(b"\r\n\r\n")
        wire.send(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")

    with (
        http_house(loop, refuse) as house,
        pytest.raises(websocket.WebSocketBadStatusException) as caught,
        client(house),
    ):
        pass
    assert caught.value.status_code == 403
