"""Whole texts: the cache, problems, several statements, what wraps what, digests and reasons."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sql import fact, only
from twisted_hoop.sql.reader import SqlReader, digest_text, reason_of, understand


def test_the_same_text_is_understood_once() -> None:
    reader = SqlReader()
    assert reader.understand("select 1") is reader.understand("select 1")
    assert reader.understand("select 1") is not reader.understand("select 2")


def test_the_cache_is_bounded_in_texts_and_characters() -> None:
    reader = SqlReader(cache_size=8, cache_characters=4000)
    for number in range(100):
        reader.understand(f"select {number}")
    assert len(reader._young) + len(reader._old) <= 8
    for number in range(40):
        reader.understand(f"select {number} as {'x' * 60}")
    assert sum(map(len, (*reader._young, *reader._old))) <= 4000


def test_what_is_asked_for_often_stays() -> None:
    reader = SqlReader(cache_size=8)
    kept = reader.understand("select 0")
    for number in range(1, 50):
        reader.understand(f"select {number}")
        assert reader.understand("select 0") is kept


def test_a_hit_costs_about_nothing() -> None:
    reader = SqlReader()
    text = "SELECT abalance FROM pgbench_accounts WHERE aid = 12345;"
    reader.understand(text)
    start = time.process_time()
    for _ in range(10000):
        reader.understand(text)
    assert time.process_time() - start < 0.1


def test_problems_have_no_statements() -> None:
    for text, problem in (("selec 1", "unknown"), ("select '" + "a" * 70000 + "'", "oversize")):
        known = understand(text)
        assert (known.statements, known.problem) == ((), problem)
        assert known.why


def test_empty_texts_have_neither() -> None:
    for text in ("", ";", "-- c", "/* c */;;"):
        known = understand(text)
        assert (known.statements, known.problem) == ((), "")


def test_every_statement_has_its_own_text_and_the_flag() -> None:
    known = understand("select 'é' from a; /* b */ delete from b where c = 1;\n commit")
    assert [s.text for s in known.statements] == ["select 'é' from a", "delete from b where c = 1", "commit"]
    assert [s.kind for s in known.statements] == ["select", "delete", "commit"]
    assert all("multi-statement" in s.facts["flag"] for s in known.statements)
    assert "flag" not in only("select 1 from a;").facts


@pytest.mark.parametrize(
    "wrapper", ["prepare p as ", "declare p cursor for ", "explain analyze ", "copy (", "create table p as "]
)
def test_what_wraps_a_query_does_what_the_query_does(wrapper: str) -> None:
    end = ") to stdout" if wrapper == "copy (" else ""
    text = f"{wrapper}select a.x, lo_get(1) from a join b on true{end}"
    assert {"a", "b"} <= fact(text, "table_read")
    assert {"read", "large-object"} <= fact(text, "class")
    inner = only(text).inner
    if wrapper.startswith("create"):
        assert inner is None
    else:
        assert inner is not None
        assert inner.kind == "select"
        assert inner.facts["table_read"] == {"a", "b"}
        assert inner.tree is not None


def test_trees_are_the_grammars_own() -> None:
    assert only("select 1").tree.DESCRIPTOR.name == "SelectStmt"
    assert only("explain select 1").inner.tree.DESCRIPTOR.name == "SelectStmt"  # type: ignore[union-attr]


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=80) | st.sampled_from(["select ", "delete from t ", "with a as (", ")", "(", "'", ";"]).map(str)
)
def test_understand_never_raises_and_never_calls_nonsense_a_read(text: str) -> None:
    known = understand(text)
    assert not (known.problem and known.statements)
    for statement in known.statements:
        assert statement.facts["class"]
        assert statement.facts["kind"] == {statement.kind}


def test_digest_is_the_exact_text() -> None:
    """A3: what is approved is what runs, to the byte; only the end of the text is free."""
    assert digest_text("delete from t;\n ") == b"delete from t"
    assert digest_text("delete from t") == digest_text("delete from t ;; ")
    assert digest_text("delete  from t") != digest_text("delete from t")
    assert digest_text("select 'é'") == "select 'é'".encode()
    assert digest_text("select \ud800") != digest_text("select ?")


def test_reasons_are_found_and_bounded() -> None:
    assert reason_of("-- reason: ticket 4711\ndelete from t") == "ticket 4711"
    assert reason_of("delete from t --REASON:  because \r\n") == "because"
    assert reason_of("delete from t") == ""
    assert len(reason_of("-- reason: " + "x" * 10000)) == 500
