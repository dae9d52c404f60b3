"""What was read is kept for a while, used on in an outage where that is wanted, and read once for many."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.support.coroutines import now
from tests.support.tokens import Time
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.kept import FRESH, Flights, Kept
from twisted_hoop.secrets.secret import Secret

AWAY = SecretUnavailable("away", passing=True)
GONE = SecretUnavailable("status 404")


class Provider:
    def __init__(self) -> None:
        self.value: str | Exception = "one"
        self.reads = 0

    async def __call__(self) -> Secret:
        self.reads += 1
        if isinstance(self.value, Exception):
            raise self.value
        return Secret(self.value)


def kept(time: Time, stale: float = 0.0) -> Kept:
    return Kept(time, lambda: stale)


def test_r11_a_reading_under_way_of_another_place_is_of_no_worth() -> None:
    """R11: a reload names another cluster while the one before is asked: its answer is neither given to who waits nor
    kept, and its refusal is nobody's."""
    for outcome in (Secret("of the old"), AWAY):
        time, asked = Time(100.0), list[Deferred[Secret]]()

        async def read(asked: list[Deferred[Secret]] = asked) -> Secret:
            asked.append(Deferred())
            return await asked[-1]

        known = kept(time, stale=300.0)
        first, second = (Deferred.fromCoroutine(known.get("k8s:a/b#c", 60.0, read)) for _ in range(2))
        other = Deferred.fromCoroutine(known.get("vault:a/b#c", 60.0, read))
        known.drop("k8s")
        third = Deferred.fromCoroutine(known.get("k8s:a/b#c", 60.0, read))
        assert len(asked) == 3, "who asks after the reload joins no reading of before"
        asked[0].callback(outcome) if isinstance(outcome, str) else asked[0].errback(outcome)
        assert not first.called and not second.called and len(asked) == 3, "they join the new reading"
        asked[2].callback(Secret("of the new"))
        assert [each.result for each in (first, second, third)] == ["of the new"] * 3
        asked[1].callback(Secret("vault's"))
        assert other.result == "vault's" and len(asked) == 3
        assert now(known.get("k8s:a/b#c", 60.0, read)) == "of the new"


def test_it_is_read_again_when_its_time_is_over() -> None:
    time, provider = Time(100.0), Provider()
    known = kept(time)
    for _ in range(3):
        assert now(known.get("env:A", 60.0, provider)) == "one"
    assert provider.reads == 1
    time.now += 60
    provider.value = "two"
    assert now(known.get("env:A", 60.0, provider)) == "two"
    assert now(known.get("env:B", 0.0, provider)) == now(known.get("env:B", 0.0, provider))
    assert provider.reads == 4


def test_an_outage_is_refused_unless_stale_values_are_wanted() -> None:
    """Fail closed by default."""
    for stale, answer in ((0.0, None), (300.0, "one")):
        time, provider = Time(100.0), Provider()
        known = kept(time, stale)
        now(known.get("vault:a/b#c", 60.0, provider))
        time.now += 61
        provider.value = AWAY
        if answer is None:
            with pytest.raises(SecretUnavailable):
                now(known.get("vault:a/b#c", 60.0, provider))
        else:
            assert now(known.get("vault:a/b#c", 60.0, provider)) == answer
            time.now += stale
            with pytest.raises(SecretUnavailable):
                now(known.get("vault:a/b#c", 60.0, provider))


def test_R11_what_was_taken_away_is_not_used_on() -> None:
    """R11: a provider that says no has said no; only one that does not answer may be bridged."""
    time, provider = Time(100.0), Provider()
    known = kept(time, 300.0)
    now(known.get("k8s:a/b#c", 60.0, provider))
    time.now += 61
    provider.value = GONE
    with pytest.raises(SecretUnavailable, match="404"):
        now(known.get("k8s:a/b#c", 60.0, provider))
    provider.value = AWAY
    with pytest.raises(SecretUnavailable, match="away"):
        now(known.get("k8s:a/b#c", 60.0, provider))


def test_R11_what_another_place_said_is_not_used_on() -> None:
    """R11: the gateway is pointed at another cluster by a reload; the first one's secrets are not shown any more."""
    provider, known = Provider(), kept(Time(100.0), stale=600.0)
    for name in ("k8s:a/b#c", "aws-sm:a"):
        now(known.get(name, 60.0, provider))
    known.drop("k8s")
    provider.value = AWAY
    with pytest.raises(SecretUnavailable):
        now(known.get("k8s:a/b#c", 60.0, provider))
    assert now(known.get("aws-sm:a", 60.0, provider)) == "one"


def test_doubt_reads_it_anew_but_not_in_a_storm() -> None:
    time, provider = Time(100.0), Provider()
    known = kept(time)
    now(known.get("env:A", 60.0, provider))
    for _ in range(100):
        known.forget("env:A")
        now(known.get("env:A", 60.0, provider))
    assert provider.reads == 1
    time.now += FRESH
    known.forget("env:A")
    known.forget("env:OTHER")
    now(known.get("env:A", 60.0, provider))
    assert provider.reads == 2


def test_many_who_ask_at_once_are_one_who_reads() -> None:
    reads: list[int] = []
    answer: Deferred[str] = Deferred()
    flights: Flights[str] = Flights()

    async def work() -> str:
        reads.append(1)
        return await answer

    found: list[Any] = []
    waiting = [Deferred.fromCoroutine(flights.join("k", work)).addBoth(found.append) for _ in range(50)]
    waiting[0].cancel()
    answer.callback("it")
    assert reads == [1] and found.count("it") == 49
    answer = Deferred()
    again = [Deferred.fromCoroutine(flights.join("k", work)).addBoth(found.append) for _ in range(2)]
    answer.errback(AWAY)
    assert len(again) == 2 and [each.value for each in found[-2:]] == [AWAY, AWAY] and reads == [1, 1]
