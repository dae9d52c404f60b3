"""Looking into cells: in each type and format that can hold a card number it is hidden; the server reads the rest."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import pq

from tests.support.masking import read_types
from tests.support.postgres import Server
from twisted_hoop.lineage.catalogue import TypeInfo
from twisted_hoop.masking.detectors import Detector
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.structured import ContentMasker, mask_content, reach

CARD = "4111111111111111"
MASKER = SpanMasker(Detector(["card"]), {"card": "redact"}, b"k" * 32)
SETUP = """
create extension hstore; create extension citext;
create domain card as text;
create type person as (name text, card card, cards int8[]);
create type range_of_text as range (subtype = text);
"""
HOLDERS = [
    ("text", CARD),
    ("varchar", f"a {CARD} b"),
    ("bpchar", CARD),
    ("name", CARD),
    ("card", CARD),
    ("citext", CARD),
    ("int8", CARD),
    ("numeric", CARD),
    ("numeric", CARD + ".50"),
    ("float8", CARD),
    ("json", f'{{"card": "{CARD}", "n": [{CARD}]}}'),
    ("json", '"\\u0034111111111111111"'),
    ("jsonb", f'{{"card": "{CARD}", "{CARD}": {CARD}}}'),
    ("bytea", "\\x" + CARD.encode().hex()),
    ("text[]", f'{{"a {CARD}",NULL,b}}'),
    ("card[]", f"{{{CARD}}}"),
    ("int8[]", f"{{1,{CARD}}}"),
    ("numeric[]", f"{{1,{CARD}}}"),
    ("jsonb[]", '{"{\\"a\\": \\"' + CARD + '\\"}"}'),
    ("bytea[]", '{"\\\\x' + CARD.encode().hex() + '"}'),
    ("person", f"(x,{CARD},)"),
    ("person", f'("x ""{CARD}""",y,"{{1,{CARD}}}")'),
    ("person[]", f'{{"(x,{CARD},)"}}'),
    ("hstore", f'"card"=>"{CARD}", "{CARD}"=>NULL'),
    ("hstore[]", '{"\\"a\\"=>\\"' + CARD + '\\""}'),
    ("range_of_text", f"[{CARD},5)"),
    ("int8range", f"[{CARD},{CARD}]"),
    ("int8range", f"(,{CARD})"),
    ("numrange", f"[1,{CARD}]"),
    ("int8multirange", f"{{[1,3),[{CARD},{CARD}]}}"),
    ("tsvector", f"'{CARD}':1"),
    ("jsonpath", f'$."x" == "{CARD}"'),
]


@pytest.fixture(scope="module")
def server(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    dsn = postgres.create_database("masking_structured")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SETUP.encode())
        yield connection


@pytest.fixture(scope="module")
def types(server: psycopg.Connection[Any]) -> dict[int, TypeInfo]:
    return read_types(server)


def fetch(server: psycopg.Connection[Any], type_name: str, literal: str, fmt: int) -> tuple[int, bytes]:
    result = server.pgconn.exec_params(f"select $1::text::{type_name}".encode(), [literal.encode()], result_format=fmt)
    assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
    value = result.get_value(0, 0)
    assert value is not None
    return result.ftype(0), value


def as_text(server: psycopg.Connection[Any], type_name: str, value: bytes, fmt: int) -> str:
    """What the server reads the value as."""
    sql = f"select $1::{type_name}::text".encode()
    result = server.pgconn.exec_params(sql, [value], param_formats=[fmt])
    assert result.status == pq.ExecStatus.TUPLES_OK, (value, result.error_message)
    return (result.get_value(0, 0) or b"").decode()


@pytest.mark.parametrize("fmt", [0, 1])
@pytest.mark.parametrize(("type_name", "literal"), HOLDERS)
def test_a_card_is_hidden_in_every_type(
    server: psycopg.Connection[Any], types: dict[int, TypeInfo], type_name: str, literal: str, fmt: int
) -> None:
    """M2: text and binary; the server still reads what is left."""
    oid, value = fetch(server, type_name, literal, fmt)
    masked, found = mask_content(MASKER, oid, fmt, types, value)
    assert found and CARD.encode() not in masked
    text = as_text(server, type_name, masked, fmt)
    assert CARD not in text and CARD.encode().hex() not in text


@pytest.mark.parametrize("fmt", [0, 1])
@pytest.mark.parametrize(("type_name", "literal"), HOLDERS)
def test_nothing_to_hide_is_the_same_object(
    server: psycopg.Connection[Any], types: dict[int, TypeInfo], type_name: str, literal: str, fmt: int
) -> None:
    harmless = literal.replace(CARD, "4111").replace(CARD.encode().hex(), "34").replace("\\u0034111111111111111", "4")
    oid, value = fetch(server, type_name, harmless, fmt)
    masked, found = mask_content(MASKER, oid, fmt, types, value)
    assert masked is value and found == 0


@pytest.mark.parametrize("fmt", [0, 1])
@pytest.mark.parametrize(("type_name", "literal"), HOLDERS)
def test_joined_columns_are_known_by_the_filter(
    server: psycopg.Connection[Any], types: dict[int, TypeInfo], type_name: str, literal: str, fmt: int
) -> None:
    """`reach` joined means: whatever a cell shows, the detector's filter says yes to its octets."""
    oid, value = fetch(server, type_name, literal, fmt)
    content = ContentMasker(MASKER, oid, fmt, types)
    if content.reach == "joined" and content(value) is not value:
        assert content.might(b"other\n" + value + b"\nmore")


@pytest.mark.parametrize(
    ("type_name", "text", "binary"),
    [
        ("text", "joined", "joined"),
        ("json", "joined", "joined"),
        ("jsonb", "joined", "joined"),
        ("int8", "joined", "single"),
        ("float8", "single", "single"),
        ("bytea", "single", "single"),
        ("text[]", "joined", "single"),
        ("int8[]", "joined", "single"),
        ("bytea[]", "single", "single"),
        ("person", "joined", "single"),
        ("uuid", "never", "never"),
        ("date", "never", "never"),
        ("date[]", "never", "never"),
        ("bool", "never", "never"),
    ],
)
def test_reach(
    server: psycopg.Connection[Any], types: dict[int, TypeInfo], type_name: str, text: str, binary: str
) -> None:
    oid = server.execute(f"select '{type_name}'::regtype::oid::int8".encode()).fetchone()
    assert oid is not None
    assert (reach(oid[0], 0, types), reach(oid[0], 1, types)) == (text, binary)


OIDS = [0, 16, 17, 20, 21, 23, 25, 114, 142, 700, 701, 1007, 1009, 1016, 1700, 2249, 2950, 3802, 3904, 3906, 99999]


@given(st.sampled_from(OIDS), st.sampled_from([0, 1]), st.binary(max_size=60))
def test_no_value_of_any_type_makes_it_fail(oid: int, fmt: int, value: bytes) -> None:
    masked, found = mask_content(MASKER, oid, fmt, {}, value)
    assert isinstance(masked, bytes)
    assert found or masked is value


@given(st.sampled_from(OIDS), st.binary(max_size=12), st.binary(max_size=12))
def test_unknown_binary_values_keep_their_length(oid: int, before: bytes, after: bytes) -> None:
    value = before + b" " + CARD.encode() + b" " + after
    masked, found = mask_content(MASKER, 99999, 1, {}, value)
    assert len(masked) == len(value)
    assert (masked is value) == (not found)


def test_a_parameter_of_unknown_type_may_be_an_integer() -> None:
    value = struct.pack(">q", int(CARD))
    assert mask_content(MASKER, 0, 1, {}, value) == (bytes(8), 1)
    assert mask_content(MASKER, 0, 1, {}, CARD.encode())[0] == b"*" * 16
    assert mask_content(MASKER, 0, 0, {}, CARD.encode())[0] == b"*****"


@pytest.mark.parametrize("type_name", ["text", "int8", "numeric", "text[]", "int8[]", "person", "jsonb"])
def test_columns_of_unknown_type_are_looked_into(
    server: psycopg.Connection[Any], types: dict[int, TypeInfo], type_name: str
) -> None:
    """M2, M8: COPY (SELECT …) TO STDOUT (FORMAT binary) names no types."""
    literal = {"person": f"(x,{CARD},)", "jsonb": f'{{"a": {CARD}}}'}.get(type_name, CARD)
    literal = f"{{{literal}}}" if type_name.endswith("[]") else literal
    _, value = fetch(server, type_name, literal, 1)
    masked, found = mask_content(MASKER, 0, 1, types, value)
    assert found and CARD.encode() not in masked
    if type_name != "jsonb":
        assert CARD not in as_text(server, type_name, masked, 1)


@pytest.mark.parametrize("value", [b"CUSTOMER", b"4 LETTER", b"\x00\x00\x00\x00", bytes(8), b"customer number 17"])
def test_ordinary_parameters_of_unknown_type_pass(value: bytes) -> None:
    masked, found = mask_content(MASKER, 0, 1, {}, value)
    assert masked is value and not found


def test_depth_is_bounded() -> None:
    """Nested arrays of composites of … end: beyond a dozen levels a value is searched as text."""
    loop = {1: TypeInfo(1, "x", "loop", "c", fields=(("a", 1),))}
    value = CARD.encode()
    for _ in range(40):
        value = b'("' + value.replace(b"\\", b"\\\\").replace(b'"', b'""') + b'")'
        if len(value) > 100_000:
            break
    masked, found = mask_content(MASKER, 1, 0, loop, value)
    assert found and CARD.encode() not in masked


def test_an_enum_s_label_is_left() -> None:
    types = {7: TypeInfo(7, "x", "e", "e", labels=(CARD,))}
    value = CARD.encode()
    assert mask_content(MASKER, 7, 0, types, value) == (value, 0)
    assert reach(7, 0, types) == "never"
