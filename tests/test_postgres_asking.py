"""What is asked of the gate: all a command may turn out to be, and what masks forbid whatever the gate says."""

from __future__ import annotations

from twisted_hoop.model import Command
from twisted_hoop.postgres.asking import (
    Question,
    context_of,
    execute_question,
    guard_refusal,
    mask_refusal,
    moves_path,
    parse_question,
    prepared_of,
    query_question,
)
from twisted_hoop.postgres.knowledge import ENCODING_GUARD, Knowledge
from twisted_hoop.postgres.registry import Portal, Prepared, Registry
from twisted_hoop.postgres.state import State
from twisted_hoop.postgres.wire import Rewriter
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.postgres import knowledge_of

CARDS = MaskSection(name="cards", columns=[r".*\.card"])
STRICT = MaskSection(name="cards", columns=[r".*\.card"], predicates="deny", opaque="deny")
NAMES = frozenset({"cards"})


def state_of(knowledge: Knowledge | None = None) -> State:
    known = knowledge or knowledge_of([CARDS])
    state = State(known, Registry(100), Rewriter(lambda kind, body: None), lambda: NAMES)
    state.path, state.database = ("public",), "shop"
    return state


def prepared(state: State, text: str, name: bytes = b"s") -> Prepared:
    reading = state.knowledge.reading(text, state.path)
    return Prepared(name, text, reading.facts, reading.reads, reading=reading)


def asked(state: State, text: str) -> Question:
    return query_question(state, state.knowledge.reading(text, state.path))


def classes(question: Question) -> list[set[str]]:
    return [set(facts["class"]) for facts in question.command.facts]


def test_p9_every_statement_of_a_query_is_asked_about() -> None:
    """P9: one element of facts a statement, in order."""
    question = asked(state_of(), "select id from people; delete from orders /* reason: ticket 7 */")
    assert classes(question) == [{"read"}, {"write"}]
    assert len(question.resolved) == 2
    assert question.command.executes


def test_p18_the_context_is_part_of_what_is_asked() -> None:
    """P18: the database and the search_path; "unknown" while that is moving."""
    state = state_of()
    assert context_of(state) == (("database", "shop"), ("search_path", "public"))
    state.path_moving = 1
    assert context_of(state)[1] == ("search_path", "unknown")


def test_p10_execute_of_a_prepared_statement_is_what_it_prepares() -> None:
    """P10: SQL EXECUTE, also of what the same text prepares, and through EXPLAIN."""
    state = state_of()
    state.registry.prepare(prepared(state, "delete from people"))
    for text in ("execute s", "explain analyze execute s", "create table x as execute s"):
        assert {"write"} in classes(asked(state, text)), text
    assert {"write"} in classes(asked(state, "prepare q as delete from people; execute q"))


def test_p10_every_candidate_of_a_name_is_asked_about() -> None:
    """P10: the strictest decides."""
    state = state_of()
    state.registry.prepare(prepared(state, "select 1"))
    state.registry.prepare(prepared(state, "delete from people"))
    question = asked(state, "execute s")
    assert {"write"} in classes(question)
    assert len(question.resolved[0]) == 2


def test_p10_an_unknown_name_is_unknown() -> None:
    """P10: never nothing."""
    assert {"unknown"} in classes(asked(state_of(), "execute nowhere"))
    question = execute_question(state_of(), None, ())
    assert classes(question) == [{"unknown"}]


def test_p10_fetch_is_what_its_cursor_runs() -> None:
    """P10: cursors, also those that a Bind made."""
    state = state_of()
    state.registry.bind(Portal(b"c", (prepared(state, "select card from people"),)))
    [reads] = asked(state, "fetch all from c").resolved
    assert [r.touched for r in reads] == [NAMES]


def test_a5_what_was_prepared_is_read_by_what_is_known_now() -> None:
    """A5: the catalogue, or the search_path, has changed since."""
    state = state_of()
    item = prepared(state, "select id from people")
    state.path = ("hr",)
    question = execute_question(state, Portal(b"", (item,), path=state.names_path()), ("1",))
    assert question.command.context[1] == ("search_path", "hr")
    assert question.command.parameters == ("1",)
    assert question.command.facts[0]["table"] == {"people"}, "there is none of that name in hr"


def test_a_parse_does_not_execute() -> None:
    state = state_of()
    assert not parse_question(state, state.knowledge.reading("select 1", None)).command.executes


def test_what_was_found_in_parameters_stands_in_the_facts() -> None:
    state = state_of()
    question = execute_question(
        state, Portal(b"", (prepared(state, "select 1"),), found=frozenset({"inward"}), path=state.names_path()), ()
    )
    assert question.command.facts[0]["found"] == {"inward"}


def test_p18_what_may_move_the_path() -> None:
    """P18: names are resolved in every schema until it has run."""
    state = state_of()
    for text, moves in (
        ("set search_path = hr", True),
        ("discard all", True),
        ("do $$ begin end $$", True),
        ("rollback", False),
        ("select 1", False),
        ("insert into orders values (1, 2)", False),
    ):
        assert moves_path(state, state.knowledge.reading(text, ("public",)).reads) is moves, text
    state.path_dirty = True
    assert moves_path(state, state.knowledge.reading("rollback", ("public",)).reads), "it may take a SET back"


def test_m7_masked_values_are_not_copied_to_where_they_are_not_masked() -> None:
    """M7: whatever the rules say."""
    for text in (
        "create table leak as select card from people",
        "insert into orders select id, card::int from people",
        "create view v as select upper(card) c from people",
    ):
        refusal = mask_refusal(asked(state_of(), text), NAMES, knowledge_of([CARDS]))
        assert refusal is not None, text
        assert refusal.decision.rule == "mask: cards"
    assert mask_refusal(asked(state_of(), "select card from people"), NAMES, knowledge_of([CARDS])) is None


def test_m5_comparing_and_opaque_results_are_refused_where_a_mask_says_so() -> None:
    """M5: an oracle, and what lineage cannot show."""
    knowledge = knowledge_of([STRICT])
    state = state_of(knowledge)
    for text in (
        "select id from people order by card",
        "select id from people where card > 'a'",
        "select f(id) from x",
    ):
        assert mask_refusal(asked(state, text), NAMES, knowledge) is not None, text
    assert mask_refusal(asked(state, "select id from people"), NAMES, knowledge) is None
    assert mask_refusal(asked(state, "select id from people order by card"), frozenset(), knowledge) is None


def test_a_guard_is_a_refusal_with_a_hint() -> None:
    refusal = guard_refusal(Command("query", "set names 'x'"), ENCODING_GUARD)
    assert (refusal.code, refusal.decision.rule) == ("denied", "gateway: encoding")
    assert refusal.hint


def test_what_prepare_makes() -> None:
    state = state_of()
    reading = state.knowledge.reading("prepare q as select card from people", state.path)
    made = prepared_of(reading.reads[0], reading.facts[0])
    assert made.name == b"q"
    assert made.reads[0].touched == NAMES
