"""What both directions share: records in order, the search_path while it moves, masks that hold."""

from __future__ import annotations

import pytest

from twisted_hoop.model import Command, Decision, Effect, Entry, Refusal
from twisted_hoop.postgres.letters import EXECUTE, SYNC
from twisted_hoop.postgres.registry import Registry
from twisted_hoop.postgres.state import Expect, Run, State, sqlstate
from twisted_hoop.postgres.wire import Rewriter
from twisted_hoop.steps import Record
from twisted_hoop.testing.postgres import knowledge_of


def make_state(masks: frozenset[str] = frozenset()) -> State:
    return State(knowledge_of(), Registry(10), Rewriter(lambda kind, body: None), lambda: masks)


def test_records_are_taken_once_and_in_order() -> None:
    state = make_state()
    state.record("command", command=1)
    state.record("outcome", command=1)
    assert state.take_records() == [
        Record(Entry("command", {"command": 1})),
        Record(Entry("outcome", {"command": 1})),
    ]
    assert state.take_records() == []


def test_p18_the_path_is_unknown_while_it_may_be_moving() -> None:
    """P18: names are then resolved in every schema."""
    state = make_state()
    state.path = ("public",)
    assert state.names_path() == ("public",)
    state.path_moving = 1
    assert state.names_path() is None


def test_masks_of_the_session_and_of_the_rule_hold_together() -> None:
    state = make_state(frozenset({"cards"}))
    assert state.masking()
    assert not make_state().masking()
    assert state.effective(Decision(Effect.ALLOW, "r", masks=frozenset({"names"}))) == {"cards", "names"}


def test_m1_an_execute_behind_nothing_is_the_next_answer_at_once() -> None:
    """M1: otherwise the rows of a portal's later page came before their plan."""
    state, seen = make_state(), []
    state.activate = seen.append
    first, second = Expect(EXECUTE), Expect(EXECUTE)
    state.execute(first)
    state.execute(second)
    assert seen == [first]
    state.expects.clear()
    state.expects.append(Expect(SYNC))
    state.execute(second)
    assert seen == [first]


def test_a_run_knows_the_candidates_of_the_statement_it_is_at() -> None:
    read = knowledge_of().reading("select 1", None).reads[0]
    run = Run(1, ((read,), ()), frozenset(), False)
    assert run.reads() == (read,)
    run.index = 1
    assert run.reads() == ()
    run.index = 2
    assert run.reads() == ()


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("denied", "42501"),
        ("pending", "42501"),
        ("withdrawn", "57014"),
        ("limited", "53300"),
        ("failed", "58000"),
        ("?", "42501"),
    ],
)
def test_refusals_have_a_sqlstate(code: str, wanted: str) -> None:
    assert sqlstate(Refusal(Command("query", ""), Decision(Effect.DENY, "r"), code, "no")) == wanted
