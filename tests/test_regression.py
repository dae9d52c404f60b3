"""What other rules would have said to what was recorded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.model import Effect, Kind
from twisted_hoop.regression import Judge, Judgement, Recorded, Tally, commands
from twisted_hoop.settings import RuleSection, Settings, TargetSection

STARTED = 1_790_000_000.0
OPEN = {
    "kind": "open",
    "started": STARTED,
    "target": "shop",
    "protocol": "postgres",
    "principal": {
        "issuer": "https://ci",
        "subject": "bot",
        "name": "bot",
        "groups": ["ci"],
        "kind": "machine",
        "chain": [{"issuer": "https://ci", "subject": "agent"}],
    },
}


def target(name: str, protocol: str, **more: Any) -> TargetSection:
    return TargetSection(name=name, protocol=protocol, endpoint="tcp:h:1", **{"groups": ["ci"], **more})  # type: ignore[arg-type]


TARGETS = [
    target("shop", "postgres"),
    target("web", "ssh"),
    target("api", "http"),
    target("shut", "postgres", groups=["x"]),
]


def judge(*rules: dict[str, Any]) -> Judge:
    return Judge(Settings(targets=TARGETS, rules=[RuleSection(**rule) for rule in rules]))


def entry(text: str, action: str = "query", **more: Any) -> dict[str, Any]:
    return {"kind": "command", "t": 2.5, "action": action, "text": text, "decision": "allow", "rule": "old", **more}


def one(made: dict[str, Any], **about: Any) -> Recorded:
    (found,) = commands("session-1", [{**OPEN, **about}, made, {"kind": "outcome", "command": 1}])
    return found


CAT = {"name": "cat", "effect": "review", "programs": ["cat"], "approvers": ["ops"]}
READS = {"name": "reads", "effect": "allow", "classes": ["read"]}


def test_who_what_where_and_when_come_from_the_recording() -> None:
    found = one(entry("SELECT 1", tables=["public.a"]))
    assert (found.session, found.target, found.protocol, found.at) == ("session-1", "shop", "postgres", STARTED + 2.5)
    assert (found.principal.key, found.principal.kind) == ("https://ci|bot", Kind.MACHINE)
    assert found.principal.groups == {"ci"} and found.principal.chain[0].subject == "agent"
    assert found.principal.within == () and found.principal.targets is None
    assert (found.effect, found.rule, found.tables) == (Effect.ALLOW, "old", {"public.a"})


def test_the_rights_of_who_acted_count_again() -> None:
    """An agent may not what its own groups do not allow, by the new rules as well."""
    agent = {"issuer": "https://ci", "subject": "agent", "groups": ["ai"], "kind": "machine", "chain": []}
    found = one(entry("SELECT 1"), principal={**OPEN["principal"], "within": [agent], "targets": ["shop"]})  # type: ignore[dict-item]
    assert [each.groups for each in found.principal.within] == [{"ai"}] and found.principal.targets == {"shop"}
    said = judge({**READS, "groups": ["ci"]}).judge(found)
    assert said is not None and said.effect is Effect.DENY and "for agent" in said.reason


@pytest.mark.parametrize(
    ("more", "effect"),
    [
        ({"decision": "review"}, Effect.REVIEW),
        ({"kind": "refused", "code": "denied"}, Effect.DENY),
        ({"kind": "refused", "code": "denied", "approval": {"id": "x"}}, Effect.REVIEW),
        ({"kind": "refused", "code": "expired"}, Effect.REVIEW),
        ({"kind": "refused", "code": "pending"}, Effect.REVIEW),
    ],
)
def test_what_had_been_decided_is_read_from_what_became_of_it(more: dict[str, Any], effect: Effect) -> None:
    assert one(entry("SELECT 1", **more)).effect is effect


def test_refusals_that_were_not_policys_are_no_decisions() -> None:
    assert list(commands("s", [OPEN, entry("x", kind="refused", code="limited")])) == []
    assert list(commands("s", [entry("x")])) == []  # nobody knows whose


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


def test_what_changes_is_added_up() -> None:
    tally, deny, allow = Tally(2), Judgement(Effect.DENY, "b", "because"), Judgement(Effect.ALLOW, "a")
    for number in range(5):
        tally.add(one(entry(f"SELECT {number % 3}")), allow, deny)
    tally.add(one(entry("SELECT 9")), deny, Judgement(Effect.REVIEW, "c"))
    tally.add(one(entry("SELECT 9")), deny, allow)
    tally.add(one(entry("SELECT 9")), allow, Judgement(Effect.ALLOW, "another"))
    tally.add(one(entry("SELECT 9")), allow, None)
    assert tally.counts() == {"denied": 5, "reviewed": 1, "allowed": 1}
    assert (tally.judged, tally.same, sum(tally.unjudged.values())) == (8, 1, 1)
    first = tally.changes()[0]
    assert (first.kind, first.count, first.reason, list(first.examples)) == (
        "denied",
        5,
        "because",
        ["SELECT 0", "SELECT 1"],
    )
    assert [change.kind for change in tally.changes()] == ["denied", "reviewed", "allowed"]
