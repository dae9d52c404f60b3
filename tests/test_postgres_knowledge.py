"""How texts read at one target: names, masks over what they touch, guards no rule can lift, a bounded cache."""

from __future__ import annotations

import pytest

from twisted_hoop.postgres import knowledge as module
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.postgres import SHOP, catalogue_of, knowledge_of

CARDS = MaskSection(name="cards", columns=[r".*\.card"])
PATH = ("public",)


def test_a_reading_says_what_it_touches_compares_and_stores() -> None:
    knowledge = knowledge_of([CARDS])
    [read] = knowledge.reading("select name, card from people", PATH).reads
    assert (read.touched, read.compared, read.opaque) == ({"cards"}, frozenset(), False)
    reading = knowledge.reading("select name from people where card = '1'", PATH)
    assert reading.reads[0].compared == {"cards"}
    assert "masked-predicate" in reading.facts[0]["flag"]
    [read] = knowledge.reading("insert into orders select id, card::int from people", PATH).reads
    assert read.stored == {"cards"}
    [read] = knowledge.reading("select id from orders", PATH).reads
    assert not read.touched


def test_facts_name_tables_with_their_schema() -> None:
    assert knowledge_of().reading("select id from people", PATH).facts[0]["table"] == {"public.people"}


def test_m1_what_does_not_parse_is_opaque_and_unknown() -> None:
    """M1: every mask then holds, whatever comes back."""
    reading = knowledge_of([CARDS]).reading("selec 1", PATH)
    assert reading.reads[0].opaque
    assert reading.facts[0]["class"] == {"unknown"}


def test_nothing_at_all_is_a_command_too() -> None:
    reading = knowledge_of().reading(" ; -- nothing", PATH)
    assert reading.reads == ()
    assert reading.facts[0]["kind"] == {"empty"}


@pytest.mark.parametrize(
    "text",
    [
        "set client_encoding = 'SJIS'",
        "set standard_conforming_strings = off",
        "set names 'GBK'",
        "select 1; set client_encoding to latin1",
    ],
)
def test_p16_what_text_means_stays_as_it_is(text: str) -> None:
    """P16: no rule can allow it."""
    guard = knowledge_of().reading(text, PATH).guard
    assert guard is module.ENCODING_GUARD


@pytest.mark.parametrize(
    "text",
    [
        "set default_transaction_read_only = off",
        "begin read write",
        "set transaction read write",
        "set session characteristics as transaction read write",
        "select set_config('transaction_read_only', 'off', false)",
    ],
)
def test_p17_a_read_only_target_stays_read_only(text: str) -> None:
    """P17: the setting at the target is the boundary, so it may not be turned off."""
    assert knowledge_of(read_only=True).reading(text, PATH).guard is module.READ_ONLY_GUARD
    assert knowledge_of().reading(text, PATH).guard is None


def test_readings_are_kept_by_text_and_path() -> None:
    knowledge = knowledge_of()
    first = knowledge.reading("select id from people", PATH)
    assert knowledge.reading("select id from people", PATH) is first
    assert knowledge.reading("select id from people", None) is not first


def test_readings_are_bounded() -> None:
    knowledge = knowledge_of()
    first = knowledge.reading("select 0", PATH)
    for number in range(1, module.READINGS + 1):
        knowledge.reading(f"select {number}", PATH)
    assert knowledge.reading("select 0", PATH) is not first


def test_a5_a_new_catalogue_reads_everything_again() -> None:
    """A5: what a text does is said by the catalogue of now."""
    knowledge = knowledge_of([CARDS])
    before = knowledge.reading("select card from people", PATH)
    knowledge.invalidate()
    assert knowledge.stale
    knowledge.learn(catalogue_of({**SHOP, "public.more": {"card": 25}}))
    assert not knowledge.stale
    assert knowledge.reading("select card from people", PATH) is not before


def test_m7_a_renamed_column_stays_masked() -> None:
    """M7: what was bound once is remembered by its table's OID and attribute number."""
    knowledge = knowledge_of([CARDS])
    renamed = {"public.people": {"id": 23, "name": 25, "harmless": 25}, "public.orders": SHOP["public.orders"]}
    knowledge.learn(catalogue_of(renamed))
    assert knowledge.reading("select harmless from people", PATH).reads[0].touched == {"cards"}


def test_p18_a_text_that_moves_the_path_is_read_without_one() -> None:
    """P18: `people` behind SET search_path may be anybody's."""
    knowledge = knowledge_of(tables={"public.people": {"id": 23}, "hr.people": {"id": 23}})
    reading = knowledge.reading("set search_path = hr; select id from people", PATH)
    assert reading.facts[1]["table"] == {"public.people", "hr.people"}


def test_without_column_masks_nothing_is_traced() -> None:
    assert knowledge_of().reading("select card from people", PATH).reads[0].lineage is None
