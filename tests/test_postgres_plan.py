"""From a RowDescription to a plan: columns by OID and number, expressions by lineage, the rest by every mask (M1)."""

from __future__ import annotations

from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.messages import Field
from twisted_hoop.postgres.plan import column_masks, origin_masks, planned_cell, row_plan
from twisted_hoop.postgres.reading import Read
from twisted_hoop.postgres.rows import COMPUTED, FIXED, SCANNED
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.postgres import FIRST_OID, INT4, TEXT, knowledge_of

CARDS = MaskSection(name="cards", columns=[r".*\.card"])
PARTIAL = MaskSection(name="cards", columns=[r".*\.card"], strategy="partial")
NULLS = MaskSection(name="cards", columns=[r".*\.card"], strategy="null")
FOUND = MaskSection(name="found", detect=["card"])
ALL = frozenset({"cards", "found"})
CARD = Field("anything", FIRST_OID, 3, TEXT, -1, 0)
NAME = Field("card", FIRST_OID, 2, TEXT, -1, 0)
EXPRESSION = Field("upper", 0, 0, TEXT, -1, 0)


def reads(text: str, *masks: MaskSection) -> tuple[Read, ...]:
    return knowledge_of(masks or [CARDS]).reading(text, ("public",)).reads


def test_m1_a_column_is_known_by_its_number_whatever_it_is_called() -> None:
    """M1: an alias hides nothing and unmasks nothing."""
    knowledge = knowledge_of([CARDS])
    assert column_masks((CARD, NAME), reads("select 1, 2"), ALL, knowledge) == [{"cards"}, frozenset()]


def test_m1_an_expression_is_known_by_its_lineage() -> None:
    """M1: position by position; all masks when positions do not fit or nothing is known."""
    knowledge = knowledge_of([CARDS])
    text = "select upper(card), upper(name) from people"
    two = (EXPRESSION, EXPRESSION)
    assert column_masks(two, reads(text), ALL, knowledge) == [{"cards"}, frozenset()]
    assert column_masks((EXPRESSION,), reads(text), ALL, knowledge) == [{"cards"}]
    assert column_masks(two, (), ALL, knowledge) == [{"cards"}, {"cards"}]
    assert origin_masks(reads("selec")[0], 0, 1, knowledge) == {"cards"}


def test_m1_every_candidate_counts() -> None:
    """M1, P10: what one of the statements it may be would need is masked."""
    knowledge = knowledge_of([CARDS])
    both = (*reads("select upper(name) from people"), *reads("select upper(card) from people"))
    assert column_masks((EXPRESSION,), both, ALL, knowledge) == [{"cards"}]


def test_m1_an_unknown_table_gets_every_mask_and_asks_for_a_new_catalogue() -> None:
    """M1: a table made since, or a column added to one."""
    for field in (Field("x", 99999, 1, TEXT, -1, 0), Field("x", FIRST_OID, 9, TEXT, -1, 0)):
        knowledge = knowledge_of([CARDS])
        assert column_masks((field,), reads("select 1"), ALL, knowledge) == [{"cards"}]
        assert knowledge.stale


def test_m1_a_whole_row_is_all_of_its_columns() -> None:
    """M1: attribute number 0 of a table, and system columns, which hold nothing."""
    knowledge = knowledge_of([CARDS])
    assert column_masks((Field("p", FIRST_OID, 0, TEXT, -1, 0),), reads("select 1"), ALL, knowledge) == [{"cards"}]
    assert column_masks((Field("ctid", FIRST_OID, -1, 27, -1, 0),), reads("select 1"), ALL, knowledge) == [frozenset()]


def test_masks_that_do_not_hold_now_do_nothing() -> None:
    knowledge = knowledge_of([CARDS])
    assert column_masks((CARD,), reads("select 1"), frozenset(), knowledge) == [frozenset()]
    assert row_plan((CARD, NAME), reads("select 1"), frozenset(), knowledge) is None


def test_the_plan_of_each_strategy() -> None:
    text = "select card, name from people"
    for section, kind in ((CARDS, FIXED), (NULLS, FIXED), (PARTIAL, COMPUTED)):
        plan = row_plan((CARD, NAME), reads(text, section), ALL, knowledge_of([section]))
        assert plan is not None
        assert (list(plan.index), list(plan.kind)) == ([0], [kind])
        assert plan.fixed == ([b"\xff\xff\xff\xff"] if section is NULLS else plan.fixed)


def test_detectors_scan_what_no_column_mask_covers() -> None:
    knowledge = knowledge_of([CARDS, FOUND])
    plan = row_plan((CARD, NAME, Field("n", FIRST_OID, 1, INT4, -1, 0)), reads("select 1"), ALL, knowledge)
    assert plan is not None
    assert plan.kind[0] == FIXED
    assert SCANNED in plan.kind[1:] or COMPUTED in plan.kind[1:]
    assert plan.might is not None
    assert plan.might(b"card 4111 1111 1111 1111")
    assert not plan.might(b"nothing")


def test_a_cell_with_its_length() -> None:
    knowledge = knowledge_of([CARDS])
    masker = knowledge.maskset.column_masker(ALL, TEXT, -1, 0, {}, False)
    place, kind, cell, function = planned_cell(4, masker)
    assert (place, kind, function) == (4, FIXED, None)
    assert cell is not None
    assert int.from_bytes(cell[:4], "big") == len(cell) - 4
    assert pg.row_description(b"\0\0") == ()
