"""Which columns of a COPY are hidden on the way out (M8)."""

from __future__ import annotations

import pytest

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.copying import copy_of, copy_out_masker, copy_types
from twisted_hoop.postgres.reading import Read
from twisted_hoop.postgres.registry import Registry
from twisted_hoop.postgres.state import State
from twisted_hoop.postgres.wire import Rewriter
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.postgres import INT4, TEXT, knowledge_of

CARDS = MaskSection(name="cards", columns=[r".*\.card"])
NAMES = frozenset({"cards"})


def make_state() -> State:
    return State(knowledge_of([CARDS]), Registry(10), Rewriter(lambda kind, body: None), lambda: NAMES)


def reads(state: State, text: str) -> tuple[Read, ...]:
    return state.knowledge.reading(text, ("public",)).reads


def copied(text: str, data: bytes, columns: int, form: int = 0) -> bytes:
    state = make_state()
    masker = copy_out_masker(reads(state, text), NAMES, form, columns, state)
    return data if masker is None else masker.feed(data) + masker.flush()


def test_m8_a_table_a_list_of_columns_and_a_query() -> None:
    """M8: each hides the card, whatever its place."""
    assert copied("copy people to stdout", b"1\tann\t4111\n", 3).split(b"\t")[:2] == [b"1", b"ann"]
    assert b"4111" not in copied("copy people to stdout", b"1\tann\t4111\n", 3)
    assert b"4111" not in copied("copy people (card, id) to stdout", b"4111\t1\n", 2)
    assert b"4111" not in copied("copy (select upper(card), id from people) to stdout (format csv)", b"4111,1\n", 2)


def test_what_needs_no_mask_passes() -> None:
    state = make_state()
    assert copy_out_masker(reads(state, "copy people (id) to stdout"), NAMES, 0, 1, state) is None
    assert copied("copy orders to stdout", b"1\t2\n", 2) == b"1\t2\n"


def test_m8_a_copy_that_does_not_fit_what_was_asked_ends_the_session() -> None:
    """M8: another format, or a COPY that nobody asked for, could not be masked."""
    state = make_state()
    for text, form in (("copy people to stdout", 1), ("select 1", 0)):
        with pytest.raises(ProtocolError) as caught:
            copy_out_masker(reads(state, text), NAMES, form, 3, state)
        assert caught.value.side == "target"


def test_m8_a_column_more_than_expected_is_masked() -> None:
    """M8: positions that do not fit lineage get every mask."""
    assert copied("copy people (id) to stdout", b"1\tx\n", 2) != b"1\tx\n"


def test_types_are_the_tables_own() -> None:
    state = make_state()
    copy = copy_of(reads(state, "copy people (name, id) from stdin"))
    assert copy is not None
    assert copy_types(copy, 3, state.knowledge) == (TEXT, INT4, 0)
    query = copy_of(reads(state, "copy (select 1) to stdout"))
    assert query is not None
    assert copy_types(query, 1, state.knowledge) == (0,)


def test_two_copies_are_none() -> None:
    state = make_state()
    both = (*reads(state, "copy people to stdout"), *reads(state, "copy orders to stdout"))
    assert copy_of(both) is None
