"""Texts of one shape must have the same facts: else a cached reading would judge the wrong statement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.sql.reader import understand
from twisted_hoop.sql.shapes import shape_of

TEMPLATES = (
    "SELECT abalance FROM pgbench_accounts WHERE aid = {};",
    "update t set a={} where id = {}",
    "delete from t where id={} and x = {}",
    "select * from t where a = {} or b = {} order by 2",
    "insert into t select x from y where z = {}",
    "select case when a = {} then b end from t group by 1",
    "explain analyze delete from t where a = {}",
    "set work_mem = {}",
    "select a = {} from t; drop table t",
)


def facts(text: str) -> list[object]:
    return [(s.kind, s.facts, s.literals, s.sets if s.kind != "set" else ()) for s in understand(text).statements]


@given(st.sampled_from(TEMPLATES), st.lists(st.integers(0, 999_999_999), min_size=4, max_size=4))
def test_numbers_a_column_is_compared_with_do_not_matter(template: str, numbers: list[int]) -> None:
    first, second = template.format(*numbers[:2]), template.format(*numbers[2:])
    assert shape_of(first) == shape_of(second) != ""
    assert facts(first) == facts(second)


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "delete from t where 1 = 1",
        "delete from t where 1=1 -- a = 5",
        "select 'a = 5'",
        'select "a = 5" from t',
        "select $$a = 5$$",
        "select a from t where a = 5.5",
        "select a from t where a = 5e3",
        "select a from t where a >= 5",
        "select a from t where a != 5",
        "select f(a => 5)",
        "select a /* a = 5 */ from t",
        "select a from t where a = 12345678901",
        "select e\\a = 5",
        "select ä = 5 from t",
    ],
)
def test_nothing_else_counts(text: str) -> None:
    assert shape_of(text) in ("", text)


@given(st.text(alphabet="ab01 =<>!.;,()'\"$-/*\\", max_size=40))
def test_a_shape_has_its_own_shape(text: str) -> None:
    shape = shape_of(text)
    assert not shape or shape_of(shape) == shape


@given(st.text(alphabet="ab 01=<>;,()", max_size=30))
def test_a_shape_reads_as_its_text(text: str) -> None:
    shape = shape_of(text)
    if shape:
        one, other = understand(text), understand(shape)
        assert (one.problem, facts(text)) == (other.problem, facts(shape))
