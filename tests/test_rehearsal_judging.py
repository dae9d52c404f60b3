"""What other rules would have said to what was recorded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recorded_commands import CAT, OPEN, READS, entry, judge, one
from twisted_hoop.model import Effect
from twisted_hoop.rehearsal.judging import Judgement
from twisted_hoop.rehearsal.recorded import commands


def test_the_rights_of_who_acted_count_again() -> None:
    """An agent may not what its own groups do not allow, by the new rules as well."""
    agent = {"issuer": "https://ci", "subject": "agent", "groups": ["ai"], "kind": "machine", "chain": []}
    found = one(entry("SELECT 1"), principal={**OPEN["principal"], "within": [agent], "targets": ["shop"]})
    assert [each.groups for each in found.principal.within] == [{"ai"}] and found.principal.targets == frozenset(
        {"shop"}
    )
    said = judge({**READS, "groups": ["ci"]}).judge(found)
    assert said is not None and said.effect is Effect.DENY and "for agent" in said.reason


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)
FIELDS = ("kind", "started", "target", "protocol", "principal", "t", "action", "text", "tables", "code", "approval")
ENTRY = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(FIELDS, JSON | st.sampled_from(["open", "command", "refused"]))
)


@given(st.lists(ENTRY, max_size=5))
def test_any_entries_give_commands_or_none(entries: list[dict[str, Any]]) -> None:
    rules = judge(READS)
    for found in commands("s", entries):
        assert rules.judge(found) is None or isinstance(rules.judge(found), Judgement)


@pytest.mark.parametrize(
    ("about", "text", "action", "effect"),
    [
        ({}, "SELECT * FROM orders", "query", Effect.ALLOW),
        ({}, "DROP TABLE orders", "query", Effect.DENY),
        ({"target": "gone"}, "SELECT 1", "query", Effect.DENY),
        ({"target": "shut"}, "SELECT 1", "query", Effect.DENY),
        ({"target": "web", "protocol": "ssh"}, "cat /etc/hosts", "exec", Effect.REVIEW),
        ({"target": "web", "protocol": "ssh"}, "rm -rf /tmp/x", "line", Effect.DENY),
        ({"target": "web", "protocol": "ssh"}, "", "shell", Effect.DENY),
        ({"target": "api", "protocol": "http"}, "GET /v1/users?page=2", "GET", Effect.ALLOW),
        ({"target": "api", "protocol": "http"}, "DELETE /v1/users/7", "DELETE", Effect.DENY),
    ],
)
def test_each_protocols_commands_are_judged(about: dict[str, str], text: str, action: str, effect: Effect) -> None:
    found = judge(READS, CAT).judge(one(entry(text, action), **about))
    assert found is not None and found.effect is effect


@pytest.mark.parametrize(
    ("about", "text", "action"),
    [
        ({"protocol": "ssh"}, "/srv/data", "sftp-open"),
        ({"protocol": "http"}, "no request", "GET"),
        ({"protocol": "gopher"}, "x", "query"),
    ],
)
def test_what_a_text_does_not_tell_is_not_judged(about: dict[str, str], text: str, action: str) -> None:
    assert judge(READS).judge(one(entry(text, action), **about)) is None


def test_tables_have_the_names_the_recording_has() -> None:
    """A rule with full names meets a text without them, as it did at the gateway."""
    rules = judge({"name": "no-pay", "effect": "deny", "tables": ["hr.pay"]}, READS)
    named = one(entry("SELECT * FROM pay", tables=["hr.pay"]))
    assert denied(rules.judge(named)) == "no-pay"
    other = one(entry("SELECT * FROM pay", tables=["public.pay"]))
    found = rules.judge(other)
    assert found is not None and found.effect is Effect.ALLOW
    both = one(entry("SELECT 1 FROM a; SELECT 2 FROM pay", tables=["hr.pay", "public.a"]))
    assert denied(rules.judge(both)) == "no-pay"
    salary = judge({"name": "no-pay", "effect": "deny", "columns": ["hr.pay.salary"]}, READS)
    assert denied(salary.judge(one(entry("SELECT salary FROM pay", tables=["hr.pay"])))) == "no-pay"


def denied(found: Judgement | None) -> str:
    """The rule that denies."""
    assert found is not None and found.effect is Effect.DENY
    return found.rule


def test_rules_with_hours_are_asked_about_the_time_it_was_sent() -> None:
    at = {"name": "reads", "effect": "allow", "classes": ["read"], "hours": "00:00-12:00", "timezone": "UTC"}
    rules = judge(at)
    day = 1_790_000_000.0 // 86400 * 86400
    morning, evening = (rules.judge(one(entry("SELECT 1"), started=day + 3600 * hour)) for hour in (9, 21))
    assert morning is not None and evening is not None
    assert (morning.effect, evening.effect) == (Effect.ALLOW, Effect.DENY)
