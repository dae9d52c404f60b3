"""What a session knows of tables its open transaction made."""

from __future__ import annotations

from twisted_hoop.postgres.creations import TABLES, forget_made, know_made
from twisted_hoop.postgres.effects import apply_effects
from twisted_hoop.postgres.registry import Registry
from twisted_hoop.postgres.state import Run, State
from twisted_hoop.postgres.wire import Rewriter
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.postgres import SHOP, catalogue_of, knowledge_of

CARDS = MaskSection(name="cards", columns=[r".*\.card"])


def make_state(path: tuple[str, ...] | None = ("nobody", "public")) -> State:
    state = State(knowledge_of([CARDS]), Registry(10), Rewriter(lambda kind, body: None), lambda: frozenset({"cards"}))
    state.path = path
    return state


def ran(state: State, text: str) -> State:
    reads = tuple((read,) for read in state.knowledge.reading(text, state.path).reads)
    apply_effects(state, Run(1, reads, frozenset({"cards"}), False, own=reads), "CREATE TABLE")
    know_made(state)
    return state


def opaque(state: State, text: str) -> bool:
    return state.knowledge.reading(text, state.path).reads[0].opaque


def test_it_is_known_until_the_transaction_ends() -> None:
    state = make_state()
    root = state.knowledge
    assert opaque(state, "select a from made")
    ran(state, "create table made (a int, card text)")
    assert state.knowledge is not root and not opaque(state, "select a from made")
    assert not opaque(state, "select a from public.made") and opaque(state, "select a from other.made")
    assert not state.knowledge.reading("select a from made", state.path).missing
    assert root.reading("select a from made", state.path).reads[0].opaque, "it is nobody else's"
    forget_made(state)
    assert state.knowledge is root and opaque(state, "select a from made")


def test_M1_patterns_hold_for_its_columns() -> None:
    """M1: a column that a mask names is masked from the first row on."""
    state = ran(make_state(), "create temp table made (a int, card text)")
    read = state.knowledge.reading("select a, card from made", state.path).reads[0]
    assert read.lineage is not None and read.lineage.outputs is not None
    a, card = (state.knowledge.masks_of_origin(origin) for _, origin in read.lineage.outputs)
    assert (a, card) == (frozenset(), frozenset({"cards"}))
    assert ran(make_state(), "create table w as select card from people").knowledge.root is None


def test_it_follows_the_catalogue() -> None:
    """What others change while the transaction is open holds in it at once."""
    state = ran(make_state(), "create temp table made (a int)")
    root, before = state.knowledge.root, state.knowledge
    assert root is not None and not before.stale
    know_made(state)
    assert state.knowledge is before
    before.invalidate()
    assert root.stale and before.stale
    root.learn(catalogue_of({**SHOP, "public.later": {"b": 23}}))
    know_made(state)
    assert state.knowledge is not before and state.knowledge.root is root and not state.knowledge.stale
    assert not opaque(state, "select made.a, later.b from made, later")


def test_where_it_is_must_be_known() -> None:
    assert opaque(ran(make_state(None), "create table made (a int)"), "select a from made")
    assert opaque(ran(make_state(("nobody",)), "create table made (a int)"), "select a from made")
    assert not opaque(ran(make_state(None), "create temp table made (a int)"), "select a from made")


def test_there_are_not_endless_many() -> None:
    state = make_state()
    for number in range(TABLES + 1):
        ran(state, f"create temp table made_{number} (a int)")
    assert not opaque(state, f"select a from made_{TABLES - 1}") and opaque(state, f"select a from made_{TABLES}")


def test_nothing_is_made_without_column_masks() -> None:
    state = State(knowledge_of(), Registry(10), Rewriter(lambda kind, body: None), frozenset)
    assert not ran(state, "create temp table made (a int)").made
