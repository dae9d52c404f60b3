from __future__ import annotations

import pytest

from twisted_hoop.console.attempts import LIFETIME
from twisted_hoop.console.handing import challenge_of
from twisted_hoop.console.saml_attempts import HANDED, Asking, Handovers, SamlAttempts, asking_of
from twisted_hoop.model import Kind, Principal

KEY = b"k" * 32
ANN = Principal("https://idp", "u-1", "Ann", frozenset({"b", "a"}), Kind.HUMAN, (), "saml", 5000.0, "ab" * 32, 3)
VERIFIER = "v" * 43


def test_i7_an_attempt_ends_where_and_as_it_began() -> None:
    """I7: the browser's own cookie, the provider it was sent to, the RelayState it was given; ten minutes."""
    now = [1000.0]
    attempts = SamlAttempts(lambda: now[0], KEY)
    attempt, cookie = attempts.begin("corp", "/approvals", Asking("c" * 43, 8000))
    assert attempt.request.startswith("_") and len(attempt.request) >= 33 and len(attempt.relay) <= 80
    assert attempts.finish(cookie, "corp", attempt.relay) == attempt
    assert SamlAttempts(lambda: now[0], KEY).finish(cookie, "corp", attempt.relay) == attempt  # at another replica
    _, other = attempts.begin("corp", "/")
    for wrong in (
        (cookie, "corp", "x"),
        (cookie, "other", attempt.relay),
        (other, "corp", attempt.relay),
        ("", "corp", ""),
    ):
        assert attempts.finish(*wrong) is None
    now[0] += LIFETIME + 1
    assert attempts.finish(cookie, "corp", attempt.relay) is None


def test_requests_are_never_the_same() -> None:
    attempts = SamlAttempts(lambda: 0.0)
    made = [attempts.begin("corp", "/")[0] for _ in range(20)]
    assert len({each.request for each in made}) == len({each.relay for each in made}) == 20


def test_a_code_is_worth_something_to_who_asked_for_it() -> None:
    now = [1000.0]
    handovers = Handovers(lambda: now[0], KEY)
    code = handovers.code(ANN, "corp", challenge_of(VERIFIER))
    handed = handovers.redeem(code, VERIFIER)
    assert handed is not None and handed.principal == ANN and handed.provider == "corp"
    assert handovers.redeem(code, "w" * 43) is None and handovers.redeem("x" + code, VERIFIER) is None
    _, cookie = SamlAttempts(lambda: now[0], KEY).begin("corp", "/")
    assert handovers.redeem(cookie, VERIFIER) is None
    now[0] += HANDED + 1
    assert handovers.redeem(code, VERIFIER) is None


def test_what_programs_ask_with() -> None:
    assert asking_of("", "") is None and asking_of("c" * 43, "") == Asking("c" * 43, 0)
    asking = asking_of("c" * 43, "8000")
    assert asking is not None and asking.port == 8000 and len(asking.number) == 9
    for challenge, port in (
        ("c" * 42, ""),
        ("", "80"),
        ("c" * 43, "0"),
        ("c" * 43, "65536"),
        ("c" * 43, "1/x"),
        ("ü" * 43, ""),
    ):
        with pytest.raises(ValueError, match="no challenge, or no port"):
            asking_of(challenge, port)
