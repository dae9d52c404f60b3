"""The way to a gateway: proxies, pins, WebSockets, and who is not believed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_house import AgentHouse
from tests.support.gateway import wait_for
from twisted_hoop.agent.uplink import open_uplink
from twisted_hoop.agent.whereabouts import Proxy
from twisted_hoop.errors import HoopError
from twisted_hoop.transport import client_context


@pytest.fixture
def house(loop: Any, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path)
    house.open()
    yield house
    house.close()


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A thread for each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = listening.accept()
                    threading.Thread(target=serve, args=(sock,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


class ConnectProxy:
    """An HTTP proxy that knows CONNECT, and wants `login` when it is given; `heads` are what it was asked."""

    def __init__(self, port: int, login: str = "") -> None:
        self._port = port
        self._login = login
        self.heads: list[bytes] = []

    def __call__(self, sock: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(4096)
        self.heads.append(head)
        expected = base64.b64encode(self._login.encode())
        if self._login and b"Proxy-Authorization: Basic " + expected not in head:
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self._port)) as other:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_copy, args=(other, sock), daemon=True).start()
            _copy(sock, other)


def _copy(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("path", ["", "/v1/agent"])
def test_through_a_proxy_with_a_login(house: AgentHouse, path: str) -> None:
    proxy = ConnectProxy(house.port, "bob:secret")
    with serving(proxy) as port:
        house.agent(uplink=house.uplink(path, Proxy("127.0.0.1", port, "bob:secret")))
        house.joined()
    assert proxy.heads[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % house.port)


def failed(house: AgentHouse, uplink: Any) -> str:
    """What an operator is told."""
    with pytest.raises(HoopError) as caught:
        house.loop.run(lambda: open_uplink(house.loop.reactor, uplink, lambda: pytest.fail("nobody is to speak")))
    return str(caught.value)


def test_a_proxy_that_refuses(house: AgentHouse) -> None:
    with serving(ConnectProxy(house.port, "bob:secret")) as port:
        told = failed(house, house.uplink("", Proxy("127.0.0.1", port, "bob:wrong")))
    assert "lets nobody through" in told and "407" in told and "wrong" not in told


def test_a_proxy_that_speaks_before_its_turn(house: AgentHouse) -> None:
    """What stands behind its answer is in the clear, and would be taken for TLS."""

    def serve(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-evil\r\n")

    with serving(serve) as port:
        assert "clear" in failed(house, house.uplink("", Proxy("127.0.0.1", port)))


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"x" * 20000, b""])
def test_proxies_that_are_none(house: AgentHouse, answer: bytes) -> None:
    def serve(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(answer)
        sock.close()

    with serving(serve) as port:
        assert failed(house, house.uplink("", Proxy("127.0.0.1", port)))


def test_a_pin(house: AgentHouse) -> None:
    certificate = Path(house.certificates.cert).read_text().partition("-----END CERTIFICATE-----")
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert("".join(certificate[:2]))).hexdigest()
    house.agent(uplink=house.uplink(pin=pin))
    house.joined()
    told = failed(house, house.uplink(pin="00" * 32))
    assert "not the pinned one" in told and pin in told


def test_a_certificate_that_is_not_the_gateways(house: AgentHouse) -> None:
    uplink = house.uplink()
    strangers = client_context("verify-full")
    told = failed(house, type(uplink)(uplink.where, lambda: strangers))
    assert "certificate" in told.lower()
    elsewhere = type(uplink)(uplink.where, uplink.context, "another.example")
    assert "certificate" in failed(house, elsewhere).lower() or "mismatch" in failed(house, elsewhere).lower()


def test_a_path_where_there_is_nothing(house: AgentHouse) -> None:
    assert "404" in failed(house, house.uplink("/elsewhere"))


def test_nobody_there(house: AgentHouse) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert "cannot be reached" in failed(house, house.uplink(port=port))


def test_one_that_never_answers(house: AgentHouse) -> None:
    held: list[socket.socket] = []
    with serving(held.append) as port:
        uplink = house.uplink(port=port)
        told = failed(house, type(uplink)(uplink.where, uplink.context, within=0.3))
    assert "no answer within 0.3 seconds" in told
    wait_for(lambda: held, "the connection")
