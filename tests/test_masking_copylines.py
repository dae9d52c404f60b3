"""COPY's text and csv formats, against PostgreSQL itself and cut at every offset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.postgres import Server
from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking import copylines
from twisted_hoop.masking.copylines import CsvCodec, Lines, TextCodec, codec, lines

VALUES = st.none() | st.text(st.sampled_from("ab\\\t\n\r\"',|N.^é\b\f\v x0"), max_size=8)
ROWS = st.lists(st.tuples(VALUES, VALUES), max_size=6)
CODECS = st.sampled_from([
    ("text", "\t", '"', '"', "\\N"), ("text", "|", '"', '"', ""), ("text", ",", '"', '"', "null"),
    ("csv", ",", '"', '"', ""), ("csv", "|", "'", "'", "NULL"), ("csv", ",", '"', "\\", ""),
    ("csv", "\t", '"', "^", "x"),
])  # fmt: skip


@pytest.fixture(scope="module")
def server(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    dsn = postgres.create_database("masking_lines")
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def options(form: str, delimiter: str, quote: str, escape: str, null: str) -> str:
    def literal(text: str) -> str:
        return "e'" + text.replace("\\", "\\\\").replace("'", "''") + "'"

    extra = f", quote {literal(quote)}, escape {literal(escape)}" if form == "csv" else ""
    return f"(format {form}, delimiter {literal(delimiter)}, null {literal(null)}{extra})"


def copy_out(server: psycopg.Connection[Any], rows: list[tuple[str | None, str | None]], how: str) -> bytes:
    with server.cursor() as cursor:
        cursor.execute("create temp table t (n serial, a text, b text)")
        if rows:
            cursor.executemany("insert into t (a, b) values (%s, %s)", rows)
        with cursor.copy(f"copy (select a, b from t order by n) to stdout {how}".encode()) as copy:
            data = b"".join(bytes(part) for part in copy)
        cursor.execute("drop table t")
    return data


def copy_in(server: psycopg.Connection[Any], data: bytes, how: str) -> list[tuple[str | None, str | None]]:
    with server.cursor() as cursor:
        cursor.execute("create temp table t (n serial, a text, b text)")
        with cursor.copy(f"copy t (a, b) from stdin {how}".encode()) as copy:
            copy.write(data)
        rows = cursor.execute("select a, b from t order by n").fetchall()
        cursor.execute("drop table t")
    return rows


def parse(data: bytes, form: str, delimiter: str, quote: str, escape: str, null: str) -> list[list[bytes | None]]:
    reader, cutter = codec(form, delimiter, quote, escape, null), lines(form, "target", quote, escape)  # type: ignore[arg-type]
    rows = cutter.feed(data)
    assert cutter.flush() is None
    return [[reader.decode(raw) for raw in reader.split(row)] for row in rows]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, CODECS)
def test_what_the_server_writes_is_read_as_it_meant(
    server: psycopg.Connection[Any], rows: list[tuple[str | None, str | None]], how: tuple[str, str, str, str, str]
) -> None:
    form, _, _, _, null = how
    if form == "text":
        # The server itself writes a text equal to the null string as NULL.
        rows = [tuple("y" if v == null else v for v in row) for row in rows]  # type: ignore[misc]
    data = copy_out(server, rows, options(*how))
    expected = [[None if v is None else v.encode() for v in row] for row in rows]
    assert parse(data, *how) == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, CODECS, st.booleans())
def test_what_we_write_is_read_by_the_server_as_we_meant(
    server: psycopg.Connection[Any],
    rows: list[tuple[str | None, str | None]],
    how: tuple[str, str, str, str, str],
    quoted: bool,
) -> None:
    form, delimiter, _, _, null = how
    writer = codec(*how)  # type: ignore[arg-type]
    if form == "text" and not null:
        rows = [tuple("y" if v == null else v for v in row) for row in rows]  # type: ignore[misc]
    encoded = [
        delimiter.encode().join(writer.null if v is None else writer.encode(v.encode(), quoted) for v in row)
        for row in rows
    ]
    assert copy_in(server, b"".join(row + b"\n" for row in encoded), options(*how)) == rows


@given(ROWS, CODECS, st.data())
def test_the_stream_may_be_cut_anywhere(
    rows: list[tuple[str | None, str | None]], how: tuple[str, str, str, str, str], draw: st.DataObject
) -> None:
    """M3: whatever the pieces, the rows are the same."""
    form, delimiter, quote, escape, _ = how
    writer = codec(*how)  # type: ignore[arg-type]
    wanted = [
        delimiter.encode().join(writer.null if v is None else writer.encode(v.encode()) for v in row) for row in rows
    ]
    data = b"".join(row + b"\n" for row in wanted)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    cutter = lines(form, "target", quote, escape)  # type: ignore[arg-type]
    got: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        got += cutter.feed(data[start:end])
    assert got == wanted and cutter.flush() is None


@given(st.binary(max_size=60), CODECS)
def test_nothing_makes_it_fail_and_unchanged_fields_are_kept(data: bytes, how: tuple[str, str, str, str, str]) -> None:
    form, _, quote, escape, _ = how
    reader, cutter = codec(*how), lines(form, "client", quote, escape)  # type: ignore[arg-type]
    rows = cutter.feed(data)
    rest = cutter.flush()
    assert b"".join(row + b"\n" for row in rows) + (rest or b"") == data
    for row in rows:
        fields = reader.split(row)
        assert reader.delimiter.join(fields) == row
        for raw in fields:
            reader.decode(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (rb"\N", None),
        (rb"a\tb\nc\\d\be\ff\rg\vh", b"a\tb\nc\\d\be\ff\rg\vh"),
        (rb"\064\x31\1", b"41\x01"),
        (rb"\x", b"x"),
        (rb"\q", b"q"),
        (b"a\\\nb", b"a\nb"),
        (b"end\\", b"end\\"),
    ],
)
def test_text_escapes(raw: bytes, value: bytes | None) -> None:
    assert TextCodec().decode(raw) == value


def test_a_newline_after_a_backslash_belongs_to_the_value() -> None:
    cutter = Lines("client")
    assert cutter.feed(b"a\\\nb\tc\\\\\nd\n") == [b"a\\\nb\tc\\\\", b"d"]
    assert cutter.feed(b"e\\") == []
    assert cutter.feed(b"\nf\n") == [b"e\\\nf"]


def test_csv_values_over_several_lines() -> None:
    cutter = lines("csv", "target", '"', '"')
    assert cutter.feed(b'1,"a\n') == []
    assert cutter.feed(b'""b\n"') == []
    assert cutter.feed(b",2\n3,4\n") == [b'1,"a\n""b\n",2', b"3,4"]
    assert CsvCodec().split(b'1,"a\n""b\n",2') == [b"1", b'"a\n""b\n"', b"2"]
    assert CsvCodec().decode(b'"a\n""b\n"') == b'a\n"b\n'


def test_csv_null_is_only_what_is_not_quoted() -> None:
    reader = CsvCodec(null=b"NULL")
    assert reader.decode(b"NULL") is None
    assert reader.decode(b'"NULL"') == b"NULL"
    assert reader.encode(b"NULL") == b'"NULL"'
    assert reader.encode(b"\\.") == b'"\\."'


def test_a_row_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copylines, "HELD_LIMIT", 1000)
    cutter = Lines("target")
    cutter.feed(b"x" * 900)
    with pytest.raises(ProtocolError) as caught:
        cutter.feed(b"x" * 200)
    assert (caught.value.side, caught.value.code) == ("target", "54000")
