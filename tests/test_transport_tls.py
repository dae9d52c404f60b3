"""Contexts and certificates that change on disk. The sessions themselves: test_transport_start, test_transport_wire."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.support.transports import Certificates, make_certificates
from twisted_hoop.demo.certificates import issue
from twisted_hoop.transport.tls import ReloadingContext, TlsSession, client_context, server_context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def served(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> TlsSession:
    """The client's view of a session between two contexts, without a network."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(5):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return TlsSession.of(ours)  # type: ignore[arg-type]


def test_a_session_knows_its_version_cipher_alpn_and_certificate(files: Certificates) -> None:
    session = served(server_context(files.cert, files.key, ("a", "b")), client_context(ca=files.ca, alpn=("b",)))
    assert session.version == "TLSv1.3" and session.selected_alpn == "b" and session.cipher.startswith("TLS_")
    assert session.peer_certificate == ssl.PEM_cert_to_DER_cert(Path(files.cert).read_text())
    assert served(server_context(files.cert, files.key), client_context(ca=files.ca)).selected_alpn is None


def test_client_certificates_can_be_demanded(files: Certificates) -> None:
    server = server_context(files.cert, files.key, client_ca=files.ca)
    assert server.verify_mode == ssl.CERT_REQUIRED
    own = client_context(ca=files.ca, cert=files.cert, key=files.key)
    assert served(server, own).version == "TLSv1.3"


def test_no_tickets_no_compression_no_renegotiation(files: Certificates) -> None:
    context = server_context(files.cert, files.key)
    assert context.num_tickets == 0
    for option in (ssl.OP_NO_TICKET, ssl.OP_NO_COMPRESSION, ssl.OP_NO_RENEGOTIATION):
        assert context.options & option


def test_files_that_cannot_be_used_are_os_errors(tmp_path: Path, files: Certificates) -> None:
    other = make_certificates(tmp_path)
    with pytest.raises(OSError, match="No such file"):
        server_context("/nowhere/cert.pem", files.key)
    with pytest.raises(OSError, match="KEY_VALUES_MISMATCH"):
        server_context(files.cert, other.key)
    with pytest.raises(OSError, match="No such file"):
        client_context(ca="/nowhere/ca.pem")


def _serial(context: ssl.SSLContext, ca: str) -> int:
    own = client_context("require" if not ca else "verify-full", ca)
    der = served(context, own).peer_certificate
    assert der is not None
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(der).serial_number


def test_a_replaced_certificate_serves_new_connections_without_a_restart(tmp_path: Path) -> None:
    live, fresh = tmp_path / "live", tmp_path / "fresh"
    live.mkdir(), fresh.mkdir()
    now, later = make_certificates(live, 1), make_certificates(fresh, 2)
    reloading = ReloadingContext(lambda: server_context(now.cert, now.key), now.cert, now.key)
    first = reloading()
    assert reloading() is first and _serial(first, "") == 1
    shutil.copy(later.cert, now.cert)
    assert reloading() is first and "MISMATCH" in reloading.problem  # half replaced: the old one goes on
    shutil.copy(later.key, now.key)
    assert _serial(reloading(), "") == 2 and not reloading.problem
    assert _serial(first, "") == 1  # what is in use is not changed


def test_a_certificate_that_vanishes_keeps_the_last_good_one(tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    reloading = ReloadingContext(lambda: server_context(files.cert, files.key), files.cert, files.key)
    first = reloading()
    os.unlink(files.key)
    assert reloading() is first and reloading.problem


def test_the_first_certificate_must_load(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        ReloadingContext(lambda: server_context("x", "y"), str(tmp_path / "none.pem"))


def test_a_session_of_a_socket_is_read_once(files: Certificates) -> None:
    """What is known stays known after the end: the recording asks then."""
    left, right = socket.socketpair()
    session = served(server_context(files.cert, files.key), client_context(ca=files.ca))
    left.close(), right.close()
    assert session.version == "TLSv1.3"


def test_a_broken_pair_is_logged_once_and_the_old_certificate_stays(tmp_path: Path) -> None:
    cert, key = issue(tmp_path, ["a"], days=90)
    reloading = ReloadingContext(
        lambda: server_context(str(cert), str(key)), str(cert), str(key), name="x", certificate=str(cert)
    )
    end, first = reloading.not_after, reloading()
    with capturedLogs() as told:
        cert.write_text("broken")
        assert reloading() is first and reloading() is first and reloading.not_after == end and reloading.problem
        issue(tmp_path, ["a"], days=10)
        assert reloading() is not first and 0 < reloading.not_after < end and not reloading.problem
    seen = [formatEvent(each) for each in told]
    assert [each.partition(":")[0] for each in seen] == ["x", "x"] and "the old certificate stays" in seen[0]
