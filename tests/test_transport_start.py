"""How connections become TLS: in the middle, from the first byte, and what happens when it goes wrong."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost

from tests.support.loop import Loop, running_loop
from tests.support.transports import EAGER, Certificates, End, Ends, Pair, TlsEnd, make_certificates, pair, pause
from twisted_hoop.errors import ProtocolError
from twisted_hoop.transport import client_context, server_context, server_endpoint


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def asked(ends: Pair, files: Certificates) -> None:
    """Both sides start TLS after a request and an answer in the clear, as PostgreSQL does."""
    server, client = server_context(files.cert, files.key, ("hoop",)), client_context(ca=files.ca, alpn=("hoop",))
    ends.server.on_data = lambda data: answer(data)
    ends.client.on_data = lambda data: accept(data)

    def answer(data: bytes) -> None:
        ends.server.transport.write(b"S")
        ends.server.transport.start_tls(server, True, unread=data[7:])
        ends.server.on_data = None

    def accept(_: bytes) -> None:
        ends.client.transport.start_tls(client, False, "localhost")
        ends.client.on_data = None
        ends.client.transport.write(b"written before the handshake")

    ends.client.transport.write(b"REQUEST")


def test_start_tls_in_the_middle(loop: Loop, files: Certificates) -> None:
    der = ssl.PEM_cert_to_DER_cert(Path(files.cert).read_text())

    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER, TlsEnd, TlsEnd)
        asked(ends, files)
        await ends.server.got(7 + len(b"written before the handshake"))
        await ends.server.transport.handshake()
        await ends.client.transport.handshake()
        server, client = ends.server.transport.tls, ends.client.transport.tls
        assert server.version == client.version == "TLSv1.3"
        assert server.selected_alpn == client.selected_alpn == "hoop"
        assert client.cipher == server.cipher != ""
        assert client.peer_certificate == der and server.peer_certificate is None
        assert ends.server.events == ends.client.events == ["made", "shaken"]
        await ends.close()

    loop.run(scene)


def test_start_tls_twice_or_after_the_end_is_refused(loop: Loop, files: Certificates) -> None:
    context = server_context(files.cert, files.key)

    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.server.transport.start_tls(context, True)
        with pytest.raises(RuntimeError):
            ends.server.transport.start_tls(context, True)
        await ends.close()
        with pytest.raises(RuntimeError):
            ends.server.transport.start_tls(context, True)
        with pytest.raises(ProtocolError):
            await ends.client.transport.handshake()

    loop.run(scene)


def test_P1_bytes_already_received_behind_the_request_are_refused(loop: Loop, files: Certificates) -> None:
    """P1: the client sends its request and clear text in one segment (CVE-2021-23214)."""
    seen: list[BaseException] = []

    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)

        def answer(data: bytes) -> None:
            try:
                ends.server.transport.start_tls(server_context(files.cert, files.key), True, unread=data[7:])
            except ProtocolError as why:
                seen.append(why)
                ends.server.transport.abortConnection()

        ends.server.on_data = answer
        ends.client.transport.write(b"REQUESTdrop table secrets")
        await ends.server.ended()
        await ends.close()

    loop.run(scene)
    assert isinstance(seen[0], ProtocolError) and seen[0].side == "client"


def test_P1_clear_text_that_follows_the_request_spoils_the_handshake(loop: Loop, files: Certificates) -> None:
    """P1: clear text that is on its way when TLS starts goes to the handshake and never to the protocol."""

    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER, TlsEnd)
        ends.server.on_data = lambda _: (
            ends.client.transport.getHandle().send(b"drop table secrets;"),  # in the kernel before TLS starts
            ends.server.transport.start_tls(server_context(files.cert, files.key), True),
        )
        ends.client.transport.write(b"REQUEST")
        reason = await ends.server.ended()
        assert reason.check(ConnectionLost)
        assert bytes(ends.server.data) == b"REQUEST"
        with pytest.raises(ProtocolError):
            await ends.server.transport.handshake()
        await ends.close()

    loop.run(scene)


def test_P1_clear_text_from_the_target_before_its_handshake_is_not_read(loop: Loop, files: Certificates) -> None:
    """P1, the other way round (CVE-2021-23222): what a target says in the clear behind its `S` is not read."""

    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.client.on_data = lambda _: (
            ends.server.transport.getHandle().send(b"forged answer"),
            ends.client.transport.start_tls(client_context(ca=files.ca), False, "localhost"),
        )
        ends.server.transport.write(b"S")
        assert (await ends.client.ended()).check(ConnectionLost)
        assert bytes(ends.client.data) == b"S"
        with pytest.raises(ProtocolError) as caught:
            await ends.client.transport.handshake()
        assert caught.value.side == "target"
        await ends.close()

    loop.run(scene)


def test_our_own_unsent_clear_text_is_refused(loop: Loop, files: Certificates) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.client.transport.pauseProducing()
        ends.server.transport.write(b"x" * 16_000_000)
        with pytest.raises(ProtocolError):
            ends.server.transport.start_tls(server_context(files.cert, files.key), True)
        await ends.close()

    loop.run(scene)


def test_a_certificate_nobody_vouches_for_is_refused(loop: Loop, files: Certificates, tmp_path: Path) -> None:
    other = make_certificates(tmp_path)

    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.server.transport.start_tls(server_context(files.cert, files.key), True)
        ends.client.transport.start_tls(client_context(ca=other.ca), False, "localhost")
        with pytest.raises(ProtocolError, match="CERTIFICATE_VERIFY_FAILED"):
            await ends.client.transport.handshake()
        with pytest.raises(ProtocolError, match="UNKNOWN_CA"):  # the alert arrived
            await ends.server.transport.handshake()
        await ends.close()

    loop.run(scene)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_names_and_addresses_the_certificate_carries(loop: Loop, files: Certificates, name: str) -> None:
    assert _connects(loop, files, client_context("verify-full", files.ca), name)


def test_modes_as_libpq_means_them(loop: Loop, files: Certificates, tmp_path: Path) -> None:
    other = make_certificates(tmp_path)
    assert not _connects(loop, files, client_context("verify-full", files.ca), "elsewhere.example")
    assert not _connects(loop, files, client_context("verify-full", files.ca), "127.0.0.2")
    assert _connects(loop, files, client_context("verify-ca", files.ca), "elsewhere.example")
    assert not _connects(loop, files, client_context("verify-ca", other.ca), "localhost")
    assert _connects(loop, files, client_context("require"), "elsewhere.example")


def _connects(loop: Loop, files: Certificates, context: ssl.SSLContext, name: str) -> bool:
    async def scene() -> bool:
        ends = await pair(loop.reactor, EAGER)
        ends.server.transport.start_tls(server_context(files.cert, files.key), True)
        ends.client.transport.start_tls(context, False, name)
        try:
            await ends.client.transport.handshake()
        except ProtocolError:
            return False
        finally:
            await ends.close()
        return True

    return loop.run(scene)


def test_verify_full_needs_a_name(loop: Loop, files: Certificates) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        with pytest.raises(ValueError, match="server_hostname"):
            ends.client.transport.start_tls(client_context("verify-full", files.ca), False)
        await ends.close()

    loop.run(scene)


# From the first byte.


def listening(loop: Loop, files: Certificates, make: Callable[[], End]) -> tuple[Ends, Any]:
    factory = Ends(make)
    port = loop.run(lambda: server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1").listen(factory))
    return factory, port


def direct_end(files: Certificates) -> Callable[[], TlsEnd]:
    context = server_context(files.cert, files.key, ("postgresql",))

    def make() -> TlsEnd:
        end = TlsEnd()
        end.context = context
        return end

    return make


def test_direct_tls_is_chosen_by_the_first_byte_and_clear_text_is_left_alone(loop: Loop, files: Certificates) -> None:
    factory, port = listening(loop, files, direct_end(files))
    where = ("127.0.0.1", port.getHost().port)
    context = client_context(ca=files.ca, alpn=("postgresql",))
    with context.wrap_socket(socket.create_connection(where), server_hostname="localhost") as tls:
        tls.sendall(b"inside")
        loop.run(lambda: factory.built[0].got(6))
        assert factory.built[0].first == [0x16]  # type: ignore[attr-defined]
        assert factory.built[0].transport.tls.selected_alpn == "postgresql"
        assert tls.selected_alpn_protocol() == "postgresql"
    with socket.create_connection(where) as plain:
        plain.sendall(b"\x00\x00\x00\x08")
        _until(loop, lambda: len(factory.built) == 2)
        loop.run(lambda: factory.built[1].got(4))
        assert factory.built[1].first == [0] and bytes(factory.built[1].data) == b"\x00\x00\x00\x08"  # type: ignore[attr-defined]
        assert factory.built[1].transport.tls is None
    loop.run(port.stopListening)


def test_a_client_that_says_nothing_at_all(loop: Loop, files: Certificates) -> None:
    factory, port = listening(loop, files, direct_end(files))
    with socket.create_connection(("127.0.0.1", port.getHost().port)):
        _until(loop, lambda: len(factory.built) == 1)
    loop.run(factory.built[0].ended)
    assert factory.built[0].events == ["made", "lost"]
    assert factory.built[0].first == []  # type: ignore[attr-defined]
    loop.run(port.stopListening)


def test_a_handshake_cut_into_single_bytes(loop: Loop, files: Certificates) -> None:
    factory, port = listening(loop, files, direct_end(files))
    left, right = socket.socketpair()
    upstream = socket.create_connection(("127.0.0.1", port.getHost().port))
    upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def forward() -> None:
        with contextlib.suppress(OSError):
            while data := right.recv(65536):
                for at in range(len(data)):
                    upstream.send(data[at : at + 1])

    def back() -> None:
        with contextlib.suppress(OSError):
            while data := upstream.recv(1):
                right.send(data)

    threads = [threading.Thread(target=forward, daemon=True), threading.Thread(target=back, daemon=True)]
    for thread in threads:
        thread.start()
    tls = client_context(ca=files.ca, alpn=("postgresql",)).wrap_socket(left, server_hostname="localhost")
    tls.sendall(b"x" * 2000)
    loop.run(lambda: factory.built[0].got(2000))
    assert factory.built[0].events == ["made", "shaken"]
    tls.close()
    upstream.shutdown(socket.SHUT_RDWR)
    loop.run(factory.built[0].ended)
    loop.run(port.stopListening)


@pytest.mark.parametrize(
    "garbage", [b"\x16garbage that is no handshake", b"\x16\x03\x01\x00\x05hello", b"\x16" * 70_000]
)
def test_garbage_instead_of_a_handshake(loop: Loop, files: Certificates, garbage: bytes) -> None:
    factory, port = listening(loop, files, direct_end(files))
    with socket.create_connection(("127.0.0.1", port.getHost().port)) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(garbage)
            sock.settimeout(10)
            while sock.recv(1000):
                pass
        _until(loop, lambda: len(factory.built) == 1)
        assert loop.run(factory.built[0].ended).check(ConnectionLost)
    assert factory.built[0].events == ["made", "lost"] and not factory.built[0].data
    loop.run(port.stopListening)


def test_the_peer_disappears_in_the_handshake(loop: Loop, files: Certificates) -> None:
    factory, port = listening(loop, files, direct_end(files))
    with socket.create_connection(("127.0.0.1", port.getHost().port)) as sock:
        sock.sendall(b"\x16\x03\x01")
        _until(loop, lambda: len(factory.built) == 1)
    assert loop.run(factory.built[0].ended).check(ConnectionLost)
    assert factory.built[0].events == ["made", "lost"]
    loop.run(port.stopListening)


def test_R15_a_first_byte_listener_that_fails_loses_its_connection_only(loop: Loop, files: Certificates) -> None:
    class Failing(TlsEnd):
        def firstByte(self, byte: int) -> ssl.SSLContext | None:
            raise ZeroDivisionError("on purpose")

    factory, port = listening(loop, files, Failing)
    with socket.create_connection(("127.0.0.1", port.getHost().port)) as sock:
        sock.sendall(b"x")
        _until(loop, lambda: len(factory.built) == 1)
        loop.run(factory.built[0].ended)
    assert factory.built[0].events == ["made", "lost"] and not factory.built[0].data
    loop.run(port.stopListening)


def test_closing_in_the_middle_of_a_handshake_does_not_hang(loop: Loop, files: Certificates) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.server.transport.start_tls(server_context(files.cert, files.key), True)
        ends.server.transport.write(b"never to be sent")
        ends.server.transport.loseConnection()
        await ends.server.ended()
        await ends.close()
        assert ends.server.events == ["made", "lost"] and not ends.client.data

    loop.run(scene)


def test_a_paused_protocol_still_completes_its_handshake(loop: Loop, files: Certificates) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER, TlsEnd)
        ends.server.transport.pauseProducing()
        ends.server.transport.start_tls(server_context(files.cert, files.key), True)
        ends.client.transport.start_tls(client_context(ca=files.ca), False, "localhost")
        ends.client.transport.write(b"held")
        await ends.server.transport.handshake()
        await pause(loop.reactor, 0.02)
        assert not ends.server.data
        ends.server.transport.resumeProducing()
        await ends.server.got(4)
        await ends.close()

    loop.run(scene)


def test_no_old_versions_and_no_renegotiation(files: Certificates) -> None:
    for context in (server_context(files.cert, files.key), client_context(ca=files.ca)):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_RENEGOTIATION


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_a_tls_1_1_client_is_refused(loop: Loop, files: Certificates) -> None:
    factory, port = listening(loop, files, direct_end(files))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", port.getHost().port)) as sock, pytest.raises(OSError):
        old.wrap_socket(sock)
    assert loop.run(factory.built[0].ended).check(ConnectionLost)
    loop.run(port.stopListening)


def _until(loop: Loop, ready: Callable[[], bool]) -> None:
    async def scene() -> None:
        while not ready():
            await pause(loop.reactor, 0.002)

    loop.run(scene)
