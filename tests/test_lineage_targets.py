"""M1: target lists, stars among them."""

from __future__ import annotations

import pytest

from tests.support.lineage import outputs

CASES = [
    ("select * from keys", ["id: keys.id", "data: keys.data"]),
    ("select k.*, 1 as one from keys k, people", ["id: keys.id", "data: keys.data", "one:"]),
    ("select public.keys.* from keys", ["id: keys.id", "data: keys.data"]),
    ("select (k).* from keys k", ["id: keys.id", "data: keys.data"]),
    ("select (q.r).* from (select k as r from keys k) q", None),
    ("select (magic(id)).* from keys", None),
    ("select nobody.* from keys", None),
    ("select *, card from nowhere, people", None),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected
