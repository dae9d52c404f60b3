from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml.times import posix_time, written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2027-01-15T08:00:00Z", 1_800_000_000.0),
        ("2027-01-15T08:00:00.5Z", 1_800_000_000.5),
        ("2027-01-15T08:00:00.1234567Z", 1_800_000_000.1234567),
        ("2027-01-15T10:00:00+02:00", 1_800_000_000.0),
        ("2027-01-15T03:30:00-04:30", 1_800_000_000.0),
    ],
)
def test_times_as_providers_write_them(text: str, seconds: float) -> None:
    """.NET writes seven digits; some write an offset."""
    assert posix_time(text, "NotBefore") == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2027-01-15",
        "2027-01-15T08:00:00",
        "2027-02-30T08:00:00Z",
        "2027-01-15T08:00:60Z",
        "0001-01-01T00:00:00+23:59",
        "２０27-01-15T08:00:00Z",
        "2027-01-15T08:00:00Z ",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(AuthenticationFailed, match="NotBefore"):
        posix_time(text, "NotBefore")


@given(st.integers(0, 4_000_000_000))
def test_what_is_written_is_read(seconds: int) -> None:
    assert posix_time(written(seconds), "x") == seconds


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_the_error(text: str) -> None:
    with contextlib.suppress(AuthenticationFailed):
        assert isinstance(posix_time(text, "x"), float)
