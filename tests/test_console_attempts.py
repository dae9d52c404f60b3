"""Log-ins on their way: sealed into one browser, finished once, in time."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.approvals import Time
from twisted_hoop.console import attempts
from twisted_hoop.console.attempts import LIFETIME, Attempts


def test_an_attempt_is_finished_once_by_the_browser_that_began_it() -> None:
    """I7."""
    ours = Attempts(Time())
    attempt, cookie = ours.begin("/approvals/x")
    assert ours.finish("", attempt.state) is None
    assert ours.finish(cookie, "") is None and ours.finish(cookie, attempt.state + "x") is None
    assert ours.finish(cookie, attempt.state) == attempt
    assert ours.finish(cookie, attempt.state) is None


def test_a_log_in_begun_at_one_replica_is_finished_at_another_of_the_same_gateway() -> None:
    time, key = Time(), b"k" * 32
    attempt, cookie = Attempts(time, key).begin("/")
    assert Attempts(time, key).finish(cookie, attempt.state) == attempt
    assert Attempts(time, b"j" * 32).finish(cookie, attempt.state) is None
    assert Attempts(time).finish(cookie, attempt.state) is None


def test_states_of_two_browsers_do_not_mix() -> None:
    ours = Attempts(Time())
    (one, cookie_one), (two, cookie_two) = ours.begin("/"), ours.begin("/")
    assert len({one.state, one.nonce, one.verifier, two.state, two.nonce, two.verifier}) == 6
    assert ours.finish(cookie_one, two.state) is None
    assert ours.finish(cookie_two, two.state) == two


def test_time_runs_out() -> None:
    time = Time()
    ours = Attempts(time)
    attempt, cookie = ours.begin("/")
    time.seconds += LIFETIME + 1
    assert ours.finish(cookie, attempt.state) is None


def test_another_process_does_not_open_it() -> None:
    attempt, cookie = Attempts(Time()).begin("/")
    assert Attempts(Time()).finish(cookie, attempt.state) is None


def test_the_challenge_is_that_of_the_verifier() -> None:
    """RFC 7636 section 4.2."""
    attempt, _ = Attempts(Time()).begin("/")
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    assert base64.urlsafe_b64decode(attempt.challenge + "=") == digest
    assert 43 <= len(attempt.verifier) <= 128


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MAX_USED", 3)
    ours = Attempts(Time())
    for _ in range(5):
        attempt, cookie = ours.begin("/")
        assert ours.finish(cookie, attempt.state)
    assert len(ours._used) == 3


@given(st.text(), st.text())
def test_any_text_is_no_attempt(cookie: str, state: str) -> None:
    assert Attempts(Time()).finish(cookie, state) is None
