"""TLS contexts, what a session says about itself, and certificates that change on disk.

TLS 1.2 at least, no renegotiation, no compression, no session tickets (PostgreSQL clients never resume).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.x509 import load_pem_x509_certificate
from twisted.logger import Logger

Mode = Literal["verify-full", "verify-ca", "require"]
"""As libpq's sslmode: chain and name, chain only, neither."""


@dataclass(frozen=True, slots=True)
class TlsSession:
    """What is known of one established TLS session. Not the keys, and not a way to change it.

    `selected_alpn` is what both sides agreed on (RFC 7301). `peer_certificate` is in DER, as channel binding hashes it
    (RFC 5929, tls-server-end-point); None when the peer showed none, which is what clients do unless they are asked.
    """

    version: str
    cipher: str
    selected_alpn: str | None
    peer_certificate: bytes | None

    @classmethod
    def of(cls, sock: ssl.SSLSocket) -> TlsSession:
        """Read from a socket whose handshake is complete."""
        cipher = sock.cipher()
        name = cipher[0] if cipher else ""
        return cls(sock.version() or "", name, sock.selected_alpn_protocol(), sock.getpeercert(True))


def server_context(
    cert: str, key: str, alpn: Sequence[str] = (), client_ca: str = "", password: str | None = None
) -> ssl.SSLContext:
    """A context for listeners: `cert` is a PEM file with the chain, `key` one with its key.

    With `client_ca` clients must show a certificate signed by it. OSError (so also SSLError) for unusable files.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    context.load_cert_chain(cert, key or None, password)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def client_context(
    mode: Mode = "verify-full", ca: str = "", cert: str = "", key: str = "", alpn: Sequence[str] = ()
) -> ssl.SSLContext:
    """A context for targets. `ca` is a PEM file, empty means the system's. OSError for unusable files.

    `verify-full` needs the `server_hostname` of `start_tls`, a DNS name or an IP address (RFC 6125).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    context.check_hostname = mode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if mode == "require" else ssl.CERT_REQUIRED
    if mode != "require":
        _load_roots(context, ca)
    if cert:
        context.load_cert_chain(cert, key or None)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION


def _load_roots(context: ssl.SSLContext, ca: str) -> None:
    if ca:
        context.load_verify_locations(ca)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)


def _not_after(file: str) -> float:
    """The end of the first certificate of a PEM file; 0.0 when it cannot be read (it was replaced meanwhile)."""
    try:
        return load_pem_x509_certificate(Path(file).read_bytes()).not_valid_after_utc.timestamp() if file else 0.0
    except (OSError, ValueError):
        return 0.0


Stamp = tuple[tuple[int, int, int], ...]


class ReloadingContext:
    """A context made anew when one of its files changed: call it once a connection. Live sessions keep their own.

    While the files do not fit each other (one of the two is replaced already), the last good context goes on serving,
    the log and `problem` say why; the next call tries again. The first context must load: OSError otherwise. `name` is
    for the log. `not_after` is when the `certificate` in use ends, POSIX; 0.0 when none is named.
    """

    __slots__ = ("_build", "_certificate", "_context", "_files", "_name", "_stamp", "not_after", "problem")
    log = Logger()

    def __init__(self, build: Callable[[], ssl.SSLContext], *files: str, name: str = "", certificate: str = "") -> None:
        self._build = build
        self._name, self._certificate = name, certificate
        self._files = tuple(Path(name) for name in files if name)
        self._stamp = self._look()
        self._context = build()
        self.not_after = _not_after(certificate)
        self.problem = ""

    def __call__(self) -> ssl.SSLContext:
        """The context for a new connection."""
        try:
            stamp = self._look()
            if stamp != self._stamp:
                self._context = self._build()
                self._stamp = stamp
                self.problem = ""
                self.not_after = _not_after(self._certificate)
                self.log.info("{name}: certificates were read again", name=self._name)
        except OSError as why:
            if self.problem != str(why):  # once for each way in which they are wrong
                self.log.error("{name}: the old certificate stays: {why}", name=self._name, why=str(why))
            self.problem = str(why)
        return self._context

    def _look(self) -> Stamp:
        stats = [path.stat() for path in self._files]
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in stats)
