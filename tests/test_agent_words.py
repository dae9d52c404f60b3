"""What gateway and agent say to each other."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.agent.words import (
    MOST_OFFERED,
    Hello,
    described,
    pack_hello,
    pack_lines,
    pack_place,
    parse_hello,
    parse_lines,
    parse_place,
)
from twisted_hoop.ssh.wishes import DIRECT_SOCKET, DIRECT_TCP
from twisted_hoop.transport.connect import TcpPlace, UnixPlace


def test_a_greeting_comes_back() -> None:
    hello = Hello("1.2", ("db.internal:5432", "unix:/run/db.sock"))
    assert parse_hello(pack_hello(hello)) == hello


def test_what_is_too_much_to_be_told_is_left_out() -> None:
    hello = parse_hello(pack_hello(Hello("9" * 500, tuple(f"h{n}:1" for n in range(5000)))))
    assert len(hello.version) == 64 and len(hello.offered) == MOST_OFFERED


def test_lines_come_back() -> None:
    assert parse_lines(pack_lines(("ssh-ed25519 AAAA", "ssh-ed25519 BBBB"))) == ("ssh-ed25519 AAAA", "ssh-ed25519 BBBB")


@pytest.mark.parametrize("place", [TcpPlace("db.internal", 5432), TcpPlace("::1", 1), UnixPlace("/run/db.sock")])
def test_places_come_back(place: TcpPlace | UnixPlace) -> None:
    assert parse_place(*pack_place(place)) == place


def test_places_as_people_write_them() -> None:
    assert described(TcpPlace("db", 1)) == "db:1" and described(TcpPlace("::1", 2)) == "[::1]:2"
    assert described(UnixPlace("/x")) == "unix:/x"


@pytest.mark.parametrize("kind", [b"session", b"x11", b"forwarded-tcpip", b"", b"direct-tcpip\0"])
def test_other_kinds_of_channels_lead_nowhere(kind: bytes) -> None:
    with pytest.raises(ValueError):
        parse_place(kind, pack_place(TcpPlace("db", 1))[1])


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_value_or_a_value_error(data: bytes) -> None:
    def place(kind: bytes) -> Any:
        return lambda given: parse_place(kind, given)

    for parse in (parse_hello, parse_lines, place(DIRECT_TCP), place(DIRECT_SOCKET)):
        with contextlib.suppress(ValueError):
            parse(data)


def test_texts_that_cannot_be_shown_are_refused() -> None:
    with pytest.raises(ValueError):
        parse_hello(pack_hello(Hello("1\x1b[2J", ())))
