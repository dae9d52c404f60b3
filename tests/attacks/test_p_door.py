"""P2, P3, P4, P6, P8 at the door of a live gateway: before anybody is known, and beside the sessions of others."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.attacks import EVERYTHING_AT_ALL, Attacked, attacked
from tests.support.gateway import token_of
from tests.support.postgres import Server
from tests.support.wire import (
    PROTOCOL_3_0,
    PROTOCOL_3_2,
    Message,
    Wire,
    cancel_request,
    cells,
    codes,
    connected,
    kinds,
    log_in,
    message,
    packet,
    query,
    startup,
)

SSL, GSS = packet(struct.pack(">I", 80877103)), packet(struct.pack(">I", 80877104))
HELLO = startup({"user": "x", "database": "shop"})


@pytest.fixture(scope="module")
def house(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(postgres, tmp_path_factory.mktemp("door"), EVERYTHING_AT_ALL) as house:
        yield house


@contextlib.contextmanager
def door(house: Attacked) -> Iterator[Wire]:
    with connected(house.gateway.ports["pg"]) as wire:
        yield wire


def raw_rest(wire: Wire) -> bytes:
    """Everything up to the end, as it comes."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := wire.socket.recv(65536):
            data += more
    return data


PACKETS = {
    "a length of zero": struct.pack(">I", 0),
    "a length of seven": struct.pack(">I", 7) + b"abc",
    "a negative length": b"\xff\xff\xff\xff",
    "a length above 10 000": struct.pack(">II", 10_001, PROTOCOL_3_0),
    "a gigabyte": struct.pack(">II", 1 << 30, PROTOCOL_3_0),
    "no end": packet(struct.pack(">I", PROTOCOL_3_0) + b"user\0x"),
    "a name without a value": packet(struct.pack(">I", PROTOCOL_3_0) + b"user\0\0"),
    "a name twice": packet(struct.pack(">I", PROTOCOL_3_0) + b"user\0a\0user\0b\0\0"),
    "bytes behind the end": packet(struct.pack(">I", PROTOCOL_3_0) + b"user\0a\0\0database\0shop\0\0"),
    "no text": packet(struct.pack(">I", PROTOCOL_3_0) + b"user\0\xff\xfe\0\0"),
    "protocol 2": packet(struct.pack(">I", 0x20000) + b"user\0a\0\0"),
    "protocol 4": packet(struct.pack(">I", 0x40000) + b"user\0a\0\0"),
    "an encryption request with a body": packet(struct.pack(">I", 80877103) + b"more"),
    "a query first": query("select 1"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a cancel request that is too short": packet(struct.pack(">I", 80877102)),
    "a cancel request that is too long": packet(struct.pack(">II", 80877102, 1) + bytes(300)),
    "replication": startup({"user": "x", "database": "shop", "replication": "database"}),
    "replication by options": startup({"user": "x", "database": "shop", "options": "-c replication=on"}),
}


@pytest.mark.parametrize("case", PACKETS)
def test_P3_what_is_no_start_is_no_start(house: Attacked, case: str) -> None:
    """P3, P8: at most one FATAL, and the end; nobody waits for the gigabyte; whoever comes next is served."""
    with door(house) as wire:
        wire.send(PACKETS[case])
        if case.startswith("replication"):
            wire.send(message("p", token_of("ci").encode() + b"\0"))
        data = raw_rest(wire)
    assert data == b"" or data[:1] in b"ER"
    assert b"\0Z" not in data and len(data) < 500
    with house.wire() as wire:
        assert cells(wire.query("select 'next'")) == [[b"next"]]


def test_P3_a_start_that_comes_byte_by_byte_is_a_start(house: Attacked) -> None:
    """P3 (CVE-2026-6664): requests, start, password and first query, each byte alone."""
    with door(house) as wire:
        wire.send(GSS)
        assert wire.socket.recv(1) == b"N"
        for part in (HELLO + message("p", token_of("ci").encode() + b"\0"), query("select 'slowly'")):
            for byte in part:
                wire.send(bytes((byte,)))
            said = wire.until_ready()
        assert cells(said) == [[b"slowly"]]


@pytest.mark.parametrize("requests", [GSS + GSS, GSS + SSL + GSS, GSS * 50])
def test_P2_encryption_is_asked_for_once(house: Attacked, requests: bytes) -> None:
    """P2: the second request of a kind ends the connection."""
    with door(house) as wire:
        wire.send(requests)
        data = raw_rest(wire)
        assert len(data) < 500 and b"\0Z" not in data


def test_P8_a_password_longer_than_any_token_is_not_held(house: Attacked) -> None:
    """P8: one gigabyte of password is announced: refused by its length."""
    with door(house) as wire:
        wire.send(HELLO)
        wire.until("R")
        wire.send(b"p" + struct.pack(">I", 1 << 30) + b"x" * 1000)
        data = raw_rest(wire)
        assert len(data) < 500 and b"\0Z" not in data


def test_P8_commands_before_the_password_are_not_run(house: Attacked) -> None:
    """I8: a query in the place of a password, and one between start and password."""
    with door(house) as wire:
        wire.send(HELLO, query("create table early ()"), message("p", token_of("ci").encode() + b"\0"))
        assert "Z" not in kinds(wire.rest())
    assert house.superuser("select count(*) from pg_class where relname = 'early'") == [(0,)]


WEAPONS = {
    "role": "postgres", "session_authorization": "postgres", "row_security": "off", "session_preload_libraries": "x",
    "local_preload_libraries": "x", "standard_conforming_strings": "off", "client_encoding": "SJIS",
    "backslash_quote": "on", "allow_in_place_tablespaces": "on", "default_transaction_read_only": "off",
    "options": "-c role=postgres", "Options": "-c role=postgres", "_pq_.custom": "x", "unix_socket": "x",
    "transform_null_equals": "on", "check_function_bodies": "off", "debug_print_plan": "on", "log_statement": "all",
    "dynamic_library_path": "/tmp", "search_path ": "x", "my.card": "x", "array_nulls": "off", "xmloption": "document",
    "createrole_self_grant": "set", "quote_all_identifiers": "on", "lo_compat_privileges": "on",
}  # fmt: skip
SPELLED = [
    "-crole=postgres", "--role=postgres", "-c  role=postgres", "-c role\\=postgres", "-c\\ role=postgres",
    "-c ROLE=postgres", "-c 'role=postgres'", "-r", "-d 5", "--standard-conforming-strings=off",
    "-c search_path=a -c role=x",
    "-c search_path=a\\ -c\\ role=x -c role=x", "-f h", "-E", "-P", "-O", "\\-c role=x", "-c row_security=off",
    "-c client_encoding=SJIS", "-c client_encoding=utf8 -c client_encoding=GBK", "-- -c role=postgres",
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [*WEAPONS.items(), *(("options", spelled) for spelled in SPELLED)])
def test_P4_start_up_parameters_change_neither_rights_nor_reading(house: Attacked, name: str, value: str) -> None:
    """P4, P16: refused; or, where the server ignores what it does not know, without effect."""
    with door(house) as wire:
        said = log_in(wire, "shop", token_of("ci"), **{name: value})
        if said[-1].kind == "Z":
            shown = ", ".join(f"current_setting('{n}')" for n in ("standard_conforming_strings", "client_encoding"))
            answer = cells(wire.query(f"select current_user, {shown}"))
            assert answer == [[b"attacked", b"on", b"UTF8"]]
            assert name in ("_pq_.custom",) or b"role" not in value.encode() or "\\ -c\\ role" in value
        else:
            assert codes(said)[0] in ("42501", "0A000", "42601", "08P01")


def keys_of(said: list[Message]) -> tuple[int, bytes]:
    """The process id and cancel key of a session."""
    body = next(m.body for m in said if m.kind == "K")
    return int.from_bytes(body[:4], "big"), body[4:]


def cancel(house: Attacked, pid: int, key: bytes) -> None:
    with door(house) as wire:
        wire.send(cancel_request(pid, key))
        assert raw_rest(wire) == b""


@pytest.mark.parametrize("version", [PROTOCOL_3_0, PROTOCOL_3_2])
def test_P6_only_its_own_key_cancels_a_session(house: Attacked, version: int) -> None:
    """P6: guessed, cut, prolonged, zero, another session's and a closed session's keys cancel nothing; its own does."""
    with door(house) as mine, door(house) as other, door(house) as gone:
        own = keys_of(log_in(mine, "shop", token_of("ci"), version))
        foreign = keys_of(log_in(other, "shop", token_of("bob"), version))
        old = keys_of(log_in(gone, "shop", token_of("ci"), version))
        gone.socket.close()
        assert len(own[1]) == (4 if version == PROTOCOL_3_0 else 32)
        assert len({own, foreign, old}) == 3
        ((backend,),) = cells(mine.query("select pg_backend_pid()"))
        mine.send(query("select pg_sleep(1.5), 'whole'"))
        time.sleep(0.2)
        flipped = bytes((own[1][0] ^ 1,)) + own[1][1:]
        guesses = [(own[0], flipped), (own[0], own[1][:-1]), (own[0], own[1] + b"\0"), (own[0], bytes(len(own[1])))]
        guesses += [
            (own[0], b""),
            (foreign[0], own[1]),
            (own[0], foreign[1]),
            foreign,
            old,
            (int(backend or 0), own[1]),
        ]
        for pid, key in guesses:
            cancel(house, pid, key)
        assert cells(mine.until_ready()) == [[b"", b"whole"]]
        mine.send(query("select pg_sleep(20)"))
        time.sleep(0.2)
        cancel(house, *own)
        assert codes(mine.until_ready()) == ["57014"]


def test_P6_a_flood_of_cancels_is_dropped_and_harms_nobody(house: Attacked) -> None:
    """P6: 200 guesses in eight threads, while sessions work; afterwards the key still works."""
    with door(house) as mine:
        own = keys_of(log_in(mine, "shop", token_of("ci")))

        def flood() -> None:
            for number in range(25):
                cancel(house, own[0], struct.pack(">I", number))

        threads = [threading.Thread(target=flood) for _ in range(8)]
        for thread in threads:
            thread.start()
        for number in range(20):
            assert cells(mine.query(f"select {number}")) == [[str(number).encode()]]
        for thread in threads:
            thread.join()
        assert any("cancel requests are dropped" in str(line.get("message")) for line in house.gateway.lines())
        time.sleep(1.1)
        mine.send(query("select pg_sleep(20)"))
        time.sleep(0.2)
        cancel(house, *own)
        assert codes(mine.until_ready()) == ["57014"]
