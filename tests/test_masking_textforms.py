"""Text forms with a grammar: what goes through comes out the same, what changes is quoted right, nothing fails."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.postgres import Server
from twisted_hoop.masking import textforms

SECRET = "4111111111111111"


def json_of(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )


JSON_TEXT = json_of(st.none() | st.booleans() | st.text())
JSON = json_of(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text())
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def same(value: bytes) -> bytes:
    return value


def shout(value: bytes) -> bytes:
    """Changes every value that holds an `e`, to one full of characters that need quoting."""
    return b'"\\{,}()E\n' + value if b"e" in value else value


def shouted(value: Any) -> Any:
    if isinstance(value, str):
        return shout(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    if isinstance(value, list):
        return [shouted(v) for v in value]
    if isinstance(value, dict):
        return {shouted(k): shouted(v) for k, v in value.items()}
    return value


FORMS = (st.booleans(), st.sampled_from([None, 1]))


@given(JSON, *FORMS)
def test_json_that_is_not_changed_is_the_same_object(value: Any, ascii_only: bool, indent: int | None) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    assert textforms.json_text(data, same) is data
    json.loads(textforms.json_text(data, shout).decode("utf-8", "surrogatepass"))  # still JSON


@given(JSON_TEXT, *FORMS)
def test_json_strings_and_keys_are_changed_as_their_values(value: Any, ascii_only: bool, indent: int | None) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    assert json.loads(textforms.json_text(data, shout).decode("utf-8", "surrogatepass")) == shouted(value)


@given(st.binary(max_size=80))
def test_no_form_fails_on_anything(data: bytes) -> None:
    for change in (same, shout):
        textforms.json_text(data, change)
        textforms.array_text(data, change)
        textforms.hstore_text(data, change)
        textforms.xml_text(data, change)
        textforms.composite_text(data, lambda index, value, change=change: change(value))
        textforms.plain_number(data)
    assert textforms.array_text(data, same) == data
    assert textforms.composite_text(data, lambda index, value: value) is data


@pytest.mark.parametrize(
    "text",
    [
        r'"\u0034\u0031\u0031\u0031111111111111"',
        r'{"a": ["4111\u0031\u0031\u0031\u003111111111"]}',
        r'{"4111111111111111": 1}',
        "4111111111111111",
        "[1, 4.111111111111111e15]",
        r'"a \"4111111111111111\" b"',
    ],
)
def test_json_hides_escaped_strings_keys_and_numbers(text: str) -> None:
    """M2: what is hidden behind escapes and exponents, too; the result is JSON."""

    def look(value: bytes) -> bytes:
        return value.replace(SECRET.encode(), b"*****") if SECRET.encode() in value else value

    masked = textforms.json_text(text.encode(), look)
    assert SECRET not in json.dumps(json.loads(masked))
    assert SECRET not in str(json.loads(masked))


def test_json_keeps_lone_surrogates_and_nul() -> None:
    masked = textforms.json_text(rb'"e \ud800 \u0000"', lambda v: v + b"!")
    assert json.loads(masked) == "e \ud800 \0!"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.recursive(TEXTS | st.none(), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=6))
def test_arrays_as_the_server_writes_and_reads_them(shop_connection: psycopg.Connection[Any], value: Any) -> None:
    """M2: {…} written by PostgreSQL, changed, and read by PostgreSQL again."""
    flat = value if isinstance(value, list) and not any(isinstance(v, list) for v in value) else ["e", None, '"', "\\"]
    row = shop_connection.execute("select %s::text[]::text", [flat]).fetchone()
    assert row is not None
    changed = textforms.array_text(row[0].encode(), shout)
    back = shop_connection.execute("select %s::text[]", [changed.decode()]).fetchone()
    assert back == ([shouted(v) for v in flat],)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(TEXTS | st.none(), TEXTS | st.none(), st.integers(0, 9) | st.none())
def test_composites_as_the_server_writes_and_reads_them(
    shop_connection: psycopg.Connection[Any], first: str | None, second: str | None, third: int | None
) -> None:
    """M2: (…) written by PostgreSQL, changed, and read by PostgreSQL again."""
    sql = "select (row(%s, %s, %s)::trio)::text"
    row = shop_connection.execute(sql, [first, second, third]).fetchone()
    assert row is not None
    changed = textforms.composite_text(row[0].encode(), lambda index, value: shout(value))
    sql = "select (v).a, (v).b, (v).c from (select %s::trio as v) s"
    back = shop_connection.execute(sql, [changed.decode()]).fetchone()
    assert back == (shouted(first), shouted(second), third)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.dictionaries(TEXTS, TEXTS | st.none(), max_size=3))
def test_hstores_as_the_server_writes_and_reads_them(
    shop_connection: psycopg.Connection[Any], pairs: dict[str, str | None]
) -> None:
    sql = "select hstore(%s::text[], %s::text[])::text"
    row = shop_connection.execute(sql, [list(pairs), list(pairs.values())]).fetchone()
    assert row is not None
    changed = textforms.hstore_text(row[0].encode(), shout)
    back = shop_connection.execute(
        "select %s::hstore -> %s::text[]", [changed.decode(), shouted(list(pairs))]
    ).fetchone()
    assert back == (shouted(list(pairs.values())),)


@pytest.fixture(scope="module")
def shop_connection(postgres: Server) -> Any:
    dsn = postgres.create_database("masking_forms")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create extension hstore; create type trio as (a text, b text, c int)")
        yield connection


def test_array_dimensions_and_nulls_stay() -> None:
    look = {b"x": b"y"}.get
    data = b'[0:1][2:3]={{x,NULL},{"NULL",""}}'
    assert textforms.array_text(data, lambda v: look(v, v)) == b'[0:1][2:3]={{"y",NULL},{"NULL",""}}'


def test_xml_references_are_resolved_before_a_look() -> None:
    """M2: &#52; is a 4."""
    seen: list[bytes] = []
    data = b"<a>&#52;&#x31;11&lt;&#60;</a>"
    assert textforms.xml_text(data, lambda v: seen.append(v) or v) is data  # type: ignore[func-returns-value]
    assert seen == [b"<a>4111&lt;&#60;</a>"]
    assert textforms.xml_text(data, lambda v: v.replace(b"4111", b"*****")) == b"<a>*****&lt;&#60;</a>"


@pytest.mark.parametrize(
    ("token", "plain"),
    [
        (b"12", b"12"),
        (b"4.111111111111111e15", b"4111111111111111"),
        (b"1E2", b"100"),
        (b"-1.50e1", b"-15"),
        (b"1e400", b"1e400"),
        (b"e", b"e"),
    ],
)
def test_plain_number(token: bytes, plain: bytes) -> None:
    assert textforms.plain_number(token) == plain
