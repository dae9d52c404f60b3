"""A principal as JSON in what the gateway signs: it comes back whole, and nothing else is taken for one."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.identity.stating import Stated, read, restored, stated
from twisted_hoop.model import Actor, Kind, Principal

TERMS = "0123456789abcdef"
names = st.text(min_size=1, max_size=8)
actors = st.lists(st.builds(Actor, names, names), max_size=3).map(tuple)
groups = st.frozensets(names, max_size=3)
bounds = st.builds(
    Principal, names, names, st.text(max_size=5), groups, st.sampled_from(Kind), actors, proof=st.just("bound")
)
principals = st.builds(
    Principal,
    names,
    names,
    st.text(max_size=5),
    groups,
    st.sampled_from(Kind),
    actors,
    proof=st.just("exchange"),
    expires=st.none() | st.floats(0, 2e9),
    proof_id=st.just("id"),
    max_sessions=st.integers(0, 9),
    within=st.lists(bounds, max_size=3).map(tuple),
    targets=st.none() | groups,
)


@given(principals, st.floats(0, 2e9))
def test_it_comes_back_whole(who: Principal, until: float) -> None:
    """Through JSON as text and as values; only its end may come sooner."""
    text = json.dumps(stated(who, TERMS))
    for found in (read(text), read(text.encode()), read(json.loads(text))):
        back = restored(found, "exchange", "id", until)
        expires = until if who.expires is None else min(who.expires, until)
        assert found.terms == TERMS and back.expires == expires
        assert replace(back, expires=0.0) == replace(who, expires=0.0)


def test_what_does_not_narrow_leaves_no_trace() -> None:
    assert not {"targets", "within"} & stated(Principal("i", "s"), TERMS).keys()
    assert stated(Principal("i", "s", targets=frozenset()), TERMS)["targets"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"terms": "short"},
        {"iss": ""},
        {"sub": 5},
        {"groups": "all"},
        {"kind": "god"},
        {"targets": "shop"},
        {"within": [{"iss": "i"}]},
        {"within": [{}] * 17},
        {"admin": True},
        {"chain": [{"iss": "i", "sub": "s", "act": {}}]},
        {"sessions": -1},
    ],
)
def test_malformed(wrong: dict[str, Any]) -> None:
    right = stated(Principal("i", "s"), TERMS)
    with pytest.raises(ValueError, match="malformed"):
        read({**right, **wrong})


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda s: st.dictionaries(st.text(), s) | st.lists(s)))
def test_a_value_or_a_value_error(value: Any) -> None:
    for form in (value, json.dumps(value)):
        with contextlib.suppress(ValueError):
            assert isinstance(read(form), Stated)
