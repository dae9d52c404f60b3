"""The walk itself: names, scopes, facts."""

from __future__ import annotations

from tests.support.sql import only
from twisted_hoop.sql.walk import FIELDS, Found, Scope, Source, dotted, part, strings


def test_names_with_dots_are_quoted() -> None:
    """A table called "public.customers" is not public.customers."""
    assert part("a.b") == '"a.b"'
    assert dotted(["db", "s", "t"]) == "s.t"
    assert dotted(["t"]) == "t"


def test_scopes() -> None:
    outer = Scope(ctes=frozenset("c"))
    outer.sources.append(Source("t", ("t",)))
    assert outer.inner().parent is outer
    assert outer.beside().parent is None
    assert outer.beside().ctes == {"c"}


def test_facts_leave_out_what_is_empty_and_always_have_a_class() -> None:
    found = Found()
    assert found.facts() == {"class": {"unknown"}}
    found.reads("t")
    assert set(found.facts()) == {"class", "table", "table_read", "access"}


def test_strings_of_a_list() -> None:
    target = only("select t.*").tree.target_list[0].res_target.val.column_ref
    assert strings(target.fields) == ["t", "*"]
    assert FIELDS["select_stmt"] == "SelectStmt"
