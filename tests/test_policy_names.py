from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.policy.names import Forbidden, Permitted, parts_of

dotted = st.lists(st.sampled_from(["public", "hr", "orders", "salaries", "a"]), min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize("pattern", ["orders", "public.orders", r"public\.(orders|x)", "ord[e]rs", r"public\..*"])
@pytest.mark.parametrize("name", ["orders", "public.orders"])
def test_to_permit_a_name_without_schema_is_in_public(pattern: str, name: str) -> None:
    assert Permitted([pattern], 2).matches(name)


@pytest.mark.parametrize("pattern", ["hr.orders", r"hr\..*", "[^.]+"])
def test_to_permit_no_other_schema_is_meant(pattern: str) -> None:
    assert not Permitted([pattern], 2).matches("public.orders" if pattern.startswith("hr") else "hr.orders")
    assert not Permitted(["hr.orders", r"hr\..*"], 2).matches("orders")


def test_to_permit_a_function_without_schema_is_postgresqls_own() -> None:
    covered = Permitted(["lower"], 2, home="pg_catalog")
    assert covered.matches("lower") and covered.matches("pg_catalog.lower")
    assert not covered.matches("public.lower")


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("hr.salaries", "salaries"),
        (r"hr\..*", "salaries"),
        (r"(hr|pay)\.salaries", "salaries"),
        (r"(hr\.salaries|hr\.bonus)", "salaries"),
        ("salaries", "hr.salaries"),
        ("sal.*", "hr.salaries"),
        (r"hr\..*", "hr.sala\nries"),
    ],
)
def test_to_forbid_a_name_without_schema_may_be_anywhere(pattern: str, name: str) -> None:
    assert Forbidden([pattern], 2).matches(name)


def test_to_forbid_a_whole_name_is_not_taken_for_another() -> None:
    assert not Forbidden([r"hr\..*", "hr.salaries"], 2).matches("public.orders")
    assert not Forbidden(["hr.salaries"], 2).matches("orders")


@pytest.mark.parametrize("name", ["ssn", "customers.ssn", "public.customers.ssn"])
@pytest.mark.parametrize("pattern", ["public.customers.ssn", "customers.ssn", r".*\.ssn", "ssn"])
def test_to_forbid_columns_by_any_part_of_their_name(pattern: str, name: str) -> None:
    assert Forbidden([pattern], 3).matches(name)


@given(dotted, dotted)
def test_what_is_covered_is_also_forbidden(pattern: str, name: str) -> None:
    """The two readings lean to opposite sides: what a text permits, the same text forbids."""
    if Permitted([pattern], 2).matches(name):
        assert Forbidden([pattern], 2).matches(name)


def test_a_quoted_part_may_hold_dots() -> None:
    assert parts_of('hr."pay.roll"') == ["hr", '"pay.roll"']
    assert not Permitted(["public.orders"], 2).matches('"public.orders"')
    assert Forbidden([r"hr\..*"], 2).matches('"pay.roll"')  # written without schema: may be in hr
    assert not Forbidden([r"hr\..*"], 2).matches('public."hr.x"')
