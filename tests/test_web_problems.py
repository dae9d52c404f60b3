"""Errors as clients see them (RFC 9457)."""

from __future__ import annotations

import pytest

from twisted_hoop.approval.ballots import Objection
from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable, StoreUnavailable, UnknownRecording
from twisted_hoop.web.problems import Problem, problem_of


def test_the_body_has_the_members_of_the_rfc() -> None:
    body = Problem(409, "decided already", errors=("a: b",)).body("r1")
    assert body == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "decided already",
        "errors": ["a: b"],
        "instance": "urn:hoop:request:r1",
    }


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Objection("missing", "x"), 404),
        (Objection("forbidden", "x"), 403),
        (Objection("decided", "x"), 409),
        (Objection("changed", "x"), 409),
        (AuthenticationFailed("secret reason"), 401),
        (IssuerUnavailable("secret reason"), 503),
        (StoreUnavailable("secret reason"), 503),
        (UnknownRecording("secret reason"), 404),
    ],
)
def test_expected_faults(fault: Exception, status: int) -> None:
    problem = problem_of(fault)
    assert problem is not None and problem.status == status
    assert "secret" not in str(problem.body("r"))


def test_anything_else_is_not_told() -> None:
    assert problem_of(KeyError("x")) is None


def test_a_401_says_how_to_authenticate() -> None:
    problem = problem_of(AuthenticationFailed("why"))
    assert problem is not None and problem.headers["WWW-Authenticate"].startswith("Bearer")
