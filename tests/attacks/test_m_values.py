"""Attacks on masked values, carried out against a real server: M2, M3, M4 and M12, as far as masking decides.

How statements are bound to masks (M1) and what a live session does is attacked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import pq
from psycopg.pq import DiagnosticField

from tests.support.masking import read_types, row_proxy
from tests.support.postgres import Server, load_shop
from twisted_hoop.lineage.catalogue import TypeInfo
from twisted_hoop.masking.copyrows import CopyMasker
from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.settings import MaskSection

CARD, SSN, NAME = "4111111111111111", "734-10-1000", "Ada Lovelace"
COLUMN = frozenset({"column"})
CARDS = frozenset({"cards"})
MASKS = MaskSet(
    [MaskSection(name="column", columns=["x"]), MaskSection(name="cards", detect=["card", "ssn"])], b"k" * 32
)


@pytest.fixture(scope="module")
def dsn(postgres: Server) -> str:
    dsn = postgres.create_database("attack_values")
    load_shop(dsn)
    return dsn


@pytest.fixture(scope="module")
def server(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create extension hstore")
        yield connection


FORMS = [
    "card_number", "card_number::bytea", "card_number::int8", "card_number::numeric", "card_number::float8",
    "array[card_number, name]", "array[array[card_number]]", "row(card_number, 1)", "row(row(card_number::int8))",
    "to_json(card_number)", "to_jsonb(c)", "json_build_object(card_number, card_number::int8)",
    "jsonb_build_array(jsonb_build_object('a', array[card_number]))", "array_agg(c) over ()",
    "hstore('k', card_number)", "int8range(card_number::int8, null)", "numrange(0, card_number::numeric)",
    "int8multirange(int8range(0, card_number::int8))", "to_tsvector('simple', card_number)",
    "quote_literal(card_number)", "c",
]  # fmt: skip


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_m2_no_type_or_format_carries_a_card_past_the_detectors(
    postgres: Server, dsn: str, server: psycopg.Connection[Any], form: str, binary: bool
) -> None:
    """M2: binary results, arrays, composites, json, numbers, ranges; drivers decode what is left."""
    types: dict[int, TypeInfo] = read_types(server)
    wire: list[bytes] = []

    def hook(name: str, oid: int, typmod: int, fmt: int, value: bytes) -> bytes | None:
        content = MASKS.content_masker(CARDS, oid, fmt, types)
        wire.append(value if content is None else content(value))
        return wire[-1]

    clear = (CARD.encode(), int(CARD).to_bytes(8, "big"), CARD.encode().hex().encode())
    with row_proxy(postgres.host, postgres.port, hook) as port:
        through = dsn.replace(f"port={postgres.port}", f"port={port}")
        with psycopg.connect(through) as connection, connection.cursor(binary=binary) as cursor:
            rows = cursor.execute(f"select {form} from customers c where id = 1".encode()).fetchall()
    assert len(rows) == len(wire) == 1
    assert not any(secret in wire[0] for secret in clear)
    assert CARD not in repr(rows)


@pytest.mark.parametrize("binary", [False, True])
def test_m2_every_column_replaced_by_a_valid_value(
    postgres: Server, dsn: str, server: psycopg.Connection[Any], binary: bool
) -> None:
    """M2: a column mask on columns of every shape; the driver gets values of the right Python types."""
    types = read_types(server)
    sql = (
        "select 1::int2, 2::int4, 3::int8, 4.5::numeric, 1.5::float4, 'x'::text, 'y'::varchar(3), 'z'::char(4), true,"
        " '2020-02-02'::date, now(), '1 day'::interval, gen_random_uuid(), '{\"a\":1}'::jsonb, '{1,2}'::int4[],"
        " '\\x00'::bytea, '10.0.0.1'::inet, int4range(1, 3), '12:00'::time, 'k=>v'::hstore"
    )

    def hook(name: str, oid: int, typmod: int, fmt: int, value: bytes) -> bytes | None:
        masker = MASKS.column_masker("column", oid, typmod, fmt, types)
        return None if masker.null else masker(value)

    with psycopg.connect(dsn) as direct, direct.cursor(binary=binary) as cursor:
        before = cursor.execute(sql.encode()).fetchone()
    with row_proxy(postgres.host, postgres.port, hook) as port:
        through = dsn.replace(f"port={postgres.port}", f"port={port}")
        with psycopg.connect(through) as connection, connection.cursor(binary=binary) as cursor:
            after = cursor.execute(sql.encode()).fetchone()
    assert before is not None and after is not None
    pairs = list(zip(after, before, strict=True))
    # A hidden json value is a json string, whatever it was.
    assert all(type(new) is (str if isinstance(old, dict) else type(old)) for new, old in pairs)
    assert all(new != old for new, old in pairs)


@pytest.mark.parametrize("size", [1, 2, 3, 17])
@pytest.mark.parametrize("how", ["", "(format csv, header)", "(format binary)"])
def test_m3_a_value_split_over_messages_is_masked(server: psycopg.Connection[Any], how: str, size: int) -> None:
    """M3: the real stream of COPY OUT, cut into messages of a few octets: nothing of it comes through."""
    with server.cursor() as cursor, cursor.copy(f"copy customers to stdout {how}".encode()) as copy:
        data = b"".join(bytes(part) for part in copy)
    assert CARD.encode() in data
    form: Any = "csv" if "csv" in how else "binary" if how else "text"
    options = {"delimiter": ",", "null": "", "header": True} if form == "csv" else {}
    columns = [MASKS.content_masker(CARDS, 25, int(form == "binary"), {}) for _ in range(8)]
    masker = CopyMasker(form, columns, **options)
    out = b"".join(masker.feed(data[i : i + size]) for i in range(0, len(data), size)) + masker.flush()
    cards = [
        row[0].encode() for row in server.execute("select card_number from customers where card_number is not null")
    ]
    assert len(cards) > 10 and not any(card in out for card in cards)
    assert masker.masked >= 2 * len(cards)


LEAKS = [
    "select card_number::int from customers where id = 1",
    "select ssn::int8 from customers where id = 1",
    "select name::int from customers where id = 1",
    "select ('\"\"' || name || '\"\" x')::int from customers where id = 1",
    "select name::date from customers where id = 1",
    "select name::jsonb from customers where id = 1",
    "select name::int[] from customers where id = 1",
    "select name::uuid from customers where id = 1",
    "select name::inet from customers where id = 1",
    "select name::regclass from customers where id = 1",
    "select (name || '.a.b.c.d')::regclass from customers where id = 1",
    "select name::regtype from customers where id = 1",
    "select name::regoper from customers where id = 1",
    "select name::regprocedure from customers where id = 1",
    "select name::regrole from customers where id = 1",
    "select name::tsquery from customers where id = 1",
    "select name::bit from customers where id = 1",
    "select name::jsonpath from customers where id = 1",
    "select name::hstore from customers where id = 1",
    "select to_char(now(), 'x') from customers where name ~ ('(' || name)",
    "select set_config(name, 'x', false) from customers where id = 1",
    "select set_config('datestyle', name, false) from customers where id = 1",
    "select set_config('timezone', name, false) from customers where id = 1",
    "select currval(name) from customers where id = 1",
    "select nextval(card_number::regclass) from customers where id = 1",
    "select encode('x', name) from customers where id = 1",
    "select decode(name, 'hex') from customers where id = 1",
    "select convert_from('x', name) from customers where id = 1",
    "select now() at time zone name from customers where id = 1",
    "select date_trunc(name, now()) from customers where id = 1",
    "select extract(name from now()) from customers, (select 1) s where id = 1",
    "select to_timestamp(name, 'YYYY-MM-DD') from customers where id = 1",
    "select to_number(name, '999') from customers where id = 1",
    "select repeat('x', (card_number::int8 / 100000)::int) from customers where id = 1",
    "select get_byte('a', ascii(card_number)) from customers where id = 1",
    "select lpad('x', 2000000000, card_number) from customers where id = 1",
    "insert into customers select * from customers where id = 1",
    "insert into customers (id, name, email) select 900, null, card_number from customers where id = 1",
    "insert into orders (id, customer_id, total) select 900, substr(card_number, 1, 9)::int, 1 from customers limit 1",
    "update customers set id = 2 where id = 1",
    "insert into events (id, kind, at) select 1, name, '1999-01-01' from customers where id = 1",
    "create domain positive as text check (value = 'x'); select name::positive from customers where id = 1",
    "select json_object(array[name]) from customers where id = 1",
    "select ('{\"a\":' || name || '}')::json from customers where id = 1",
    "select regexp_replace('x', name || '[', '') from customers where id = 1",
    "select format('%' || name, 1) from customers where id = 1",
    "select quote_ident(name)::regnamespace from customers where id = 1",
    "select enum_first(null::mood), name::mood from customers where id = 1",
    "select ts_lexize(name::regdictionary, 'x') from customers where id = 1",
    "select pg_read_file(name) from customers where id = 1",
    "select pg_ls_dir(card_number) from customers where id = 1",
    "select jsonb_path_query('{}', ('strict $.\"' || name || '\"')::jsonpath) from customers where id = 1",
    "select array_fill(1, array[(card_number::int8 / 100000)::int]) from customers where id = 1",
    "do $$ begin raise exception 'the name is %', (select name from customers where id = 1); end $$",
    "do $$ begin raise exception using errcode = '23505', message = (select name from customers where id = 1),"
    " constraint = (select card_number from customers where id = 1),"
    " table = (select ssn from customers where id = 1); end $$",
    "do $$ begin raise exception using errcode = (select substr(card_number, 1, 5) from customers limit 1); end $$",
    "do $$ begin assert false, (select name from customers where id = 1); end $$",
    "do $$ declare n int; begin n := (select name from customers where id = 1); end $$",
    "do $$ begin execute (select name from customers where id = 1); end $$",
]
SECRETS = (CARD, SSN, NAME, "Ada", "Lovelace", "ada.lovelace", "41111", "734-10", "4111")


def wire_fields(result: pq.abc.PGresult) -> list[tuple[int, bytes]]:
    """The fields of the error as they came."""
    found = ((int(field), result.error_field(field)) for field in DiagnosticField)
    return [(kind, value) for kind, value in found if value is not None]


@pytest.mark.parametrize("sql", LEAKS)
def test_m4_errors_of_a_real_server_give_nothing_away(server: psycopg.Connection[Any], sql: str) -> None:
    """M4: casts, constraints, look-ups, RAISE: the error that reaches the client holds no part of a value."""
    server.execute("drop domain if exists positive")
    server.execute("drop type if exists mood; create type mood as enum ('sad')")
    result = server.pgconn.exec_(sql.encode())
    assert result.status == pq.ExecStatus.FATAL_ERROR, "this statement was meant to fail"
    fields = wire_fields(result)
    kept = MASKS.redact_fields(fields, True, COLUMN)
    left = b"\n".join(value for kind, value in kept if chr(kind) not in "FLR").decode()
    assert not [secret for secret in SECRETS if secret in left], left
    assert {chr(kind) for kind, _ in kept} >= set("SVCM")
    if not sql.startswith("do"):
        assert dict(kept)[ord("C")] == dict(fields)[ord("C")]


def test_m4_most_of_these_errors_did_leak(server: psycopg.Connection[Any]) -> None:
    """The list above is no straw man: the server's own errors do hold the values."""
    leaking = 0
    for sql in LEAKS:
        text = b"\n".join(v for _, v in wire_fields(server.pgconn.exec_(sql.encode()))).decode()
        leaking += any(secret in text for secret in SECRETS)
    assert leaking > 30


def test_m4_notices_give_nothing_away(server: psycopg.Connection[Any]) -> None:
    """M4: RAISE NOTICE and WARNING, and the server's own notices."""
    got: list[list[tuple[int, bytes]]] = []

    def notice(diagnostic: Any) -> None:
        fields = ((field, getattr(diagnostic, name)) for name, field in DIAGNOSTIC.items())
        got.append([(int(field), value.encode()) for field, value in fields if value is not None])

    server.add_notice_handler(notice)
    try:
        for level in ("notice", "warning", "info"):
            server.execute(
                f"do $$ begin raise {level} 'name %', (select name from customers where id = 1)"
                " using detail = (select card_number from customers where id = 1); end $$".encode()
            )
        server.execute(
            "do $$ begin execute format('drop table if exists %I', (select name from customers where id = 1)); end $$"
        )
    finally:
        server.remove_notice_handler(notice)
    assert len(got) == 4
    for fields in got:
        assert any(b"Ada" in value for _, value in fields)
        kept = MASKS.redact_fields(fields, True, COLUMN)
        assert not any(secret.encode() in value for secret in SECRETS for _, value in kept)


DIAGNOSTIC = {
    "severity": DiagnosticField.SEVERITY,
    "sqlstate": DiagnosticField.SQLSTATE,
    "message_primary": DiagnosticField.MESSAGE_PRIMARY,
    "message_detail": DiagnosticField.MESSAGE_DETAIL,
    "context": DiagnosticField.CONTEXT,
    "source_file": DiagnosticField.SOURCE_FILE,
}


def test_m4_notification_payloads_are_searched(server: psycopg.Connection[Any]) -> None:
    """M4: NOTIFY carries text of other sessions."""
    server.execute("listen leak")
    server.execute("select pg_notify('leak', card_number || ' ' || ssn) from customers where id = 1")
    payloads = [n.payload.encode() for n in server.notifies(timeout=5, stop_after=1)]
    assert payloads == [f"{CARD} {SSN}".encode()]
    assert MASKS.redact_text(payloads[0], CARDS) == b"***** *****"


def test_m12_what_is_recorded_holds_no_clear_value(server: psycopg.Connection[Any]) -> None:
    """M12: statement texts and parameters, in the form the wire has them."""
    text = f"update customers set card_number = '{CARD}' /* {SSN} */ where card_number = E'{CARD}'"
    recorded = MASKS.for_recording(text)
    assert CARD not in recorded and SSN not in recorded and recorded.startswith("update customers set card_number = '")
    types = read_types(server)
    for sql in ("select $1::text", "select $1::text::int8", "select $1::text::numeric", "select array[$1::text]"):
        for fmt in (0, 1):
            result = server.pgconn.exec_params(sql.encode(), [CARD.encode()], result_format=fmt)
            shown = MASKS.value_for_recording(result.ftype(0), fmt, result.get_value(0, 0), types)
            assert shown is not None and CARD not in shown and CARD.encode().hex() not in shown
