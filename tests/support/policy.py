"""Sessions, facts and rules in few words, and Hypothesis strategies for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from twisted_hoop.model import Actor, Command, Decision, Facts, Kind, Peer, Principal, Session, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.policy.what import CLASSES, FLAGS
from twisted_hoop.settings import MaskSection, RuleSection, Settings

ISSUER = "https://id.example.com"


def alice(*groups: str, **changes: Any) -> Principal:
    """A person."""
    return Principal(ISSUER, "alice", groups=frozenset(groups), **changes)


def agent_of_alice(*groups: str) -> Principal:
    """A program that acts for a person."""
    return alice(*groups, chain=(Actor(ISSUER, "agent-7"),))


def robot(*groups: str) -> Principal:
    """A program."""
    return Principal(ISSUER, "ci-bot", groups=frozenset(groups), kind=Kind.MACHINE)


def target(name: str = "shop", groups: frozenset[str] = frozenset(), **labels: str) -> Target:
    """A PostgreSQL target."""
    return Target(name, "postgres", "tcp:db:5432", groups=groups, options={"labels": labels})


def session(principal: Principal | None = None, at: Target | None = None) -> Session:
    """A session."""
    return Session("s1", principal or alice(), at or target(), Peer("192.0.2.1"), 0.0)


def facts(**values: str) -> Facts:
    """Facts, values separated by blanks; `class_` stands for `class`."""
    return {name.rstrip("_"): frozenset(text.split()) for name, text in values.items()}


def command(*statements: Facts) -> Command:
    """A command with these facts."""
    return Command("sql", "…", facts=statements)


def policy(
    *rules: dict[str, Any], masks: list[str] | None = None, now: Callable[[], float] = lambda: 0.0
) -> RulePolicy:
    """A policy of rules written as dictionaries, named r1, r2 … unless they have names."""
    sections = [RuleSection.model_validate({"name": f"r{n}", **rule}) for n, rule in enumerate(rules, 1)]
    named = [MaskSection(name=name, default=False, detect=["card"]) for name in masks or []]
    return RulePolicy(Settings(rules=sections, masks=named), now)


def decided(rules: list[dict[str, Any]], *statements: Facts, by: Principal | None = None) -> Decision:
    """What these rules say about the statements."""
    return policy(*rules).decide(session(by), command(*statements))


words = st.sampled_from(["public", "hr", "orders", "salaries", "id", "card", "public.orders", "hr.salaries", "x"])
values = st.one_of(words, st.text(st.characters(exclude_categories=())))
patterns = st.one_of(
    words, st.sampled_from([".*", r"hr\..*", r"public\.(orders|x)", r"(?i)HR\..*", "[a-z]+", "(a|b)+"])
)
_names = [
    "table", "table_read", "table_write", "column", "schema", "function", "kind", "found", "program", "command",
    "argument", "path", "path_glob", "command_glob", "destination", "verb", "resource", "api_group", "namespace",
    "namespace_glob", "name", "name_glob",
]  # fmt: skip
any_facts = st.builds(
    lambda base, classes, access, flags: {**base, "class": classes, "access": access, "flag": flags},
    st.dictionaries(st.sampled_from([*_names, "class", "odd"]), st.frozensets(values, max_size=4), max_size=6),
    st.frozensets(st.one_of(st.sampled_from(sorted(CLASSES)), values), max_size=3),
    st.frozensets(st.sampled_from(["read", "write"])),
    st.frozensets(st.sampled_from(sorted(FLAGS)), max_size=2),
)
_MORE = ("actors", "delegated_by", "targets", "statements", "schemas", "tables")
_lists = {
    name: st.lists(patterns, max_size=2)
    for name in [
        "issuers",
        "subjects",
        "groups",
        "except_groups",
        "actors",
        "delegated_by",
        "targets",
        "statements",
        "schemas",
        "tables",
        "programs",
        "commands",
        "arguments",
        "paths",
        "destinations",
    ]
}
any_rule = st.fixed_dictionaries(
    {"effect": st.sampled_from(["allow", "deny", "review"])},
    optional={
        **_lists,
        "columns": st.lists(patterns, max_size=2),
        "functions": st.lists(patterns, max_size=2),
        "classes": st.lists(st.one_of(st.sampled_from(sorted(CLASSES)), patterns), max_size=3),
        "flags": st.lists(st.sampled_from([*sorted(FLAGS), ".*"]), max_size=2),
        "access": st.lists(st.sampled_from(["read", "write"]), max_size=2),
        "kind": st.sampled_from(["human", "machine", ""]),
        "hours": st.sampled_from(["", "09:00-17:00", "22:00-06:00"]),
        "days": st.lists(st.sampled_from(["mon", "sun"]), max_size=2),
        "labels": st.dictionaries(st.sampled_from(["env"]), patterns, max_size=1),
        "approvers": st.lists(st.sampled_from(["dba", "security"]), max_size=2),
        "approvals": st.integers(1, 3),
        "masks": st.lists(st.sampled_from(["m1", "m2"]), max_size=2),
        "wait": st.integers(0, 100),
        "uses": st.integers(1, 9),
    },
)
any_rules = st.lists(any_rule, max_size=5)
any_principal = st.builds(
    lambda subject, groups, kind, chain: Principal(ISSUER, subject, groups=groups, kind=kind, chain=chain),
    values,
    st.frozensets(values, max_size=3),
    st.sampled_from(list(Kind)),
    st.lists(st.builds(Actor, values, values), max_size=2).map(tuple),
)
