"""What the rules would say to a command nobody sends."""

from __future__ import annotations

import pytest

from twisted_hoop.model import Effect, Principal, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.rehearsal.rehearsing import rehearse
from twisted_hoop.settings import MaskSection, RuleSection, Settings

RULES = RulePolicy(
    Settings(
        rules=[
            RuleSection(name="read", effect="allow", classes=["read"]),
            RuleSection(name="write", effect="review", classes=["write"], approvers=["dba"]),
        ],
        masks=[MaskSection(name="cards", columns=[r".*\.card"])],
    )
)
SHOP = Target("shop", "postgres", "tcp:db:5432", frozenset({"ci"}))
BOT = Principal("https://ci", "bot", groups=frozenset({"ci"}))


@pytest.mark.parametrize(
    ("text", "effect", "rule"),
    [
        ("SELECT * FROM orders", Effect.ALLOW, "read"),
        ("DELETE FROM orders", Effect.REVIEW, "write"),
        ("DROP TABLE orders", Effect.DENY, ""),
        ("SELEC", Effect.DENY, ""),
    ],
)
def test_the_answer_is_the_gates_own(text: str, effect: Effect, rule: str) -> None:
    found = rehearse(RULES, BOT, SHOP, text)
    assert (found.effect, found.decision.rule) == (effect, rule)
    assert found.decision.trace and found.facts and found.masks == {"cards"}


def test_a_target_that_does_not_open_denies_everything() -> None:
    found = rehearse(RULES, Principal("https://ci", "stranger"), SHOP, "SELECT 1")
    assert found.effect is Effect.DENY and found.opening.effect is Effect.DENY


def test_a_shell_command_is_read_as_the_gateway_reads_it() -> None:
    rules = RulePolicy(
        Settings(
            rules=[
                RuleSection(name="no-rm", effect="deny", programs=["rm"]),
                RuleSection(name="exec", effect="allow", classes=["exec"]),
            ]
        )
    )
    web = Target("web", "ssh", "tcp:web:22", frozenset({"ci"}))
    for text, effect, rule in (
        ("ls -l", Effect.ALLOW, "exec"),
        ("sh -c 'r\"\"m x'", Effect.DENY, "no-rm"),
        ("$x", Effect.DENY, ""),
        ("", Effect.DENY, ""),
    ):
        found = rehearse(rules, BOT, web, text)
        assert (found.effect, found.decision.rule) == (effect, rule), text
    odd = rehearse(rules, BOT, web, "cat \ud800 $'\\xff'")
    assert all(
        value.isprintable() and value.encode() for facts in odd.facts for values in facts.values() for value in values
    )
