"""C8 and C5: no user's pattern makes a decision slow, and one that does not compile never becomes an allowance."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.config import WELL, written
from tests.support.policy import command, facts, policy, session
from twisted_hoop.config import load
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.model import Effect

# Each takes the backtracking engine of the standard library longer than the age of the universe.
BOMBS = ["(a+)+", "(a|aa)+", "(a|a?)+", "(.*a){20}", "([a-zA-Z]+)*", "(a*)*b", "(x+x+)+y"]
VALUE = "public." + "a" * 20_000 + "!"


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("effect", ["allow", "deny"])
def test_C8_a_pattern_that_explodes_elsewhere_is_decided_in_linear_time(bomb: str, effect: str) -> None:
    subject = policy({"effect": effect, "tables": [rf"public\.{bomb}"]})
    started = time.process_time()
    decision = subject.decide(session(), command(facts(class_="read", table=VALUE, table_read=VALUE)))
    assert decision.effect is Effect.DENY
    assert time.process_time() - started < 1.0  # a bound against exponential time, not a measurement


@pytest.mark.parametrize("key", ["subjects", "groups", "tables", "columns", "functions", "targets"])
def test_C8_patterns_that_need_backtracking_are_refused_everywhere(tmp_path: Path, key: str) -> None:
    for pattern in (r"(a)\\1", "(?=a)b", "(?<!a)b", "(?>a+)b"):
        with pytest.raises(ConfigurationError, match="RE2"):
            load(written(tmp_path, WELL + f"[[rules]]\nname = 'x'\neffect = 'deny'\n{key} = [\"{pattern}\"]\n"))


def test_C8_a_pattern_too_large_for_its_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="RE2"):
        load(written(tmp_path, WELL + "[[rules]]\nname = 'x'\neffect = 'deny'\ntables = ['((a{99}){99}){99}']\n"))


@pytest.mark.parametrize("pattern", ["(", "[a", "a**", "*", "?", "(?P<n>"])
def test_C5_a_rule_that_does_not_compile_is_refused_at_load(tmp_path: Path, pattern: str) -> None:
    """jumpserver took such a rule for one that matches nothing, so its denial was gone."""
    text = WELL + f"[[rules]]\nname = 'x'\neffect = 'deny'\ntables = ['{pattern}']\n"
    with pytest.raises(ConfigurationError, match=r"rules\.1\.tables\.0"):
        load(written(tmp_path, text))
