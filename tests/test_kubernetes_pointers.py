"""Where a value stands in an object."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.kubernetes.pointers import ROOT, At, pointer, told

NAMES = st.text(st.sampled_from("ab~/[].0124"), max_size=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.just("x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.just("name"), inner, max_size=3),
    max_leaves=12,
)


def places(value: Any, at: At = ROOT) -> list[At]:
    if isinstance(value, dict):
        return [found for name, each in value.items() for found in places(each, (at, name))]
    if isinstance(value, list):
        return [found for number, each in enumerate(value) for found in places(each, (at, number, each))]
    return [at]


def test_members_elements_and_what_is_inside_a_text() -> None:
    element = {"name": "web", "args": ["a"]}
    at = ((((ROOT, "spec"), "containers"), 3, element), "args")
    assert pointer((at, 0, "a")) == "/spec/containers/~2web/args/~30"
    assert pointer((((ROOT, "metadata"), "a/b~c"),)) == "/metadata/a~1b~0c/~4"
    assert pointer(ROOT) == ""


def test_for_people() -> None:
    at = (((ROOT, "spec"), "env"), 1, {"name": "TOKEN"})
    assert told((at, "value")) == "spec.env[1].value"
    assert told(((ROOT, "metadata"), "a/b")) == "metadata[a/b]"
    assert told(ROOT) == "a value"


@given(VALUES)
def test_no_two_values_have_one_pointer_unless_their_elements_have_one_name(value: Any) -> None:
    """M11: a word that stands for one value stands for no other."""
    found = places(value)
    alike = {pointer(at) for at in found}
    named = any(
        len(step) == 3 and isinstance(step[2], dict) and "name" in step[2] for at in found for step in above(at)
    )
    assert named or len(alike) == len(found)


def above(at: At) -> list[At]:
    return [at, *above(at[0])] if at else []
