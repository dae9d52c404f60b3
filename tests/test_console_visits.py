from __future__ import annotations

import pytest

from tests.support.approvals import ALICE, BOB, Time
from twisted_hoop.console import visits
from twisted_hoop.console.visits import Visits
from twisted_hoop.model import Principal
from twisted_hoop.settings import ConsoleSection


def made(time: Time, ended: set[str] | None = None, **terms: float) -> Visits:
    def still_valid(principal: Principal) -> bool:
        return principal.key not in (ended or set())

    return Visits(time, still_valid, lambda: ConsoleSection.model_validate(terms))


def test_a_visit_is_found_by_its_id_alone() -> None:
    ours = made(Time())
    first, second = ours.begin(BOB), ours.begin(BOB)
    assert first != second and len(first) >= 43
    visit = ours.find(first)
    assert visit is not None and visit.principal is BOB and visit is not ours.find(second)
    for other in ("", first[:-1], first + "x", "\ud800"):
        assert ours.find(other) is None
    assert first not in repr(ours._visits) and first.encode() not in ours._visits


def test_visits_end_by_log_out_time_and_idleness() -> None:
    time = Time()
    ours = made(time, lifetime=1000.0, idle=100.0)
    one, two, three = ours.begin(BOB), ours.begin(BOB), ours.begin(BOB)
    ours.end(one)
    ours.end(one)
    assert ours.find(one) is None
    for _ in range(19):
        time.seconds += 50
        assert ours.find(two)
    assert ours.find(three) is None
    time.seconds += 50
    assert ours.find(two) is None and len(ours) == 0


def test_what_a_page_asks_by_itself_keeps_no_visit() -> None:
    time = Time()
    ours = made(time, idle=100.0)
    ident = ours.begin(BOB)
    for _ in range(3):
        time.seconds += 30
        assert ours.peek(ident)
    time.seconds += 30
    assert ours.peek(ident) is None


def test_I9_a_visit_ends_with_the_identity_it_stands_on() -> None:
    ended: set[str] = set()
    ours = made(Time(), ended)
    ident = ours.begin(BOB)
    assert ours.find(ident)
    ended.add(BOB.key)
    assert ours.find(ident) is None
    ended.clear()
    assert ours.find(ident) is None


def test_forms_carry_the_visits_own_token() -> None:
    ours = made(Time())
    one, two = ours.find(ours.begin(BOB)), ours.find(ours.begin(BOB))
    assert one is not None and two is not None
    assert one.meant(one.csrf) and not one.meant(two.csrf) and not one.meant("") and not one.meant("ü\ud800")


def test_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "MAX_VISITS", 2)
    ours = made(Time())
    oldest, *others = [ours.begin(BOB) for _ in range(3)]
    assert ours.find(oldest) is None and all(ours.find(each) for each in others)


def test_nobody_logs_others_out_by_logging_in_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "OF_ONE", 3)
    ours = made(Time())
    other = ours.begin(ALICE)
    oldest, *mine = [ours.begin(BOB) for _ in range(4)]
    assert ours.find(oldest) is None and ours.find(other) and all(ours.find(each) for each in mine)
    assert len(ours) == 4
