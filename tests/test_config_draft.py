from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.config import problems, problems_of
from twisted_hoop.config.draft import make_draft
from twisted_hoop.settings import Settings


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rules]]\nname=''\neffect='deny'\ntabels=['a']\n", '4: rules.1.tabels: unknown key: did you mean "tables"?'),
        ("[gatway]\n", '1: gatway: unknown key: did you mean "gateway"?'),
        ("[gateway]\nzzz = 1\n", "2: gateway.zzz: unknown key: remove it"),
        ("[[rules]]\nname = 'x'\n", "1: rules.1.effect: is missing: write it"),
        ("[[rules]]\nname = 1\neffect = 'deny'\n", '2: rules.1.name: write a text in quotes, "like this"'),
        ("[gateway]\ngrace = '5 minutes'\n", '2: gateway.grace: write a duration as "30s", "5m", "2h" or "1d"'),
        ("[gateway]\ngrace = -5\n", "2: gateway.grace: input should be greater than or equal to 0"),
        ("[gateway]\npreauth_connections=''\n", "2: gateway.preauth_connections: write a whole number, without quotes"),
        ("[store]\nurl = ['a']\n", '2: store.url: write a text in quotes, "like this"'),
        ("[[api]]\nauditors = []\n", "1: api: there is only one: write [api], in single brackets"),
        ("[masks]\nname = 'x'\n", "1: masks: there may be several: write [[masks]], in double brackets"),
    ],
)  # fmt: skip
def test_what_is_ill_formed_is_told_with_its_line(text: str, told: str) -> None:
    assert problems_of(text) == [told]


def test_R12_an_unknown_key_in_a_table_within_a_table() -> None:
    more = "[[targets]]\nname='b'\nprotocol='postgres'\nendpoint='tcp:b:1'\n[targets.limits]\nidel='1s'\n"
    assert problems_of(more) == ['6: targets.1.limits.idel: unknown key: did you mean "idle"?']


def test_everything_is_told_at_once() -> None:
    found = problems_of(
        "[gateway]\ngrace = 'x'\nfoo = 1\n[[rules]]\neffect = 'perhaps'\n[[masks]]\nname = 'm'\ndetect = ['cart']\n"
    )
    assert [line.split(":")[1].strip() for line in found] == [
        "gateway.grace", "gateway.foo", "rules.1.name", "rules.1.effect", "masks.0.detect.0",
    ]  # fmt: skip


def test_alternatives_of_a_type_are_one_problem() -> None:
    found = problems("[[issuers]]\nname='a'\nissuer='https://a'\naudience=['x']\nclaims = { sub = 5 }\n")
    assert found == ['5: issuers.0.claims.sub: write a text in quotes, "like this"']


def test_names_of_ill_formed_sections_are_known_to_others() -> None:
    draft, _ = make_draft({"masks": [{"name": "m", "wrong": 1}, 5, {"name": 7}]})
    assert draft.names("masks") == ["m"] and draft.masks == []


_junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
_section = st.dictionaries(st.sampled_from(["name", "effect", "endpoint", "tls", "tables", "grace", "x"]), _junk)


@given(st.dictionaries(st.sampled_from([*Settings.model_fields, "x"]), st.one_of(_section, st.lists(_section), _junk)))
@settings(max_examples=40, deadline=None)
def test_any_values_are_a_draft_and_problems(data: dict[str, Any]) -> None:
    draft, found = make_draft(data)
    if not found:
        Settings.model_validate(data)
    assert len(draft.rules) <= len(data.get("rules", []) if isinstance(data.get("rules"), list) else [])
