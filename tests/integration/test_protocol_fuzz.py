"""Random sequences of protocol messages, sent directly and through the gateway: the answers must be the same.

As somebody without masks, whom a rule allows even what is not understood, every byte of every answer is equal, but for
the texts of errors. As somebody with masks no masked value is in any answer (M1, M3, P7, P10, P11).
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.support import raw_client as raw
from tests.support.gateway import token_of
from tests.support.raw_client import RawClient

SEEDS = range(50)
STATEMENTS = (
    "select id, card_number, ssn from customers order by id",
    "select card_number from customers order by id desc",
    "select upper(card_number), id from customers order by id",
    "select c from customers c order by id",
    "select $1::text as given, card_number from customers order by id",
    "select id, total from orders order by id limit 30",
    "select name, card_number from customers where id = $1::int",
    "select 1/0",
    "select 1 where false",
    "select",
    "",
    "begin",
    "commit",
    "rollback",
    "savepoint s",
    "rollback to s",
    "declare c cursor for select card_number, id from customers order by id",
    "declare h cursor with hold for select ssn from customers order by id",
    "fetch 3 from c",
    "fetch 2 from h",
    "move 1 in c",
    "close c",
    "close all",
    "prepare p as select ssn, id from customers order by id limit 4",
    "prepare a as select ssn from customers order by id limit 2",
    "execute p",
    "execute a",
    "deallocate p",
    "deallocate all",
    "copy (select card_number, id from customers order by id limit 5) to stdout",
    "explain (costs off) select 1",
    "table customer_cards",
    "create temp table if not exists fuzzed (id int)",
    "insert into fuzzed values (7) returning id",
    "set search_path = public",
    "nothing that parses",
)
SIMPLE = (
    "select ssn from customers order by id limit 2; select 1; select card_number from customers order by id limit 2",
    "begin; select ssn from customers limit 1; select 1/0; commit",
    "insert into fuzzed values (1); select count(*) from fuzzed",
)
SECRETS = (b"4111111111111111", b"5555555555554444", b"734-10-1000", b"735-11-1173", b"378282246310005")
NAMES, PORTALS = ("", "a", "b"), ("", "x", "y")


def conversation(seed: int, syncs_inside: bool) -> list[tuple[bytes, int]]:
    """Turns of a client: (bytes, how many ReadyForQuery must come).

    With a Sync inside a turn the gateway may refuse to execute a portal of which the target has not told yet whether
    there is one; without, nothing differs.
    """
    chance = random.Random(seed * 7919 + 1)
    turns = []
    for _ in range(chance.randint(3, 9)):
        if chance.random() < 0.25:
            turns.append((raw.query(chance.choice(STATEMENTS + SIMPLE)), 1))
            continue
        pieces, syncs = b"", 0
        for _ in range(chance.randint(1, 12)):
            piece = extended(chance)
            if piece != raw.SYNC or syncs_inside:
                pieces += piece
                syncs += piece == raw.SYNC
        turns.append((pieces + raw.SYNC, syncs + 1))
    return turns


def extended(chance: random.Random) -> bytes:
    """One message, or the usual four."""
    name, portal = chance.choice(NAMES), chance.choice(PORTALS)
    sql = chance.choice(STATEMENTS)
    values = ("1",) if "$1" in sql else ()
    rows = chance.choice((0, 1, 2, 7))
    given: tuple[bytes, ...] = (
        raw.parse(name, sql),
        raw.bind(portal, name, values, chance.choice((0, 0, 1))),
        raw.describe("P", portal),
        raw.describe("S", name),
        raw.execute(portal, rows),
        raw.execute(portal, rows) + raw.execute(portal, rows),
        raw.close("S", name),
        raw.close("P", portal),
        raw.FLUSH,
        raw.SYNC,
    )
    whole = raw.parse(name, sql) + raw.bind(portal, name, values, chance.choice((0, 1)))
    whole += raw.describe("P", portal) if chance.random() < 0.5 else b""
    return whole + raw.execute(portal, rows) if chance.random() < 0.55 else chance.choice(given)


def talk(client: RawClient, seed: int, syncs_inside: bool = False) -> list[tuple[str, Any]]:
    """Everything a client is answered; the connection must live to the end."""
    chance = random.Random(seed)
    heard: list[tuple[str, Any]] = []
    for turn, readies in conversation(seed, syncs_inside):
        client.send(turn, *(chance.randrange(1, len(turn)) for _ in range(chance.choice((0, 0, 1, 4)))))
        heard += client.answers(readies)
    client.send(raw.query("rollback") + raw.query("select 'alive'"))
    last = list(client.answers(2))
    assert any(b"alive" in body for _, body in last), last
    client.send(raw.message("X"))
    client.wire.close()
    return heard


def direct(house: House) -> RawClient:
    return raw.connect(house.server.host, house.server.port, house.database, LOGIN, PASSWORD)


def through(house: House, who: str) -> RawClient:
    return raw.connect("127.0.0.1", house.gateway.ports["pg"], "shop", "x", token_of(who))


def compared(heard: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Errors by their SQLSTATE, everything else as it is."""
    return [(kind, raw.sqlstate(body) if kind == "E" else body) for kind, body in heard]


@pytest.mark.parametrize("seed", SEEDS)
def test_P7_P11_every_answer_is_as_on_a_direct_connection(house: House, seed: int) -> None:
    expected = compared(talk(direct(house), seed))
    assert compared(talk(through(house, "bob"), seed)) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_M1_P10_no_sequence_of_messages_shows_a_masked_value(house: House, seed: int) -> None:
    heard = talk(through(house, "ci"), seed, True)
    shown = b"".join(body for _, body in heard)
    assert not [secret for secret in SECRETS if secret in shown]
    turns = conversation(seed, True)
    assert [kind for kind, _ in heard].count(raw.READY) == sum(readies for _, readies in turns)


@pytest.mark.parametrize("who", ["bob", "ci"])
def test_P10_statements_that_execute_themselves_end_nothing(house: House, who: str) -> None:
    """A circle, and a chain longer than anybody needs: an error, and the session goes on."""
    client = through(house, who)
    chain = b"".join(raw.parse(f"s{n}", f"execute s{n + 1}") for n in range(300, 0, -1))
    for turn in (raw.parse("a", "execute a") + raw.bind("", "a") + raw.execute(""), chain + raw.bind("", "s1")):
        client.send(turn + raw.execute("") + raw.SYNC)
        assert "E" in [kind for kind, _ in client.answers(1)]
    client.send(raw.query("execute a") + raw.query("select 'alive'"))
    assert b"alive" in b"".join(body for _, body in client.answers(2))


def test_M1_later_pages_of_interleaved_portals_are_masked(house: House) -> None:
    """Portals executed page by page, with Sync, with Flush, and with other statements in between."""
    client = through(house, "ci")
    client.send(raw.query("begin"))
    list(client.answers(1))
    masked, open_ = "select card_number from customers order by id", "select name from customers order by id"
    opened = raw.parse("m", masked) + raw.bind("m", "m") + raw.parse("o", open_) + raw.bind("o", "o") + raw.SYNC
    client.send(opened)
    assert [kind for kind, _ in client.answers(1)] == ["1", "2", "1", "2", "Z"]
    for ending in (raw.SYNC, raw.FLUSH, raw.SYNC):
        for portal, rows in (("m", 3), ("o", 2), ("m", 1), ("m", 2)):
            client.send(raw.execute(portal, rows) + ending)
            answer = client.until("s")
            if ending == raw.SYNC:
                client.until("Z")
            cells = [body[6:] for kind, body in answer if kind == "D"]
            assert len(cells) == rows
            assert all(cell.startswith(b"*****") for cell in cells) == (portal == "m"), cells
        client.send(raw.query("select 1") if ending == raw.SYNC else raw.SYNC)
        list(client.answers(1))
