"""Origins and their unions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.lineage.values import EMPTY, Origin, opaque, union, union_columns, whole, with_opaque

ORIGINS = st.builds(
    Origin, st.frozensets(st.tuples(st.integers(1, 3), st.integers(1, 3))), st.sampled_from(["", "why", "other"])
)


@given(st.lists(ORIGINS))
def test_a_union_loses_nothing(origins: list[Origin]) -> None:
    found = union(origins)
    assert found.columns == frozenset().union(*(o.columns for o in origins))
    assert bool(found.opaque) == any(o.opaque for o in origins)
    assert union_columns([("x", o) for o in origins]) == found


def test_unknown_columns_are_opaque() -> None:
    assert whole(None).opaque
    assert whole(()) == EMPTY


@given(ORIGINS)
def test_opaque_keeps_its_first_reason(origin: Origin) -> None:
    found = with_opaque(origin, "late")
    assert found.columns == origin.columns
    assert found.opaque == (origin.opaque or "late")
    assert opaque("why") == Origin(frozenset(), "why")
