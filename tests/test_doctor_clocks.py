"""Clocks compared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.doctor.clocks import compared, time_of


def test_a_second_is_nothing_a_minute_breaks_log_ins() -> None:
    assert [compared("x", 1000.0 + off, 1000.0).state for off in (0, 1, -30, 30, 300)] == [
        "ok",
        "ok",
        "warning",
        "warning",
        "error",
    ]
    assert "300 s behind that of x" in compared("x", 1300.0, 1000.0).what
    assert "300 s ahead of that of x" in compared("x", 700.0, 1000.0).what


def test_date_headers() -> None:
    assert time_of("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777.0
    assert time_of("yesterday") is None and time_of("") is None


@given(st.text())
def test_any_header_is_a_time_or_none(text: str) -> None:
    found = time_of(text)
    assert found is None or isinstance(found, float)
