from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.policy.windows import Window, parse_hours, zone_named


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


FRIDAY, SATURDAY, SUNDAY = "2026-11-20T", "2026-11-21T", "2026-11-22T"


def test_the_start_is_inside_and_the_end_is_not() -> None:
    window = Window("09:00-17:30", [], "UTC")
    assert [window.is_open(at(FRIDAY + t)) for t in ("08:59:59", "09:00", "17:29:59", "17:30")] == [0, 1, 1, 0]


def test_a_window_over_midnight_belongs_to_the_day_it_starts_on() -> None:
    window = Window("22:00-06:00", ["fri"], "UTC")
    assert window.is_open(at(FRIDAY + "22:00")) and window.is_open(at(SATURDAY + "05:59"))
    assert not window.is_open(at(FRIDAY + "05:00")) and not window.is_open(at(SATURDAY + "22:00"))
    assert not window.is_open(at(FRIDAY + "12:00"))


def test_sunday_night_reaches_into_monday() -> None:
    window = Window("22:00-06:00", ["sun"], "UTC")
    assert window.is_open(at(SUNDAY + "23:00")) and window.is_open(at("2026-11-23T01:00"))


def test_days_alone_are_whole_days() -> None:
    window = Window("", ["sat"], "UTC")
    assert window.is_open(at(SATURDAY + "00:00")) and window.is_open(at(SATURDAY + "23:59:59"))
    assert not window.is_open(at(SUNDAY + "00:00"))


def test_hours_are_those_of_the_zone_in_summer_and_winter() -> None:
    window = Window("09:00-17:00", [], "Europe/Berlin")
    assert window.is_open(at("2026-01-15T08:30")) and not window.is_open(at("2026-07-15T15:30"))
    assert window.is_open(at("2026-07-15T07:30")) and not window.is_open(at("2026-01-15T07:30"))


@pytest.mark.parametrize("hours", ["9:00-10:00", "25:00-26:00", "24:00-06:00", "10:00-24:01", "09:00-09:00", "x"])
def test_hours_that_are_none(hours: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_hours(hours)


def test_midnight_may_be_an_end() -> None:
    assert Window("18:00-24:00", [], "UTC").is_open(at(FRIDAY + "23:59"))


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "/etc/localtime", "a\0b", "Europe"])
def test_zones_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        zone_named(name)


@given(st.text())
def test_hours_are_parsed_or_refused(hours: str) -> None:
    try:
        start, end = parse_hours(hours)
    except ValueError:
        return
    assert 0 <= start < 1440 and 0 <= end <= 1440


@given(st.integers(0, 4_000_000_000), st.sampled_from(["UTC", "Asia/Kathmandu", "America/St_Johns", "Australia/Eucla"]))
def test_a_window_and_its_complement_share_the_day(now: int, zone: str) -> None:
    inside, outside = Window("09:00-17:00", [], zone), Window("17:00-09:00", [], zone)
    assert inside.is_open(now) is not outside.is_open(now)
