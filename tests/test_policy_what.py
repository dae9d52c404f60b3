from __future__ import annotations

from typing import Any

import pytest

from tests.support.policy import facts
from twisted_hoop.model import Facts
from twisted_hoop.policy.what import CLASSES, GUARDED, prepared, what_checks
from twisted_hoop.settings import RuleSection


def met(effect: str, of: Facts, **keys: Any) -> bool:
    rule = RuleSection.model_validate({"name": "r", "effect": effect, **keys})
    return all(check.holds(prepared(of)) for check in what_checks(rule))


READ = facts(class_="read", kind="select", access="read", table="public.orders", table_read="public.orders")
MOVE = facts(
    class_="read write", kind="insert select", access="read write", schema="public hr",
    table="public.orders hr.salaries", table_read="hr.salaries", table_write="public.orders",
)  # fmt: skip


def test_to_permit_everything_must_be_covered() -> None:
    assert met("allow", READ, tables=["public.orders"], classes=["read"], statements=["select"])
    assert not met("allow", MOVE, tables=["public.orders"])
    assert not met("allow", MOVE, classes=["write"])
    assert not met("allow", MOVE, statements=["insert"])
    assert not met("allow", MOVE, access=["write"], tables=[".*"])
    assert not met("allow", MOVE, schemas=["public"])
    assert met("allow", MOVE, tables=["public.orders", r"hr\..*"], classes=["read", "write"], schemas=["public|hr"])


def test_to_forbid_one_is_enough() -> None:
    for keys in ({"tables": ["hr.salaries"]}, {"classes": ["write"]}, {"statements": ["insert"]}, {"schemas": ["hr"]}):
        assert met("deny", MOVE, **keys) and met("review", MOVE, **keys)
    assert not met("deny", READ, classes=["write"])


def test_access_narrows_the_tables_of_a_denial() -> None:
    assert met("deny", MOVE, access=["write"], tables=["public.orders"])
    assert not met("deny", MOVE, access=["write"], tables=["hr.salaries"])
    assert met("deny", MOVE, access=["read"], tables=["hr.salaries"])
    assert met("deny", MOVE, access=["read", "write"], tables=["hr.salaries"])
    assert met("deny", MOVE, access=["write"]) and not met("deny", READ, access=["write"])


def test_access_of_facts_that_do_not_tell_reading_from_writing() -> None:
    assert met("deny", facts(class_="write", table="public.orders"), access=["write"], tables=["public.orders"])


@pytest.mark.parametrize("key", ["tables", "schemas", "columns", "statements", "flags"])
def test_a_statement_without_tables_is_not_permitted_by_a_rule_about_tables(key: str) -> None:
    assert not met("allow", facts(class_="read"), **{key: [".*"]})


def test_a_rule_about_classes_permits_a_statement_without_tables() -> None:
    assert met("allow", facts(class_="read", kind="select"), classes=["read"])


def test_having_none_is_permitted_where_the_rule_says_so() -> None:
    ping = facts(class_="read", kind="select", access="read")
    for key in ("schemas", "tables", "columns", "functions"):
        assert met("allow", ping, **{key: [""]}) and met("allow", ping, **{key: ["a", ""]})
        assert not met("allow", ping, **{key: ["a", ".*"]})
    assert not met("allow", READ, tables=[""]) and not met("allow", READ, schemas=[""])


def test_functions() -> None:
    assert met("allow", READ, tables=["public.orders"], functions=["lower", ""])
    assert not met("allow", READ, tables=["public.orders"], functions=["lower"])
    assert not met("allow", {**READ, "function": frozenset({"pg_sleep"})}, tables=["orders"], functions=["lower"])
    assert met("deny", {**READ, "function": frozenset({"pg_catalog.pg_sleep"})}, functions=["pg_sleep"])


@pytest.mark.parametrize("guarded", sorted(GUARDED))
def test_guarded_classes_must_be_named(guarded: str) -> None:
    for classes in ([], [".*"], [".+"], ["[a-z-]+"], sorted(CLASSES - GUARDED)):
        assert not met("allow", facts(class_=guarded), classes=classes)
        assert not met("allow", facts(class_=f"read {guarded}"), classes=classes)
    assert met("allow", facts(class_=guarded), classes=[guarded])
    assert met("deny", facts(class_=guarded), classes=[".*"])


@pytest.mark.parametrize("nothing", [{}, {"class": frozenset()}, {"table": frozenset({"public.orders"})}])
def test_what_has_no_class_is_unknown(nothing: Facts) -> None:
    assert not met("allow", nothing) and not met("allow", nothing, classes=["read", ".*"])
    assert met("deny", nothing, classes=["unknown"])


def test_a_function_that_is_not_postgresqls_own_must_be_named() -> None:
    """P13: what it does cannot be told from the statement."""
    calls = {**READ, "function": frozenset({"do_write", "lower"}), "flag": frozenset({"user-function"})}
    assert not met("allow", calls) and not met("allow", calls, classes=["read"], tables=[".*"], access=["read"])
    assert not met("allow", calls, functions=["do_write"])
    assert met("allow", calls, functions=["do_write", "lower"]) and met("allow", calls, functions=[".*"])
    assert met("allow", calls, classes=["read", "dynamic"]) and met("allow", calls, flags=["user-function"])
    assert met("deny", calls, flags=["user-function"]) and met("deny", calls, functions=["do_write"])


def test_flags() -> None:
    sweeping = facts(class_="write", flag="no-where cascade")
    assert met("deny", sweeping, flags=["no-where"]) and not met("deny", READ, flags=["no-where"])
    assert met("allow", sweeping, flags=["no-where", "cascade"]) and not met("allow", sweeping, flags=["no-where"])


def test_columns() -> None:
    of = facts(class_="read", table="public.customers", column="public.customers.id public.customers.card")
    assert met("deny", of, columns=[r".*\.card"]) and met("deny", of, columns=["customers.card"])
    assert not met("allow", of, columns=["public.customers.id"])
    assert met("allow", of, columns=[r"public\.customers\.(id|card)"])


def test_a_table_without_schema_may_lie_in_any_schema_to_be_forbidden() -> None:
    bare = facts(class_="read", table="salaries")
    assert met("deny", bare, schemas=["hr"]) and met("deny", bare, tables=[r"hr\..*"])
    assert not met("allow", bare, schemas=["hr"]) and met("allow", bare, schemas=["public"])


def test_K5_to_forbid_a_verb_forbids_what_comes_to_the_same() -> None:
    """K5: a list shows what `get` shows, a watch begins with a list, a collection is deleted one by one."""

    def of(verb: str, alike: str = "") -> Facts:
        return {
            **facts(class_="write"),
            "verb": frozenset({verb}),
            **({"verb_alike": frozenset({alike})} if alike else {}),
        }

    for verb, forbidden in (("list", "get"), ("watch", "get"), ("watch", "list"), ("deletecollection", "delete")):
        assert met("deny", of(verb), verbs=[forbidden]) and not met("allow", of(verb), verbs=[forbidden])
        assert not met("deny", of(forbidden), verbs=[verb])
    assert met("deny", of("create", "delete"), verbs=["delete"]) and met(
        "allow", of("create", "delete"), verbs=["create"]
    )
    assert not met("deny", of("create", "delete"), verbs=["patch"]) and not met("deny", {}, verbs=[".*"])
