"""TLS over memory, against the standard library's own server side."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

import pytest

from tests.support.transports import Certificates, make_certificates
from twisted_hoop.agent.memory_tls import MemoryTls
from twisted_hoop.transport import client_context, server_context


class Server:
    """The other side, over memory too."""

    def __init__(self, files: Certificates) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = server_context(files.cert, files.key, ("one",))
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def shake(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def shaken(files: Certificates, name: str = "localhost") -> tuple[MemoryTls, Server]:
    """Both sides, after the handshake."""
    client, server = MemoryTls(client_context("verify-full", files.ca, alpn=("one",)), name), Server(files)
    for _ in range(6):
        done = client.shake()
        server.incoming.write(client.taken())
        if done:
            server.shake()
            client.feed(server.outgoing.read())
            break
        server.shake()
        client.feed(server.outgoing.read())
    assert client.session is not None
    return client, server


def test_both_ways(files: Certificates) -> None:
    client, server = shaken(files)
    assert client.session is not None and client.session.selected_alpn == "one" and client.session.peer_certificate
    client.write(b"question")
    server.incoming.write(client.taken())
    assert server.tls.read(100) == b"question"
    for _ in range(10):
        server.tls.write(b"x" * 16000)
    client.feed(server.outgoing.read())
    found = b""
    while piece := client.read():
        found += piece
    assert found == b"x" * 160000
    assert client.read() is None


def test_ends(files: Certificates) -> None:
    client, server = shaken(files)
    server.tls.write(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        server.tls.unwrap()
    client.feed(server.outgoing.read())
    assert client.read() == b"last" and client.read() == b""
    client.finish()
    assert client.taken()
    client.finish()


def test_another_name_is_refused(files: Certificates) -> None:
    """The name that is checked is the target's: an agent that leads elsewhere is found out."""
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(files, "db.internal")


def test_garbage_is_an_os_error(files: Certificates) -> None:
    client = MemoryTls(client_context("verify-full", files.ca), "localhost")
    client.shake()
    client.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(OSError):
        client.shake()


def test_a_name_must_be_there_to_be_checked(files: Certificates, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        MemoryTls(client_context("verify-full", files.ca), None)
