"""How a command ended, of every Status that API servers send, and of anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.kubernetes.exits import exit_of, refused_status


def failure(*causes: object, message: str = "it failed") -> bytes:
    """A Status of a command that failed."""
    return json.dumps({"status": "Failure", "message": message, "details": {"causes": list(causes)}}).encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"metadata":{},"status":"Success"}', {"status": 0}),
        (failure({"reason": "ExitCode", "message": "137"}), {"status": 137}),
        (failure({"reason": "Other"}, {"reason": "ExitCode", "message": "2"}), {"status": 2}),
        (failure({"reason": "ExitCode", "message": "-1"}), {"failed": "it failed"}),
        (failure("odd"), {"failed": "it failed"}),
        (b'{"status":"Failure","details":[]}', {"failed": ""}),
        (b"command terminated\xff", {"failed": "command terminated\ufffd"}),
        (b"[1]", {"failed": "[1]"}),
    ],
)
def test_how_it_ended(data: bytes, expected: dict[str, object]) -> None:
    assert exit_of(data) == expected


def test_ours_says_why() -> None:
    assert exit_of(refused_status("hoop: no")) == {"failed": "hoop: no"}


@given(st.binary(max_size=60))
def test_anything_is_an_end(data: bytes) -> None:
    assert set(exit_of(data)) <= {"status", "failed"}
