"""Long INSERTs of constants are understood by their first row; nothing else is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sql import only
from twisted_hoop.sql.bulk import head_of_bulk
from twisted_hoop.sql.reader import understand

ROWS = ",\n".join(f"({i}, 'it''s {i}', null, -1.5e3, true)" for i in range(9000))
LONG = f'INSERT INTO public."Orders" (a, b, "C", d, e) VALUES {ROWS};\n'


def test_a_long_insert_is_understood() -> None:
    assert len(LONG) > 100_000
    statement = only(LONG)
    assert statement.facts["table_write"] == {"public.Orders"}
    assert statement.facts["class"] == {"write"}
    assert (statement.text, len(statement.literals)) == (LONG, 9000)
    assert statement.literals[1] == "it's 1"


def test_it_takes_bounded_time() -> None:
    text = LONG[:-2] + "," + ",".join(["('" + "a" * 5000 + "')"] * 120)
    start = time.process_time()
    understand(text)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    "tail",
    [
        ", (lo_export(1, 'x'))",
        ", ((select 1))",
        ", (1); drop table t",
        "; drop table t",
        " returning *",
        ", (E'\\'')",
        ", ('a'::int)",
        " on conflict do nothing",
        ", (1) -- x",
        ", (1) /* x */",
        ", (x)",
        ", ($1)",
        ", ('a)",
        ", (1 + 1)",
        ", (U&'a')",
        ", ('a' 'b')",
        ", (1a)",
        ", (0x1F)",
        ", (1",
        ", ()",
        ",",
        ', ("a")',
        ", (N'a')",
        "; select 1",
        ", ($$a$$)",
        ", (nullif(1,2))",
        ", (true.x)",
    ],
)
def test_anything_else_at_the_end_is_not(tail: str) -> None:
    """P9: what is not looked at by the parser must be shown to be constants."""
    text = LONG.rstrip(";\n") + tail
    assert head_of_bulk(text) is None
    assert understand(text).problem == "oversize"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*"(),;'-.+e1 x", "''", "null", "true", "1.5", "'a'", "(1)", "(1),", "values", "/*", "--"]),
        max_size=12,
    ).map("".join)
)
def test_what_is_shortened_is_what_the_parser_would_see(tail: str) -> None:
    """The regular expression accepts nothing that PostgreSQL's grammar reads as anything but rows of constants."""
    text = "insert into t (a) values (1)" + tail
    shortened = head_of_bulk(text)
    if shortened is not None:
        known = understand(text)
        assert known.problem in ("", "unknown")
        if not known.problem:
            assert len(known.statements) == 1
            assert known.statements[0].facts == only("insert into t (a) values (1)").facts
            assert known.statements[0].literals == shortened[1]
