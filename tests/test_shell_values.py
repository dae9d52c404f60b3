from __future__ import annotations

from twisted_hoop.shell.values import ANYTHING, MOST_PLACES, NUMBER, State, Value, is_number, merged, unknown


def test_what_is_literal() -> None:
    assert Value("a").literal and Value("").literal
    for value in (Value("*", glob="*"), unknown("$x", "y"), Value("~", home=True), Value("a", dialect=True)):
        assert not value.literal


def test_numbers() -> None:
    assert is_number(Value("12")) and is_number(NUMBER)
    assert (
        not is_number(Value("1a"))
        and not is_number(Value(""))
        and not is_number(ANYTHING)
        and not is_number(Value("²"))
    )


def test_only_what_both_ways_agree_on_is_known() -> None:
    one = State({"a": Value("x"), "b": Value("y"), "n": Value("1")}, places=frozenset({"/a"}))
    other = State({"a": Value("x"), "b": Value("z"), "n": Value("2"), "c": Value("w")}, places=frozenset({"/b"}))
    both = merged(one, other)
    assert both.variables == {"a": Value("x"), "b": ANYTHING, "n": NUMBER, "c": ANYTHING}
    assert both.places == {"/a", "/b"}


def test_a_branch_that_ended_the_shell_says_nothing() -> None:
    gone = State({"a": Value("x")}, dead=True)
    kept = State({"a": Value("y")})
    assert merged(gone, kept) == merged(kept, gone) == kept
    assert merged(gone, gone).dead


def test_too_many_places_are_any_place() -> None:
    state = State(places=frozenset({"/0"}))
    for number in range(MOST_PLACES + 1):
        state = merged(state, State(places=frozenset({f"/{number}"})))
    assert state.places is None
    assert merged(state, State()).places is None


def test_forgetting_and_starting_anew() -> None:
    state = State({"a": Value("x")}, {}, frozenset({"/"}), (Value("1"),))
    fresh = state.fresh((Value("p"),))
    assert fresh.variables == {"a": ANYTHING} and fresh.positional == (Value("p"),) and fresh.places == {"/"}
    copy = state.copy()
    state.forget()
    assert state.variables == {"a": ANYTHING} and state.places is None and state.positional is None and state.wild
    assert copy.variables == {"a": Value("x")}
    state.become(copy)
    assert state == copy
