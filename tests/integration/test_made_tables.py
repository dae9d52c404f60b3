"""Tables made and read within one transaction, under column masks: an ordinary answer, and no way around a mask."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import House

Connection = psycopg.Connection[Any]
CARDS = "4111111111111111"


@pytest.fixture(params=["simple", "extended"])
def connection(house: House, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """In a transaction that is rolled back."""
    kind = psycopg.ClientCursor if request.param == "simple" else psycopg.Cursor
    with psycopg.connect(house.dsn(), cursor_factory=kind) as connected:
        connected.prepare_threshold = 0
        yield connected
        connected.rollback()


def rows(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


@pytest.mark.parametrize("kind", ["temp table", "table"])
def test_what_went_in_comes_out(connection: Connection, kind: str) -> None:
    name = f"made_{uuid.uuid4().hex[:8]}"
    connection.execute(f"create {kind} {name} (a int, b text)")
    connection.execute(f"insert into {name} values (%s, %s), (2, 'y')", (1, "x"))
    assert rows(connection, f"select * from {name} order by a") == [(1, "x"), (2, "y")]
    assert rows(connection, f"select b || '!', count(*) from {name} where a = 1 group by b") == [("x!", 1)]
    assert rows(connection, f"update {name} set b = 'z' where a = 2 returning *") == [(2, "z")]
    with connection.cursor().copy(f"copy {name} to stdout") as copy:
        assert b"".join(map(bytes, copy)) == b"1\tx\n2\tz\n"
    connection.execute("savepoint before")
    connection.execute(f"create temp table again_{name} as select a, b as c from {name}")
    assert rows(connection, f"select c from again_{name} order by a") == [("x",), ("z",)]
    connection.execute("rollback to before")
    assert rows(connection, f"select {name}.b, customers.name from {name} join customers on id = a order by a") == [
        ("x", "Ada Lovelace"),
        ("z", "Grace Thompson"),
    ]


def test_M1_a_column_whose_name_a_mask_matches_is_masked_at_once(connection: Connection) -> None:
    """M1: cards of a table that nobody has read from the catalogue yet."""
    connection.execute("create temp table fresh (id int, card_number text)")
    connection.execute(f"insert into fresh values (1, '{CARDS}')")
    for sql in ("select * from fresh", "select 1, card_number from fresh", "select 1, upper(card_number) from fresh"):
        (row,) = rows(connection, sql)
        assert row[0] == 1 and "11111111" not in row[1]
    assert CARDS not in str(rows(connection, "select fresh from fresh"))


@pytest.mark.parametrize(
    "sql",
    [
        "insert into fresh select id, card_number from customers",
        "update fresh set note = (select card_number from customers limit 1)",
        "create temp table other as select card_number as note from customers",
        "alter table customers inherit fresh; alter table fresh inherit customers",
        "with w as (insert into fresh select id, card_number from customers returning *) select * from w",
    ],
)
def test_M7_masked_values_do_not_get_into_such_a_table(connection: Connection, sql: str) -> None:
    """M7: a new table is no place to carry them to."""
    connection.execute("create temp table fresh (id int, note text)")
    with pytest.raises(psycopg.Error):
        connection.execute(sql)


def test_M1_a_new_table_that_hides_a_masked_one_unmasks_nothing(connection: Connection) -> None:
    """M1: by the same name; either may be meant, so what is masked in one is masked in both."""
    connection.execute("create temp table customers (id int, ssn text, card_number text)")
    shown = rows(connection, "select * from public.customers order by 1 limit 1")
    assert CARDS not in str(shown) and "734-10-1000" not in str(shown)
    connection.execute("drop table pg_temp.customers")
    shown = rows(connection, "select id, card_number, ssn, customers from customers order by 1 limit 3")
    assert CARDS not in str(shown) and "734-10-1000" not in str(shown)


def test_a_table_made_like_a_masked_one_stays_masked(connection: Connection) -> None:
    connection.execute("create temp table alike (like customers)")
    connection.execute(
        f"insert into alike (id, name, email, card_number, created) values (1, 'n', 'e', '{CARDS}', now())"
    )
    assert CARDS not in str(rows(connection, "select * from alike"))


def test_an_error_about_the_text_itself_names_what_is_wrong_with_it(connection: Connection) -> None:
    """Before a row is looked at nothing can be told of one; a program must learn which name it got wrong."""
    for sql, told in (
        ("select nme, card_number from customers", 'column "nme" does not exist'),
        ("select * from custmers", 'relation "custmers" does not exist'),
        ("select card_number from customers wher id = 1", 'Not understood: syntax error at or near "id"'),
        ("select no_such(card_number) from customers", "no_such"),
    ):
        with pytest.raises(psycopg.Error) as raised:
            connection.execute(sql)
        connection.rollback()
        assert told in str(raised.value)


def test_M4_an_error_of_a_value_still_hides_it(connection: Connection) -> None:
    """M4."""
    with pytest.raises(psycopg.Error) as raised:
        connection.execute("select card_number::date from customers")
    assert CARDS not in str(raised.value)
