"""Messages are read as they are written, and a reader answers with a value or a ProtocolError, never anything else."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres import messages as pg
from twisted_hoop.testing.postgres import row_description, split

text = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
name = st.binary(max_size=12).map(lambda b: b.replace(b"\0", b""))
READERS: list[Callable[[bytes], Any]] = [
    pg.error_fields,
    pg.startup_parameters,
    pg.row_description,
    pg.bind,
    pg.copy_response,
    pg.parameter_status,
    lambda body: pg.split_cstring(body, 0),
]


@pytest.mark.parametrize("read", READERS, ids=range(len(READERS)))
@given(st.binary(max_size=200))
def test_p3_p7_any_bytes_are_a_value_or_a_protocol_error(read: Callable[[bytes], Any], body: bytes) -> None:
    """P3, P7: no reader ever fails in another way."""
    with contextlib.suppress(ProtocolError):
        read(body)


@pytest.mark.parametrize("read", READERS, ids=range(len(READERS)))
@given(st.data())
def test_p7_so_are_messages_cut_anywhere(read: Callable[[bytes], Any], data: st.DataObject) -> None:
    """P7: a length that reaches past its message, at every cut of valid messages."""
    bodies = [
        pg.build_bind(pg.Bind(b"p", b"s", (b"1", None), (0, 1), b"\0\1\0\0"))[5:],
        row_description(("id", 1, 1, 23), ("x", 0, 0, 25))[5:],
        pg.error("42501", "no", "detail", "hint")[5:],
        pg.startup(pg.PROTOCOL_3_0, {"user": "a", "database": "b"})[8:],
    ]
    whole = data.draw(st.sampled_from(bodies))
    place = data.draw(st.integers(0, len(whole)))
    changed = bytearray(whole)
    if place < len(whole):
        changed[place] = data.draw(st.integers(0, 255))
    for body in (whole[:place], bytes(changed), whole + b"\0"):
        with contextlib.suppress(ProtocolError):
            read(body)


@given(st.dictionaries(text.filter(bool), text, max_size=6))
def test_start_up_parameters_come_back(parameters: dict[str, str]) -> None:
    packet = pg.startup(pg.PROTOCOL_3_2, parameters)
    assert struct.unpack_from(">II", packet) == (len(packet), pg.PROTOCOL_3_2)
    assert pg.startup_parameters(packet[8:]) == parameters


@pytest.mark.parametrize(
    "body", [b"", b"user\0alice\0", b"user\0\0", b"user\0a\0user\0b\0\0", b"\0a\0\0", b"\xff\0a\0\0", b"user\0\xff\0\0"]
)
def test_p3_malformed_start_up_parameters(body: bytes) -> None:
    """P3: no terminator, an odd number of strings, a name twice or empty, not UTF-8."""
    with pytest.raises(ProtocolError):
        pg.startup_parameters(body)


@given(text, text, text, text)
def test_errors_come_back(code: str, message: str, detail: str, hint: str) -> None:
    [(kind, body)] = split(pg.error(code, message, detail, hint))
    fields = dict(pg.error_fields(body))
    assert kind == "E"
    assert fields[ord("M")] == message.encode()
    assert fields.get(ord("D"), b"") == detail.encode()
    assert split(pg.from_fields(b"E", pg.error_fields(body))) == [("E", body)]


def test_an_error_is_always_sendable() -> None:
    """NUL bytes and lone surrogates in a message must not keep it from being told."""
    [(_, body)] = split(pg.fatal("XX000", "a\0b\udc80"))
    assert dict(pg.error_fields(body))[ord("M")] == b"a\\0b?"


def test_a_string_of_ours_with_a_nul_is_a_fault() -> None:
    with pytest.raises(ProtocolError):
        pg.cstring("a\0b")


@given(
    name,
    name,
    st.lists(st.none() | st.binary(max_size=20), max_size=5),
    st.lists(st.integers(0, 1), max_size=5),
    st.data(),
)
def test_a_bind_comes_back(
    portal: bytes, statement: bytes, values: list[bytes | None], results: list[int], data: st.DataObject
) -> None:
    formats = data.draw(st.tuples(*[st.integers(0, 1)] * len(values)))
    tail = struct.pack(f">H{len(results)}H", len(results), *results)
    bound = pg.Bind(portal, statement, tuple(values), formats, tail)
    assert pg.bind(pg.build_bind(bound)[5:]) == bound


def test_one_format_stands_for_all_values() -> None:
    body = b"\0\0" + struct.pack(">HH", 1, 1) + struct.pack(">H", 2) + struct.pack(">i", -1) * 2 + b"\0\0"
    assert pg.bind(body).formats == (1, 1)


@pytest.mark.parametrize("length", [-2, 5, 2**31 - 1])
def test_p7_a_parameter_reaches_past_its_message(length: int) -> None:
    """P7: declared lengths are never believed."""
    body = b"\0\0" + b"\0\0" + b"\0\1" + struct.pack(">i", length) + b"abc" + b"\0\0"
    with pytest.raises(ProtocolError):
        pg.bind(body)


def test_requests_before_a_session() -> None:
    assert pg.ssl_request() == struct.pack(">II", 8, pg.SSL_REQUEST)
    assert pg.cancel_request(7, b"abcd") == struct.pack(">III", 16, pg.CANCEL_REQUEST, 7) + b"abcd"
    assert split(pg.negotiate(pg.PROTOCOL_3_2, ["_pq_.x"])) == [
        ("v", struct.pack(">II", pg.PROTOCOL_3_2, 1) + b"_pq_.x\0")
    ]


def test_the_rest_of_the_builders() -> None:
    assert split(pg.parse(b"s", b"select 1")) == [("P", b"s\0select 1\0\0\0")]
    assert split(pg.describe_portal(b"p")) == [("D", b"Pp\0")]
    assert dict(pg.error_fields(split(pg.notice("wait", "why", "how"))[0][1]))[ord("S")] == b"NOTICE"
    assert pg.copy_response(b"\1\0\3") == (1, 3)
    assert pg.parameter_status(b"TimeZone\0UTC\0") == ("TimeZone", "UTC")
