"""Commands that share a row of the index."""

from __future__ import annotations

from array import array
from typing import Any

from twisted_hoop.archive.blocks import MANY, Block, numbers_of, told
from twisted_hoop.archive.query import Query, parse

ALL = Query()


def block(texts: list[tuple[str, str]], which: list[int]) -> Block:
    ids = array("q", [1000 + 7 * place for place in range(len(which))])
    numbers = array("q", [3 + 2 * place for place in range(len(which))])
    about = {"text": texts[0][0], "cut": False, "who": "alice"}
    return Block("session-0001", ids, numbers, array("q", which), texts, about, ("select",), frozenset({MANY}))


def shown(one: Block, query: Query = ALL) -> list[tuple[int, int, str]]:
    stored: dict[str, Any] = dict(one.stored())
    return [(ident, n, about["text"]) for ident, n, about in told(one.id, one.n, stored, query)]


def test_each_command_is_told_with_its_own_id_number_and_text() -> None:
    one = block([("select 1", ""), ("select 2", "")], [0, 1, 0])
    assert (one.id, one.n) == (1014, 7)
    assert shown(one) == [(1000, 3, "select 1"), (1007, 5, "select 2"), (1014, 7, "select 1")]
    assert list(numbers_of(one.stored(), one.n)) == [3, 5, 7]


def test_only_those_whose_words_are_looked_for() -> None:
    one = block([("select $1", "ada"), ("select $1", "bob"), ("select 2", "ada")], [0, 1, 2, 1])
    assert [n for _, n, _ in shown(one, parse("bob", 0.0))] == [5, 9]
    assert [n for _, n, _ in shown(one, parse('"1 ada"', 0.0))] == [3]
    assert shown(one, parse('"bob 1"', 0.0)) == []


def test_one_command_is_stored_as_it_ever_was() -> None:
    one = block([("select 1", "")], [0])
    assert one.stored() == one.about and list(numbers_of(one.stored(), one.n)) == [3]
    assert shown(one) == [(1000, 3, "select 1")]


def test_what_is_known_is_left_out() -> None:
    one = block([("select 1", ""), ("select 2", "")], [0, 1, 0, 1])
    rest = one.without({3, 7})
    assert rest is not None and shown(rest) == [(1007, 5, "select 2"), (1021, 9, "select 2")]
    last = one.without({3, 5, 7})
    assert last is not None and shown(last) == [(1021, 9, "select 2")]
    assert one.without({1}) is one and one.without({3, 5, 7, 9}) is None
