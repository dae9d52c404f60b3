"""The development CA: what a strict TLS stack accepts and refuses."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from twisted_hoop.demo.certificates import KeyType, issue, make_ca


def handshake(ca: Path, pair: tuple[Path, Path], name: str, client: tuple[Path, Path] | None = None) -> None:
    """A TLS 1.3 handshake over a socket pair; raises what the client raises."""
    server_side, client_side = socket.socketpair()
    accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accepting.load_cert_chain(*pair)
    connecting = ssl.create_default_context(cafile=str(ca))
    connecting.verify_flags |= ssl.VERIFY_X509_STRICT
    if client:
        accepting.verify_mode = ssl.CERT_REQUIRED
        accepting.load_verify_locations(str(ca))
        connecting.load_cert_chain(*client)

    def serve() -> None:
        try:
            with accepting.wrap_socket(server_side, server_side=True) as wire:
                wire.sendall(b"ok")
        except (ssl.SSLError, OSError):
            server_side.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with client_side, connecting.wrap_socket(client_side, server_hostname=name) as wire:
        assert wire.recv(2) == b"ok"
    thread.join(5)


@pytest.mark.parametrize("key_type", ["ec", "rsa", "ed25519"])
def test_certificates_are_accepted_for_their_names(tmp_path: Path, key_type: KeyType) -> None:
    pair = issue(tmp_path, ["localhost", "127.0.0.1", "::1", "*.shop.example"], key_type=key_type)
    for name in ("localhost", "127.0.0.1", "::1", "db.shop.example"):
        handshake(make_ca(tmp_path), pair, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(make_ca(tmp_path), pair, "elsewhere")


def test_expired_foreign_and_client_certificates_are_refused(tmp_path: Path) -> None:
    ours, foreign = tmp_path / "ours", tmp_path / "foreign"
    for pair in (
        issue(ours, ["localhost"], days=-1, stem="expired"),
        issue(foreign, ["localhost"]),
        issue(ours, ["localhost"], client=True, stem="client"),
    ):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(make_ca(ours), pair, "localhost")


def test_client_certificates(tmp_path: Path) -> None:
    server = issue(tmp_path, ["localhost"])
    handshake(make_ca(tmp_path), server, "localhost", issue(tmp_path, ["gateway"], client=True))


def test_the_ca_is_made_once_and_keys_are_private(tmp_path: Path) -> None:
    first = make_ca(tmp_path / "pki").read_bytes()
    certificate, key = issue(tmp_path / "pki", ["localhost"])
    assert make_ca(tmp_path / "pki").read_bytes() == first
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "pki/ca.key").stat().st_mode & 0o777 == 0o600
    again, _ = issue(tmp_path / "pki", ["localhost"])
    assert again == certificate and again.name == "localhost.pem"
    parsed = x509.load_pem_x509_certificate(again.read_bytes())
    assert parsed.not_valid_before_utc < datetime.datetime.now(datetime.UTC) < parsed.not_valid_after_utc
