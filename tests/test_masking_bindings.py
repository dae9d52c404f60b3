"""M1, M7: masks follow columns through patterns, views, partitions and renames."""

from __future__ import annotations

import time

import pytest

from tests.support.catalogue import read_catalogue
from tests.support.lineage import CATALOGUE, small_catalogue
from tests.support.model_gateway import MASKS, ModelGateway
from tests.support.model_gateway import Known as Session
from twisted_hoop.lineage.catalogue import Catalogue, Column, ColumnId, Relation
from twisted_hoop.lineage.tracer import Origin
from twisted_hoop.masking.bindings import Bindings
from twisted_hoop.settings import MaskSection

CARD = MaskSection(name="card", columns=["people.card"])
SSN = MaskSection(name="ssn", columns=[r"public\.people\.ssn"])
BOTH = frozenset(("card", "ssn"))


def _id(catalogue: Catalogue, table: str, column: str) -> ColumnId:
    relation = catalogue.by_name[table][0]
    return relation.oid, next(c.number for c in relation.columns if c.name == column)


def _bound(bindings: Bindings, catalogue: Catalogue, name: str) -> frozenset[str]:
    return bindings.masks_of(_id(catalogue, *name.split(".")))


@pytest.mark.parametrize(
    ("pattern", "bound"),
    [
        ("public.people.card", True),
        ("people.card", True),
        ("card", False),
        (r".*\.card", True),
        (r"people\..*", True),
        (r"ople\.card", False),
        ("PEOPLE.CARD", False),
        (r"other\.people\.card", False),
    ],
)
def test_patterns_match_the_whole_name_with_or_without_schema(pattern: str, bound: bool) -> None:
    bindings = Bindings([MaskSection(name="m", columns=[pattern])], CATALOGUE)
    assert bool(_bound(bindings, CATALOGUE, "people.card")) is bound


@pytest.mark.parametrize(
    ("name", "masks"),
    [
        ("people.card", {"card"}),
        ("people.ssn", {"ssn"}),
        ("people.name", set()),
        ("cards.number", {"card"}),
        ("cards.owner", set()),
        ("cards2.b", {"card"}),
        ("loop1.x", BOTH),
        ("broken.x", BOTH),
        ("blind.x", BOTH),
        ("pg_stats.most_common_vals", BOTH),
        ("pg_stats.tablename", set()),
        ("pg_stat_activity.query", BOTH),
        ("made.odd", BOTH),
        ("made.last4", set()),
    ],
)
def test_M1_M6_what_shows_a_masked_column_is_bound(name: str, masks: set[str]) -> None:
    assert _bound(Bindings([CARD, SSN], CATALOGUE), CATALOGUE, name) == masks


def test_generated_columns_follow() -> None:
    bindings = Bindings([MaskSection(name="m", columns=["made.card"])], CATALOGUE)
    assert _bound(bindings, CATALOGUE, "made.last4") == {"m"}


def test_whole_rows_have_every_mask_of_the_table() -> None:
    bindings = Bindings([CARD, SSN], CATALOGUE)
    assert bindings.masks_of((CATALOGUE.by_name["people"][0].oid, 0)) == BOTH
    assert not bindings.masks_of((CATALOGUE.by_name["notes"][0].oid, 0))


def test_origins() -> None:
    bindings = Bindings([CARD, SSN], CATALOGUE)
    card, name = _id(CATALOGUE, "people", "card"), _id(CATALOGUE, "people", "name")
    assert bindings.masks_of_origin(Origin(frozenset((card, name)))) == {"card"}
    assert bindings.masks_of_origin(Origin(frozenset((name,)))) == frozenset()
    assert bindings.masks_of_origin(Origin(frozenset(), "why")) == BOTH
    assert bindings.known(card[0])
    assert not bindings.known(5)


FAMILY = [
    Relation(1, "public", "top", "p", (Column(1, "id", 23), Column(2, "pin", 25))),
    Relation(2, "public", "left", "r", (Column(1, "pin", 25), Column(3, "id", 23)), parents=(1,)),
    Relation(3, "public", "right", "p", (Column(1, "id", 23), Column(2, "pin", 25)), parents=(1,)),
    Relation(4, "public", "leaf", "r", (Column(5, "pin", 25), Column(6, "own", 25)), parents=(3,)),
    Relation(5, "public", "apart", "r", (Column(1, "pin", 25),)),
]


@pytest.mark.parametrize("table", ["top", "left", "right", "leaf"])
def test_M1_families_share_masks_by_column_name(table: str) -> None:
    """Up, down and sideways: reading any of them can show rows of the others."""
    catalogue = small_catalogue(FAMILY)
    bindings = Bindings([MaskSection(name="pin", columns=[f"{table}.pin"])], catalogue)
    assert [_bound(bindings, catalogue, f"{t}.pin") for t in ("top", "left", "right", "leaf")] == [{"pin"}] * 4
    assert not _bound(bindings, catalogue, "leaf.own")
    assert not _bound(bindings, catalogue, "apart.pin")


def _renamed(column: str, table: str = "people") -> Catalogue:
    before = CATALOGUE.by_name["people"][0]
    columns = tuple(Column(c.number, column if c.name == "card" else c.name, 25) for c in before.columns)
    return small_catalogue([Relation(before.oid, "public", table, "r", columns)])


def test_M1_a_rename_does_not_unmask() -> None:
    first = Bindings([CARD], CATALOGUE)
    after = _renamed("innocent", "innocents")
    second = Bindings([CARD], after, first.to_remember())
    assert _bound(second, after, "innocents.innocent") == {"card"}
    assert not _bound(Bindings([CARD], after), after, "innocents.innocent")
    third = Bindings([CARD], after, second.to_remember())
    assert _bound(third, after, "innocents.innocent") == {"card"}


def test_what_is_gone_is_forgotten() -> None:
    remembered = Bindings([CARD], CATALOGUE).to_remember() | {("card", 999, 1), ("card", 20001, 99), ("old", 20001, 2)}
    again = Bindings([CARD], CATALOGUE, remembered)
    assert {(oid, number) for _, oid, number in again.to_remember()} == {_id(CATALOGUE, "people", "card")}


def test_without_patterns_nothing_is_bound() -> None:
    bindings = Bindings([MaskSection(name="found", detect=["card"])], CATALOGUE)
    assert not bindings.masks_of(_id(CATALOGUE, "blind", "x"))
    assert bindings.to_remember() == frozenset()


def test_the_shop(shop: str) -> None:
    catalogue = read_catalogue(shop)
    bindings = Bindings(MASKS, catalogue)
    assert _bound(bindings, catalogue, "customer_cards.number") == {"card"}
    assert _bound(bindings, catalogue, "customer_cards.ssn_text") == {"ssn"}
    assert _bound(bindings, catalogue, "customer_totals.card") == {"card"}
    assert not _bound(bindings, catalogue, "customer_totals.total")


def test_M1_a_rename_on_a_real_server(shop: str) -> None:
    """The session that renames, and swaps names, still sees no card number."""
    gateway = ModelGateway(shop, Session(read_catalogue(shop)))
    for sql in (
        "alter table customers rename column card_number to city2",
        "alter table customers rename column city to card_number",
        "alter table customers rename to innocents",
        "select city2, upper(city2), i from innocents i",
    ):
        gateway.run(sql)
    assert not [text for text in gateway.close().visible if "4111" in text]


def test_large_catalogues_are_bound_quickly() -> None:
    tables = [
        Relation(n, "public", f"t{n}", "r", tuple(Column(i, f"c{i}", 25) for i in range(1, 21)))
        for n in range(30000, 31000)
    ]
    catalogue = small_catalogue(tables)
    start = time.process_time()
    Bindings([CARD, SSN, *MASKS], catalogue)
    assert time.process_time() - start < 2.0
