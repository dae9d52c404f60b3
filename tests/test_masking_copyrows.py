"""COPY OUT through the masker: real streams of a real server, and what must not happen to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.postgres import Server
from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking.copybinary import SIGNATURE, TRAILER, pack
from twisted_hoop.masking.copyrows import NULL_COLUMN, Column, CopyMasker
from twisted_hoop.masking.detectors import Detector
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.structured import ContentMasker

CARD = b"4111111111111111"
CARDS = SpanMasker(Detector(["card"]), {"card": "redact"}, b"k" * 32)
ROWS = [
    (1, "Ada", CARD.decode(), None),
    (2, 'Gr"ace,\n\t\\x', None, f"pays with {CARD.decode()}, \\ \t too"),
    (3, "", "", '"'),
    (4, None, "*****", "x"),
]
HEADER = SIGNATURE + bytes(8)


@pytest.fixture(scope="module")
def server(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    dsn = postgres.create_database("masking_copy")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table t (id int, name text, card text, note text)")
        connection.execute("create table back (id int, name text, card text, note text)")
        connection.cursor().executemany("insert into t values (%s, %s, %s, %s)", ROWS)
        yield connection


def through(server: psycopg.Connection[Any], columns: list[Column], how: str, size: int, **options: Any) -> list[Any]:
    """Copy out, mask in pieces of `size` octets (0: as they come), copy in again; the rows that are there then."""
    masker = CopyMasker(options.pop("format", "text"), columns, **options)
    out: list[bytes] = []
    with server.cursor() as cursor:
        with cursor.copy(f"copy (select * from t order by id) to stdout {how}".encode()) as copy:
            parts = [bytes(part) for part in copy]
        data = b"".join(parts)
        pieces = parts if not size else [data[i : i + size] for i in range(0, len(data), size)]
        out += [masker.feed(piece) for piece in pieces]
        out.append(masker.flush())
        cursor.execute("truncate back")
        with cursor.copy(f"copy back from stdin {how}".encode()) as copy:
            copy.write(b"".join(out))
        return cursor.execute("select * from back order by id").fetchall()


FORMATS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("(format text, delimiter '|', null 'none')", {"delimiter": "|", "null": "none"}),
    ("(format text, header)", {"header": True}),
    ("(format text, null '*****')", {"null": "*****"}),
    ("(format csv)", {"format": "csv", "delimiter": ",", "null": ""}),
    ("(format csv, header, null '*****')", {"format": "csv", "delimiter": ",", "null": "*****", "header": True}),
    (
        "(format csv, quote '''', escape '^')",
        {"format": "csv", "delimiter": ",", "null": "", "quote": "'", "escape": "^"},
    ),
    ("(format binary)", {"format": "binary"}),
]


@pytest.mark.parametrize("size", [0, 1, 7, 100_000])
@pytest.mark.parametrize(("how", "options"), FORMATS)
def test_a_constant(server: psycopg.Connection[Any], how: str, options: dict[str, Any], size: int) -> None:
    """M3, M8: every format, in pieces of any size; NULL stays NULL, other columns stay as they are."""
    got = through(server, [None, None, b"*****", None], how, size, **options)
    null_is_stars = options.get("null") == "*****" and options.get("format") != "csv"
    rows = [(i, n, c if c is None else "*****", o) for i, n, c, o in ROWS]
    if null_is_stars:
        # The server itself wrote the value ***** of row 4 as NULL; ours is written so that it stays a value.
        rows[3] = (4, None, None, "x")
    assert got == rows


@pytest.mark.parametrize(("how", "options"), FORMATS)
def test_a_detector(server: psycopg.Connection[Any], how: str, options: dict[str, Any]) -> None:
    """M8: finds in text, whatever the quoting, and nothing else changes."""
    fmt = int(options.get("format") == "binary")
    content = ContentMasker(CARDS, 25, fmt, {})
    got = through(server, [None, content, content, content], how, 0, **options)
    rows = [tuple(v.replace(CARD.decode(), "*****") if isinstance(v, str) else v for v in row) for row in ROWS]
    if options.get("null") == "*****" and options.get("format") != "csv":
        rows[3] = (4, None, None, "x")
    assert got == rows


@pytest.mark.parametrize(("how", "options"), FORMATS)
def test_null_and_a_function(server: psycopg.Connection[Any], how: str, options: dict[str, Any]) -> None:
    got = through(server, [None, NULL_COLUMN, None, lambda value: b'"\\\t\n,' + value], how, 3, **options)
    expected = [(i, None, c, o if o is None else '"\\\t\n,' + o) for i, _, c, o in ROWS]
    if options.get("null") == "*****" and options.get("format") != "csv":
        expected[3] = (4, None, None, '"\\\t\n,x')
    assert got == expected


def test_force_quote_stays() -> None:
    masker = CopyMasker("csv", [None, b"*****"], delimiter=",", null="")
    assert masker.feed(b'1,"secret"\n2,secret\n"3",\n4,""\n') == b'1,"*****"\n2,*****\n"3",\n4,"*****"\n'
    assert (masker.rows, masker.masked) == (4, 3)


@pytest.mark.parametrize(
    ("format_", "data"), [("text", b"1\t2\n"), ("text", b"1\n"), ("csv", b"1,2,3,4\n"), ("text", b"\n")]
)
def test_rows_of_another_width_are_refused(format_: Any, data: bytes) -> None:
    """A hostile target shifts columns: the masked one would be another."""
    masker = CopyMasker(format_, [None, b"*****", None], delimiter="\t" if format_ == "text" else ",")
    with pytest.raises(ProtocolError) as caught:
        masker.feed(data)
    assert caught.value.side == "target"


def test_tuples_of_another_width_are_refused() -> None:
    with pytest.raises(ProtocolError):
        CopyMasker("binary", [None, b"x"]).feed(HEADER + pack([b"1"]))


def test_a_delimiter_inside_a_value_does_not_shift_columns() -> None:
    """`\\|` is no delimiter: a value with one must not push the masked column along."""
    masker = CopyMasker("text", [None, b"*****"], delimiter="|")
    assert masker.feed(b"a\\|b|secret\n") == b"a\\|b|*****\n"
    assert masker.feed(b"a\\\\|secret\n") == b"a\\\\|*****\n"


def test_rows_without_columns_and_the_end_marker_pass() -> None:
    assert CopyMasker("text", []).feed(b"\n\n") == b"\n\n"
    assert CopyMasker("text", [None, b"x"]).feed(b"\\.\n") == b"\\.\n"


def test_an_unfinished_row_is_held_and_comes_with_flush() -> None:
    masker = CopyMasker("text", [b"*****"])
    assert masker.feed(b"sec") == b""
    assert masker.feed(b"ret") == b""
    assert masker.flush() == b"*****"


@given(
    st.lists(st.tuples(st.sampled_from([b"x", CARD, b"a " + CARD, b"\\\\x", b"\\N", b"4111\\t1111"])), max_size=6),
    st.integers(1, 40),
)
def test_searching_rows_as_a_whole_changes_nothing(cells: list[tuple[bytes]], size: int) -> None:
    """The filter over whole rows only saves time: the result is the same as cell by cell."""
    content = ContentMasker(CARDS, 25, 0, {})
    data = b"".join(b"1\t" + cell + b"\n" for (cell,) in cells)
    quick = CopyMasker("text", [None, content])
    slow = CopyMasker("text", [None, lambda value: content(value)])
    for start in range(0, len(data), size):
        assert quick.feed(data[start : start + size]) == slow.feed(data[start : start + size])
    assert CARD not in quick.flush() + slow.flush()
    assert quick.masked == slow.masked


@given(st.sampled_from(["text", "csv", "binary"]), st.binary(max_size=60))
def test_anything_is_rows_or_protocol_error(format_: Any, data: bytes) -> None:
    masker = CopyMasker(format_, [None, b"*****"])
    try:
        out = masker.feed(data[:30]) + masker.feed(data[30:]) + masker.flush()
    except ProtocolError as error:
        assert error.side == "target"
    else:
        assert isinstance(out, bytes)


def test_binary_nulls_and_the_trailer() -> None:
    masker = CopyMasker("binary", [b"*****", NULL_COLUMN])
    assert masker.feed(HEADER + pack([None, b"x"]) + pack([b"y", None]) + TRAILER) == (
        HEADER + pack([None, None]) + pack([b"*****", None]) + TRAILER
    )
    assert masker.flush() == b""
