from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.policy.columns import ForbiddenColumns, PermittedColumns


@pytest.mark.parametrize("pattern", ["public.customers.ssn", "customers.ssn", r".*\.ssn", "ssn", r"public\.c.*\.s.*"])
@pytest.mark.parametrize("name", ["public.customers.*", "customers.*", "?.*", "?.ssn", "public.customers.ssn"])
def test_a_forbidden_column_is_met_by_everything_that_may_show_it(pattern: str, name: str) -> None:
    assert ForbiddenColumns([pattern]).matches(name)


def test_other_tables_and_columns_are_not_met() -> None:
    forbidden = ForbiddenColumns(["public.customers.ssn", r"hr\.salaries\..*"])
    assert not forbidden.matches("public.orders.*") and not forbidden.matches("public.customers.id")
    assert not forbidden.matches("public.orders.ssn")
    assert ForbiddenColumns([r"public\.(a\.x|b\.y)"]).matches("public.c.*")  # cannot be cut: fails closed


def test_all_columns_are_covered_only_by_a_pattern_for_all() -> None:
    assert PermittedColumns([r"public\.customers\..*"]).matches("public.customers.*")
    for pattern in (
        "public.customers.id",
        r"public\.customers\.(id|.)",
        r"public\.customers\.\*",
        r"customers\.[a-z]+",
    ):
        assert not PermittedColumns([pattern]).matches("public.customers.*")


def test_a_column_of_no_known_table_is_not_taken_to_be_in_public() -> None:
    assert not PermittedColumns([r"public\..*"]).matches("?.id") and not PermittedColumns(["id"]).matches("?.id")
    assert PermittedColumns([r".*\.id"]).matches("?.id")
    assert PermittedColumns(["customers.id"]).matches("public.customers.id")


@given(st.sampled_from(["a.b.c", "b.c", "c", r"a\..*", r".*\.c", "(", "x"]), st.text())
def test_any_name_gets_an_answer(pattern: str, name: str) -> None:
    if pattern != "(":
        assert ForbiddenColumns([pattern]).matches(name) in (True, False)
        assert PermittedColumns([pattern]).matches(name) in (True, False)
