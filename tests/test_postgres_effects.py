"""What a finished statement changes in the session."""

from __future__ import annotations

import pytest

from twisted_hoop.errors import LimitExceeded
from twisted_hoop.postgres.effects import announce, apply_effects, take_back
from twisted_hoop.postgres.registry import Portal, Prepared, Registry
from twisted_hoop.postgres.state import Run, State
from twisted_hoop.postgres.wire import Rewriter
from twisted_hoop.testing.postgres import knowledge_of

ANY = 7


def sent(state: State, text: str, moves: bool = False) -> Run:
    reads = tuple((r,) for r in state.knowledge.reading(text, None).reads)
    run = Run(1, reads, frozenset(), False, own=reads, moves_path=moves)
    announce(state, run)
    return run


def finished(state: State, text: str, tag: str, moves: bool = False) -> State:
    apply_effects(state, sent(state, text, moves), tag)
    return state


def make_state() -> State:
    state = State(knowledge_of(), Registry(10), Rewriter(lambda kind, body: None), frozenset)
    state.path = ("public",)
    return state


def test_p10_prepare_and_deallocate() -> None:
    """P10: SQL PREPARE makes what Parse makes, under the same names."""
    state = finished(make_state(), "prepare s as delete from people", "PREPARE")
    [prepared] = state.registry.prepared(b"s", ANY)
    assert "delete" in prepared.text
    finished(state, "deallocate s", "DEALLOCATE")
    assert state.registry.prepared(b"s", ANY) == ()
    finished(state, "prepare s as select 1", "PREPARE")
    assert state.registry.prepared(b"s", ANY)[0].text.endswith("select 1")
    finished(state, "deallocate all", "DEALLOCATE ALL")
    assert state.registry.prepared(b"s", ANY) == ()


def test_p10_declare_and_close() -> None:
    """P10: cursors share their names with portals."""
    state = finished(make_state(), "declare c cursor for select card from people", "DECLARE CURSOR")
    [portal] = state.registry.portals(b"c", ANY)
    assert portal.confirmed
    finished(state, "close c", "CLOSE CURSOR")
    assert state.registry.portals(b"c", ANY) == ()
    finished(state, "declare c cursor for select 1", "DECLARE CURSOR")
    finished(state, "close all", "CLOSE CURSOR ALL")
    assert state.registry.portals(b"c", ANY) == ()


def test_p10_a_name_means_what_is_sent_under_it_before_it_is_answered() -> None:
    """P10: and no more when that failed."""
    state = finished(make_state(), "prepare s as select 1", "PREPARE")
    run = sent(state, "prepare s as delete from people")
    assert len(state.registry.prepared(b"s", ANY)) == 2
    take_back(state, run)
    [prepared] = state.registry.prepared(b"s", ANY)
    assert prepared.text.endswith("select 1")


def test_p10_closing_forgets_only_what_came_before() -> None:
    """P10: what was sent behind it under the name is still to come."""
    state = finished(make_state(), "prepare s as select 1", "PREPARE")
    closing = sent(state, "deallocate s")
    making = sent(state, "prepare s as select 2")
    apply_effects(state, closing, "DEALLOCATE")
    [prepared] = state.registry.prepared(b"s", ANY)
    assert prepared.text.endswith("select 2")
    apply_effects(state, making, "PREPARE")
    assert state.registry.prepared(b"s", ANY) == (prepared,)


def test_p19_what_is_too_much_is_not_announced_by_half() -> None:
    """P19: the cap holds for PREPARE and DECLARE too."""
    state = make_state()
    with pytest.raises(LimitExceeded):
        sent(state, ";".join(f"prepare s{n} as select 1" for n in range(11)))
    assert state.registry.prepared(b"s0", ANY) == ()


def test_discard_all_forgets_everything() -> None:
    state = make_state()
    state.registry.prepare(Prepared(b"s", "a", (), ()))
    state.registry.bind(Portal(b"c", ()))
    finished(state, "discard all", "DISCARD ALL")
    assert state.registry.prepared(b"s", ANY) == state.registry.portals(b"c", ANY) == ()


@pytest.mark.parametrize(
    ("text", "changed"), [("create table t (a int)", True), ("alter table people add x int", True), ("select 1", False)]
)
def test_ddl_makes_the_catalogue_old(text: str, changed: bool) -> None:
    assert finished(make_state(), text, "").schema_changed is changed


def test_p18_where_the_path_is_not_reported_it_is_unknown_once_it_may_have_changed() -> None:
    """P18: servers before version 18 do not report search_path."""
    assert finished(make_state(), "set search_path = hr", "SET", moves=True).path is None
    assert finished(make_state(), "begin", "BEGIN", moves=True).path == ("public",)
    state = make_state()
    state.path_reported = True
    assert finished(state, "set search_path = hr", "SET", moves=True).path == ("public",)
