"""SCRAM against PostgreSQL's own two sides: its server with our client, its client library with our server."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.support.postgres import Server
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.scram import PLAIN, ScramClient, ScramServer
from twisted_hoop.identity.scram_keys import Verifier, parse_verifier, salted_password, scram_verifier

PASSWORDS = [
    "pencil",
    "p\u00e4ssw\u00f6rd \u2168",
    "I\u00adX",
    "a\u00a0b",
    "\u0627\u0644\u0633\u0631",
    "\u0627\u0031x",
    "\u00ad",
    "\u0221",
]


def role(server: Server, number: int, password: str) -> str:
    """A role with that password, given to the server as a verifier made here."""
    name = f"scram_{number}_{threading.get_native_id()}"
    server.run(f"drop role if exists {name}")
    server.run(f"create role {name} login password '{scram_verifier(password, 4096 + number)}'")
    return name


@pytest.mark.parametrize("number", range(len(PASSWORDS)))
def test_postgres_accepts_a_verifier_made_here(postgres: Server, number: int) -> None:
    name = role(postgres, number, PASSWORDS[number])
    psycopg.connect(postgres.dsn, user=name, password=PASSWORDS[number]).close()


@pytest.mark.parametrize("number", range(len(PASSWORDS)))
def test_a_verifier_made_by_postgres_is_understood_here(postgres: Server, number: int) -> None:
    password = PASSWORDS[number]
    name = f"native_{number}"
    postgres.run(f"drop role if exists {name}")
    postgres.run(f"create role {name} login password '{password}'")
    verifier = parse_verifier(postgres.run(f"select rolpassword from pg_authid where rolname = '{name}'")[0][0])
    client, server = ScramClient(), ScramServer(verifier)
    challenge = client.challenge(server.first(client.first()))
    client.verify(server.final(client.final(salted_password(password, challenge.salt, challenge.iterations))))


def receive(wire: socket.socket) -> tuple[bytes, bytes]:
    """One message of the PostgreSQL protocol: (type, body)."""
    head = wire.recv(5, socket.MSG_WAITALL)
    if len(head) < 5:
        return b"", b""
    return head[:1], wire.recv(struct.unpack("!I", head[1:])[0] - 4, socket.MSG_WAITALL)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def log_in(server: Server, user: str, password: str) -> None:
    """Log in at a real server with our client side."""
    parameters = b"user\0" + user.encode() + b"\0database\0postgres\0\0"
    with socket.create_connection((server.host, server.port)) as wire:
        wire.sendall(struct.pack("!II", len(parameters) + 8, 196608) + parameters)
        assert PLAIN.encode() in receive(wire)[1]
        client = ScramClient()
        first = client.first()
        wire.sendall(message(b"p", PLAIN.encode() + b"\0" + struct.pack("!I", len(first)) + first))
        challenge = client.challenge(receive(wire)[1][4:])
        wire.sendall(message(b"p", client.final(salted_password(password, challenge.salt, challenge.iterations))))
        kind, body = receive(wire)
        if kind == b"E":
            raise AuthenticationFailed("refused")
        client.verify(body[4:])
        assert receive(wire) == (b"R", bytes(4))


@pytest.mark.parametrize("number", range(len(PASSWORDS)))
def test_our_client_logs_in_at_postgres(postgres: Server, number: int) -> None:
    name = role(postgres, number, PASSWORDS[number])
    log_in(postgres, name, PASSWORDS[number])
    with pytest.raises(AuthenticationFailed):
        log_in(postgres, name, PASSWORDS[number] + "x")


def serve(wire: socket.socket, verifier: Verifier, failures: list[str]) -> None:
    """The log-in of a PostgreSQL server with our server side; then an empty session."""
    with wire:
        length = struct.unpack("!I", wire.recv(4, socket.MSG_WAITALL))[0]
        wire.recv(length - 4, socket.MSG_WAITALL)
        server = ScramServer(verifier)
        wire.sendall(message(b"R", struct.pack("!I", 10) + PLAIN.encode() + b"\0\0"))
        mechanism, _, rest = receive(wire)[1].partition(b"\0")
        wire.sendall(message(b"R", struct.pack("!I", 11) + server.first(rest[4:], mechanism.decode())))
        try:
            final = server.final(receive(wire)[1])
        except AuthenticationFailed as error:
            failures.append(str(error))
            wire.sendall(message(b"E", b"SFATAL\0VFATAL\0C28P01\0Mno\0\0"))
            return
        wire.sendall(message(b"R", struct.pack("!I", 12) + final) + message(b"R", bytes(4)))
        wire.sendall(message(b"K", bytes(8)) + message(b"Z", b"I"))
        receive(wire)


@contextmanager
def our_server(verifier: Verifier, failures: list[str]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: serve(listening.accept()[0], verifier, failures), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize("password", PASSWORDS)
def test_libpq_logs_in_at_our_server(password: str) -> None:
    verifier = parse_verifier(scram_verifier(password))
    for given, expected in ((password, 0), (password + "x", 1)):
        failures: list[str] = []
        with our_server(verifier, failures) as port:
            dsn = f"host=127.0.0.1 port={port} user=etl dbname=x sslmode=disable gssencmode=disable"
            try:
                psycopg.connect(dsn, password=given, require_auth="scram-sha-256").close()
            except psycopg.OperationalError as error:
                assert expected, error
        assert len(failures) == expected
