"""COPY FROM STDIN in every order of messages a client may choose, compared with a direct connection.

As three people: without masks, with masks on columns, and with a mask that looks into every row that goes in.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.support import raw_client as raw
from tests.support.gateway import token_of
from tests.support.raw_client import FLUSH, SYNC, RawClient, bind, execute, message, parse, query

COPY = "copy copied from stdin"
EXTENDED = parse("", COPY) + bind("", "") + execute("")


def row(number: int) -> bytes:
    """A row in two CopyData messages, cut in the middle."""
    return message("d", f"{number}\trow ".encode()) + message("d", b"of many\n")


DONE, FAIL = message("c"), message("f", b"enough\0")
ALIVE = (query("select count(*), sum(id) from copied"), 1)

CASES: dict[str, list[tuple[bytes, int]]] = {
    "simple": [(query(COPY) + row(1) + row(2) + DONE, 1)],
    "simple, in turns": [(query(COPY), 0), (row(1), 0), (row(2) + DONE, 1)],
    "given up": [(query(COPY) + row(1) + FAIL, 1)],
    "nothing": [(query(COPY) + DONE, 1)],
    "a bad row": [(query(COPY) + row(1) + message("d", b"bad\n") + row(2) + DONE, 1)],
    "a bad row, then silence": [(query(COPY) + message("d", b"x\tbad\n"), 0), (row(2) + DONE, 1)],
    "no such table": [(query("copy no_such_table from stdin") + row(1) + DONE, 1)],
    "two of them": [(query(f"{COPY}; {COPY}; select 7") + row(1) + DONE + row(2) + DONE, 1)],
    "two of them, the first fails": [(query(f"{COPY}; {COPY}") + FAIL, 1)],
    "behind another": [(query("select 1") + query(COPY) + row(1) + DONE + query("select 2"), 3)],
    "extended": [(EXTENDED + row(1) + DONE + SYNC, 1)],
    "extended, a Sync at once": [(EXTENDED + SYNC + row(1) + row(2) + DONE + SYNC, 1)],
    "extended, Syncs in between": [(EXTENDED + SYNC + row(1) + SYNC + row(2) + FLUSH + DONE + SYNC, 1)],
    "extended, flushed": [(EXTENDED + FLUSH, 0), (row(1) + DONE, 0), (SYNC, 1)],
    "extended, given up": [(EXTENDED + SYNC + row(1) + FAIL + SYNC, 1)],
    "extended, a bad row": [(EXTENDED + row(1) + message("d", b"bad\n") + row(2) + DONE + SYNC, 1)],
    "extended, a bad row behind a Sync": [(EXTENDED + SYNC + message("d", b"bad\n") + row(2) + DONE + SYNC, 1)],
    "extended, two of them": [(EXTENDED + row(1) + DONE + EXTENDED + row(2) + DONE + SYNC, 1)],
    "extended, then a query": [(EXTENDED + row(1) + DONE + SYNC + query("select 3"), 2)],
    "in a transaction": [(query("begin") + query(COPY) + row(1) + FAIL + query("select 1") + query("rollback"), 4)],
    "csv": [(query(f"{COPY} (format csv)") + message("d", b'1,"a ""quoted"" row\nin two lines"\n2,\n') + DONE, 1)],
    "the end marked": [(query(COPY) + row(1) + message("d", b"\\.\n") + DONE, 1)],
    "no last newline": [(query(COPY) + row(1) + message("d", b"2\tcut") + DONE, 1)],
    "stray rows": [(row(1) + DONE + query("select 4"), 1)],
}


def talk(client: RawClient, case: str) -> list[tuple[str, Any]]:
    client.send(query("create temp table copied (id int, text text)"))
    assert [kind for kind, _ in client.answers(1)] == ["C", "Z"]
    heard: list[tuple[str, Any]] = []
    for turn, readies in [*CASES[case], ALIVE]:
        client.send(turn)
        heard += client.answers(readies)
    client.wire.close()
    return [(kind, raw.sqlstate(body) if kind == "E" else body) for kind, body in heard]


@pytest.mark.parametrize("who", ["bob", "ci", "olga"])
@pytest.mark.parametrize("case", CASES)
def test_P11_P15_copy_in_any_order(house: House, case: str, who: str) -> None:
    expected = talk(raw.connect(house.server.host, house.server.port, house.database, LOGIN, PASSWORD), case)
    port = house.gateway.ports["pg"]
    assert talk(raw.connect("127.0.0.1", port, "shop", "x", token_of(who)), case) == expected


@pytest.mark.parametrize("case", ["simple", "extended", "extended, a Sync at once", "extended, flushed"])
def test_a_row_that_is_refused_ends_only_the_copy(house: House, case: str) -> None:
    """The card stands in one row, cut over two messages; nothing of the COPY stays, and the session goes on."""
    card = message("d", b"3\tcard 41111111") + message("d", b"11111111 of Ada\n")
    client = raw.connect("127.0.0.1", house.gateway.ports["pg"], "shop", "x", token_of("olga"))
    client.send(query("create temp table copied (id int, text text)"))
    list(client.answers(1))
    heard = []
    for turn, readies in CASES[case]:
        client.send(turn.replace(row(1), row(1) + card))
        heard += client.answers(readies)
    assert "42501" in [raw.sqlstate(body) for kind, body in heard if kind == "E"]
    client.send(ALIVE[0])
    counted = [body for kind, body in client.answers(1) if kind == "D"]
    assert counted == [b"\0\x02\0\0\0\x010\xff\xff\xff\xff"]
