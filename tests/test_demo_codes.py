"""Authorization codes of the development issuer."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from twisted_hoop.demo.codes import LIFETIME, CodeError, Codes

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "response_type": "code",
    "client_id": "hoop",
    "redirect_uri": "http://127.0.0.1:8080/login/callback",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "s",
    "nonce": "n",
}
TAKEN = {"client_id": "hoop", "redirect_uri": ASKED["redirect_uri"], "code_verifier": VERIFIER}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def given(codes: Codes) -> str:
    query = parse_qs(urlsplit(codes.give(codes.asked(ASKED), "bob")).query)
    assert query["state"] == ["s"]
    return query["code"][0]


def test_a_code_is_good_once() -> None:
    codes = Codes(Clock())
    code = given(codes)
    found = codes.take({**TAKEN, "code": code})
    assert (found.who, found.client_id, found.nonce) == ("bob", "hoop", "n")
    with pytest.raises(CodeError):
        codes.take({**TAKEN, "code": code})


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "code_verifier"])
def test_a_code_is_good_for_who_asked(name: str) -> None:
    """I7."""
    codes = Codes(Clock())
    with pytest.raises(CodeError, match="somebody else"):
        codes.take({**TAKEN, "code": given(codes), name: "other"})


def test_a_code_is_good_for_a_minute() -> None:
    clock = Clock()
    codes = Codes(clock)
    code = given(codes)
    clock.now = LIFETIME
    with pytest.raises(CodeError, match="no such code"):
        codes.take({**TAKEN, "code": code})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_type", "token"),
        ("code_challenge_method", "plain"),
        ("code_challenge", ""),
        ("client_id", ""),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", "http://127.0.0.1.evil.example/"),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", "http://[/"),
    ],
)
def test_what_is_refused(name: str, value: str) -> None:
    """I7: no open redirect, no code without PKCE."""
    with pytest.raises(CodeError):
        Codes(Clock()).asked({**ASKED, name: value})
