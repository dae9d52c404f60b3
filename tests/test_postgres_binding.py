"""Parameters, literals and COPY rows on their way in: shown to people, masked, refused or asked about."""

from __future__ import annotations

import pytest

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.asking import query_question
from twisted_hoop.postgres.binding import HIDDEN, InwardMasks, shown_parameters, with_found
from twisted_hoop.postgres.messages import Bind
from twisted_hoop.postgres.registry import Prepared, Registry
from twisted_hoop.postgres.state import Run, State
from twisted_hoop.postgres.wire import Rewriter
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.postgres import TEXT, copy_data, knowledge_of, split

CARD = b"4111 1111 1111 1111"
MASK = MaskSection(name="in", detect=["card"], direction="request", action="mask")
DENY = MaskSection(name="in", detect=["card"], direction="request", action="deny")
ONE_COLUMN = b"\0\0\1\0\0"


def state_of(*masks: MaskSection) -> State:
    names = frozenset(m.name for m in masks)
    state = State(knowledge_of(masks), Registry(10), Rewriter(lambda kind, body: None), lambda: names)
    state.path = ("public",)
    return state


def bound(*values: bytes | None) -> Bind:
    return Bind(b"", b"", values, (0,) * len(values), b"\0\0")


def statement(state: State, text: str, *types: int) -> tuple[Prepared, ...]:
    reading = state.knowledge.reading(text, state.path)
    return (Prepared(b"", text, reading.facts, reading.reads, reading=reading, types=types),)


def copying(state: State, text: str = "copy people (name) from stdin") -> Run:
    reading = state.knowledge.reading(text, state.path)
    return Run(1, tuple((r,) for r in reading.reads), state.masks(), False)


def test_m12_parameters_are_shown_masked_or_hidden() -> None:
    """M12: nobody who approves or audits sees what the mask hides."""
    state = state_of(MaskSection(name="out", detect=["card"]))
    known = statement(state, "select $1", TEXT)
    assert shown_parameters(state, bound(b"plain", None), known, False) == ("plain", None)
    [shown] = shown_parameters(state, bound(CARD), known, False)
    assert shown is not None
    assert "4111 1111" not in shown
    assert shown_parameters(state, bound(CARD, None), known, True) == (HIDDEN, None)
    assert shown_parameters(state, None, known, False) == ()


def test_parameters_are_rewritten_by_a_mask() -> None:
    state = state_of(MASK)
    sent = bound(b"plain", CARD, None)
    changed, found = InwardMasks(state).parameters(sent, statement(state, "select $1", TEXT, TEXT, TEXT))
    assert changed.values[0] == b"plain"
    assert changed.values[1] is not None
    assert CARD not in changed.values[1]
    assert changed.values[2] is None
    assert found == frozenset()


def test_parameters_that_a_mask_denies_are_left_and_reported() -> None:
    state = state_of(DENY)
    sent = bound(CARD)
    kept, found = InwardMasks(state).parameters(sent, statement(state, "select $1", TEXT))
    assert kept.values == sent.values
    assert found == {"in"}


def test_without_masks_a_bind_is_the_same_object() -> None:
    sent = bound(CARD)
    assert InwardMasks(state_of()).parameters(sent, ())[0] is sent


def test_literals_are_reported_never_rewritten() -> None:
    state = state_of(DENY)
    text = f"insert into people (name) values ('{CARD.decode()}')"
    reading = state.knowledge.reading(text, state.path)
    question = InwardMasks(state).literals(query_question(state, reading), reading)
    assert question.command.text == text
    assert question.command.facts[0]["found"] == {"in"}
    plain = state.knowledge.reading("insert into people (name) values ('x')", state.path)
    asked = query_question(state, plain)
    assert InwardMasks(state).literals(asked, plain) is asked


def test_copy_rows_are_masked() -> None:
    state = state_of(MASK)
    inward = InwardMasks(state)
    assert inward.copy_started(copying(state), ONE_COLUMN)
    out, found = inward.copy_rows(copy_data(b"plain\n" + CARD + b"\n"), b"plain\n" + CARD + b"\n")
    rest, _ = inward.copy_rest()
    sent = b"".join(body for _, body in split(out + rest))
    assert sent.startswith(b"plain\n")
    assert CARD not in sent
    assert sent.count(b"\n") == 2
    assert not found


def test_copy_rows_that_are_denied_are_asked_about_until_settled() -> None:
    state = state_of(DENY)
    inward = InwardMasks(state)
    inward.copy_started(copying(state), ONE_COLUMN)
    body = CARD + b"\n"
    assert inward.copy_rows(copy_data(body), body)[1] == {"in"}
    inward.settle()
    assert inward.copy_rows(copy_data(body), body)[1] == frozenset()
    inward.copy_over()
    assert inward.run is None
    assert inward.copy_rows(copy_data(body), body) == (copy_data(body), frozenset())


def test_a_copy_nobody_looks_into_passes_as_it_is() -> None:
    inward = InwardMasks(state_of())
    assert not inward.copy_started(None, ONE_COLUMN)
    assert inward.copy_rows(b"raw", b"body") == (b"raw", frozenset())
    assert inward.copy_rest() == (b"", frozenset())


def test_p7_a_copy_that_was_not_read_beforehand_ends_the_session() -> None:
    """P7: a mask looks at what goes in, and the target began what nobody asked for."""
    state = state_of(DENY)
    with pytest.raises(ProtocolError) as caught:
        InwardMasks(state).copy_started(copying(state, "select 1"), ONE_COLUMN)
    assert caught.value.side == "target"


def test_facts_with_a_find() -> None:
    assert with_found([{"kind": frozenset({"copy"})}], frozenset({"in"}))[0]["found"] == {"in"}
