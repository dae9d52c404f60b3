"""Binary forms: values built by PostgreSQL are walked, changed, and read by it again; anything else is refused."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import pq

from tests.support.postgres import Server
from twisted_hoop.masking import binaryforms

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=6)


@pytest.fixture(scope="module")
def server(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    dsn = postgres.create_database("masking_binary")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create extension hstore; create type trio as (a text, b int[], c text)")
        yield connection


def binary(connection: psycopg.Connection[Any], sql: str, *parameters: str | None) -> bytes:
    values = [None if p is None else p.encode() for p in parameters]
    result = connection.pgconn.exec_params(sql.encode(), values, result_format=1)
    assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
    value = result.get_value(0, 0)
    assert value is not None
    return value


def text_of(connection: psycopg.Connection[Any], type_name: str, value: bytes) -> str:
    result = connection.pgconn.exec_params(f"select ($1::{type_name})::text".encode(), [value], param_formats=[1])
    assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
    return (result.get_value(0, 0) or b"").decode()


def test_arrays(server: psycopg.Connection[Any]) -> None:
    data = binary(server, "select '[2:3][1:2]={{a,NULL},{ccc,a}}'::text[]")
    seen: list[tuple[int, bytes]] = []

    def look(oid: int, value: bytes) -> bytes:
        seen.append((oid, value))
        return b"longer" if value == b"a" else value

    assert text_of(server, "text[]", binaryforms.array_binary(data, look)) == "[2:3][1:2]={{longer,NULL},{ccc,longer}}"
    assert seen == [(25, b"a"), (25, b"ccc"), (25, b"a")]
    assert binaryforms.array_binary(data, lambda oid, value: value) is data
    empty = binary(server, "select '{}'::text[]")
    assert binaryforms.array_binary(empty, look) is empty


def test_composites(server: psycopg.Connection[Any]) -> None:
    data = binary(server, "select row('a', '{1,2}', null)::trio")
    seen: list[int] = []

    def look(oid: int, value: bytes) -> bytes:
        seen.append(oid)
        return b"longer" if oid == 25 else value

    assert text_of(server, "trio", binaryforms.composite_binary(data, look)) == '(longer,"{1,2}",)'
    assert seen == [25, 1007]


def test_hstores(server: psycopg.Connection[Any]) -> None:
    data = binary(server, "select 'a=>1, b=>NULL'::hstore")
    changed = binaryforms.hstore_binary(data, lambda v: b"xyz" if v == b"1" else v)
    assert text_of(server, "hstore", changed) == '"a"=>"xyz", "b"=>NULL'


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NUMBERS)
def test_numerics_are_read_as_the_server_wrote_them(server: psycopg.Connection[Any], number: Decimal) -> None:
    data = binary(server, "select $1::numeric", str(number))
    assert Decimal(binaryforms.numeric_text(data).decode()) == number


@pytest.mark.parametrize(("sql", "text"), [("NaN", b""), ("Infinity", b""), ("0", b"0"), ("1e20", b"1" + b"0" * 20)])
def test_odd_numerics(server: psycopg.Connection[Any], sql: str, text: bytes) -> None:
    assert binaryforms.numeric_text(binary(server, "select $1::numeric", sql)) == text


@pytest.mark.parametrize("number", ["4111111111111111", "-2.5", "1e300", "NaN", "Infinity", "0"])
def test_floats(server: psycopg.Connection[Any], number: str) -> None:
    got = binaryforms.float_text(binary(server, "select $1::float8", number))
    assert float(got) == pytest.approx(float(number), nan_ok=True)
    assert b"e" not in got or abs(float(number)) >= 1e40
    assert float(binaryforms.float_text(binary(server, "select 16777216::float4"))) == 16777216


def test_ranges(server: psycopg.Connection[Any]) -> None:
    for sql, bounds in (("empty", []), ("(,)", []), ("[1,5)", [1, 5]), ("(,7)", [7]), ("[3,)", [3])):
        data = binary(server, "select $1::int8range", sql)
        assert [int(binaryforms.integer_text(b)) for b in binaryforms.range_bounds(data)] == bounds
    data = binary(server, "select '{[1,2),[5,)}'::int8multirange")
    assert [int(binaryforms.integer_text(b)) for b in binaryforms.multirange_bounds(data)] == [1, 2, 5]


def test_integers() -> None:
    assert binaryforms.integer_text(struct.pack(">q", -5)) == b"-5"
    assert binaryforms.integer_text(b"\xff\xff\xff\xff", signed=False) == b"4294967295"


@given(
    st.binary(max_size=80)
    | st.tuples(st.integers(0, 3), st.binary(max_size=40)).map(lambda t: struct.pack(">i", t[0]) + t[1])
)
def test_a_value_or_value_error_and_never_anything_else(data: bytes) -> None:
    for walk in (
        lambda: binaryforms.array_binary(data, lambda oid, value: value + b"!"),
        lambda: binaryforms.composite_binary(data, lambda oid, value: value + b"!"),
        lambda: binaryforms.hstore_binary(data, lambda value: value + b"!"),
        lambda: b"".join(binaryforms.range_bounds(data)),
        lambda: b"".join(binaryforms.multirange_bounds(data)),
        lambda: binaryforms.numeric_text(data),
        lambda: binaryforms.float_text(data),
    ):
        with contextlib.suppress(ValueError):
            assert isinstance(walk(), bytes)


def test_a_huge_count_ends_at_the_end_of_the_data() -> None:
    """A hostile target: 2^31 - 1 elements in twenty octets."""
    data = struct.pack(">iiiii", 1, 0, 25, 2**31 - 1, 1)
    with pytest.raises(ValueError):
        binaryforms.array_binary(data, lambda oid, value: value)
    many = struct.pack(">iii", 6, 0, 25) + struct.pack(">ii", 2**31 - 1, 1) * 6
    with pytest.raises(ValueError):
        binaryforms.array_binary(many, lambda oid, value: value)
