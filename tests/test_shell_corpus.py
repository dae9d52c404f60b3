"""tests/corpus/shell_bypass.txt: what must not be allowed is not, what must be understood is."""

from __future__ import annotations

import pytest

from tests.support.shell import decision, doubts, entries, guards, read
from twisted_hoop.model import Effect
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.shell.understanding import FAULT

ENTRIES = list(entries())


@pytest.fixture(scope="module")
def rules() -> RulePolicy:
    return guards()


@pytest.mark.parametrize("text", [text for expected, _, text in ENTRIES if expected == "refused"])
def test_it_is_refused(rules: RulePolicy, text: str) -> None:
    """C1, C2: by a rule that names it, or because nothing allows what cannot be resolved."""
    assert decision(rules, text).effect is Effect.DENY, read(text).facts
    assert not read(text).why.startswith(FAULT), read(text).why


@pytest.mark.parametrize("text", [text for expected, _, text in ENTRIES if expected == "understood"])
def test_it_is_understood(rules: RulePolicy, text: str) -> None:
    assert not doubts(text), read(text).why
    assert decision(rules, text).rule == "exec"


def test_the_corpus_is_as_large_as_it_says() -> None:
    texts = [text for _, _, text in ENTRIES]
    assert len(set(texts)) == len(texts)
    assert sum(expected == "refused" for expected, _, _ in ENTRIES) >= 500
    assert sum(expected == "understood" for expected, _, _ in ENTRIES) >= 120
    assert {expected for expected, _, _ in ENTRIES} == {"refused", "understood"}
