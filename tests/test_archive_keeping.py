"""Which rule of retention a recording falls under."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.archive import DAY, keeps
from twisted_hoop.archive.catalogue import Kept
from twisted_hoop.archive.keeping import compiled, over, rule_of


def kept(target: str = "shop", groups: Any = ("dev",), ended: float | None = 1000.0, **attributes: str) -> Kept:
    about = {"who": "alice", "groups": list(groups), "attributes": attributes}
    return Kept("s", "p", "closed", 0.0, ended, target, "postgres", "i|u", about, 1, 1, True)


def name_of(found: Kept, *rules: Any) -> str:
    rule = rule_of(compiled(rules), found)
    return rule.name if rule else ""


def test_the_first_that_matches_decides() -> None:
    rules = (keeps("tests", 1, targets=["test-.*"]), keeps("ssh", 2, protocols=["ssh"]), keeps("rest", 3))
    assert name_of(kept("test-1"), *rules) == "tests"
    assert name_of(kept("shop"), *rules) == "rest"
    assert name_of(kept("shop")) == ""


def test_everything_a_rule_names_must_match() -> None:
    rule = keeps("r", 1, targets=["shop"], groups=["dev", "ops"], tags=["database=shop_.*"])
    assert name_of(kept(database="shop_test"), rule) == "r"
    for other in (kept(database="shop"), kept("shop2", database="shop_test"), kept(groups=[], database="shop_test")):
        assert name_of(other, rule) == ""


def test_time_counts_from_the_end() -> None:
    rules = compiled([keeps("r", 1)])
    assert over(rules, kept(), 999.0 + DAY) is None and over(rules, kept(), 1000.0 + DAY) is not None
    assert over(rules, kept(ended=None), DAY) is not None


def test_nothing_and_zero_keep_for_ever() -> None:
    assert over((), kept(), 1e18) is None
    assert over(compiled([keeps("for ever", 0), keeps("r", 1)]), kept(), 1e18) is None


@given(st.text(max_size=8), st.lists(st.text(max_size=5), max_size=3))
def test_any_names_give_an_answer(target: str, groups: list[str]) -> None:
    """C8: odd names match no pattern that is not written for everything, and are kept."""
    name_of(kept(target, groups), keeps("r", 1, targets=["a.*"], groups=["x|y"]))
