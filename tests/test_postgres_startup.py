"""From the first byte to the log-in, byte by byte: every order and limit of P1 to P4 and P8 that concerns the start."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.startup import Answer, Cancel, Hello, Send, StartTls, Startup, StartupStep
from twisted_hoop.testing.postgres import message

GSS = struct.pack(">II", 8, pg.GSSENC_REQUEST)
HELLO = pg.startup(pg.PROTOCOL_3_0, {"user": "alice", "database": "shop"})
ANSWER = message(b"p", b"secret\0")


def byte_by_byte(startup: Startup, data: bytes) -> list[StartupStep]:
    return [step for at in range(len(data)) for step in startup.received(data[at : at + 1])]


def test_p3_the_whole_start_split_anywhere() -> None:
    """P3: the same steps, whole or byte by byte; what follows authentication is left for the relay."""
    wanted = [Hello({"user": "alice", "database": "shop"}, pg.PROTOCOL_3_0), Answer(b"secret\0")]
    assert Startup(True).received(HELLO + ANSWER) == wanted
    assert byte_by_byte(Startup(True), HELLO + ANSWER) == wanted
    startup = Startup(True)
    startup.received(HELLO)
    startup.received(ANSWER)
    startup.authenticated()
    assert startup.received(b"Q") == []
    assert startup.rest == b"Q"


def test_tls_is_offered_or_not() -> None:
    assert Startup(True).received(pg.ssl_request()) == [StartTls()]
    assert Startup(False).received(pg.ssl_request()) == [Send(b"N")]
    assert Startup(False).received(GSS) == [Send(b"N")]


@pytest.mark.parametrize("request_bytes", [pg.ssl_request(), GSS], ids=["ssl", "gss"])
def test_p1_clear_bytes_behind_an_encryption_request_are_refused(request_bytes: bytes) -> None:
    """P1: they would be read as if they had come encrypted."""
    for more in (b"\0", HELLO, pg.ssl_request()):
        with pytest.raises(ProtocolError):
            Startup(True).received(request_bytes + more)


@pytest.mark.parametrize("first", [pg.ssl_request(), GSS], ids=["ssl", "gss"])
def test_p2_each_request_once(first: bytes) -> None:
    """P2: an endless row of requests ends at the second of a kind; one of each is what libpq does."""
    startup = Startup(False)
    startup.received(first)
    with pytest.raises(ProtocolError):
        startup.received(first)
    other = GSS if first == pg.ssl_request() else pg.ssl_request()
    startup = Startup(False)
    assert startup.received(first) == startup.received(other) == [Send(b"N")]


def test_p1_no_request_inside_tls() -> None:
    """P1: TLS inside TLS is nobody's wish."""
    startup = Startup(True)
    startup.received(pg.ssl_request())
    startup.tls_started()
    for again in (pg.ssl_request(), GSS):
        with pytest.raises(ProtocolError):
            Startup(True, tls_active=True).received(again)
    assert isinstance(startup.received(HELLO)[0], Hello)


@pytest.mark.parametrize("length", [0, 7, 10_001, 2**31, 2**32 - 1])
def test_p3_p8_a_bad_length_is_refused_before_its_bytes_come(length: int) -> None:
    """P3, P8: at most 10 000 bytes are ever waited for."""
    with pytest.raises(ProtocolError):
        Startup(True).received(struct.pack(">I", length))


def test_p8_an_answer_is_bounded_too() -> None:
    """P8: the server's own limit for an authentication message."""
    startup = Startup(True)
    startup.received(HELLO)
    with pytest.raises(ProtocolError):
        startup.received(b"p" + struct.pack(">I", pg.AUTHENTICATION_LIMIT + 1))


def test_only_an_answer_is_read_while_one_is_awaited() -> None:
    startup = Startup(True)
    startup.received(HELLO)
    with pytest.raises(ProtocolError):
        startup.received(message(b"Q", b"select 1\0"))


def test_p6_a_cancel_request_ends_the_start() -> None:
    """P6: nothing behind it is read."""
    for key in (b"abcd", b"k" * 32, b"k" * 256):
        assert Startup(True).received(pg.cancel_request(7, key) + b"garbage") == [Cancel(7, key)]
    for key in (b"", b"abc", b"k" * 257):
        with pytest.raises(ProtocolError):
            Startup(True).received(pg.cancel_request(7, key))


@pytest.mark.parametrize("major", [0, 1, 2, 4])
def test_other_protocols_are_refused(major: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        Startup(True).received(pg.startup(major << 16, {"user": "alice"}))
    assert caught.value.code == "0A000"


@pytest.mark.parametrize(
    ("version", "options", "agreed", "negotiated"),
    [
        (pg.PROTOCOL_3_0, {}, pg.PROTOCOL_3_0, b""),
        (pg.PROTOCOL_3_2, {}, pg.PROTOCOL_3_2, b""),
        (3 << 16 | 1, {}, pg.PROTOCOL_3_0, pg.negotiate(pg.PROTOCOL_3_0, [])),
        (3 << 16 | 9999, {}, pg.PROTOCOL_3_2, pg.negotiate(pg.PROTOCOL_3_2, [])),
        (pg.PROTOCOL_3_0, {"_pq_.x": "1"}, pg.PROTOCOL_3_0, pg.negotiate(pg.PROTOCOL_3_0, ["_pq_.x"])),
    ],
)
def test_p4_versions_and_protocol_options_are_negotiated(
    version: int, options: dict[str, str], agreed: int, negotiated: bytes
) -> None:
    """P4: `_pq_.` options go no further than here."""
    startup = Startup(True)
    assert startup.received(pg.startup(version, {"user": "a", **options})) == [Hello({"user": "a"}, agreed)]
    assert startup.negotiation == negotiated


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([pg.ssl_request(), GSS, HELLO, ANSWER]), max_size=6),
    st.booleans(),
)
def test_p3_any_bytes_are_steps_or_a_protocol_error(pieces: list[bytes], tls: bool) -> None:
    """P3: fuzzed; and never more is kept than may be waited for."""
    startup = Startup(tls)
    try:
        for piece in pieces:
            for step in startup.received(piece):
                assert isinstance(step, (Send, StartTls, Cancel, Hello, Answer))
    except ProtocolError:
        pass
