"""Signatures."""

from __future__ import annotations

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.notify.signing import from_slack, signature


def test_ours_is_what_the_page_says() -> None:
    said = hmac.new(b"key", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature("key", 1_700_000_000, b'{"a":1}') == f"v1={said}"


def test_slacks_own_example() -> None:
    """From Slack's page on verifying requests."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    given_one = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    secret, at = "8f742231b10e8888abcd99yyyzzz85a5", 1531420618.0
    assert from_slack(secret, "1531420618", given_one, body, at)
    assert not from_slack(secret, "1531420618", given_one, body + b"x", at)
    assert not from_slack(secret, "1531420618", given_one, body, at + 301)
    assert not from_slack(secret, "1531420618", given_one, body, at - 301)
    assert not from_slack(secret, "1531420619", given_one, body, at)
    assert not from_slack("", "1531420618", given_one, body, at)


@given(st.text(), st.text(), st.text(), st.binary())
def test_anything_else_is_refused_and_nothing_fails(secret: str, timestamp: str, given_one: str, body: bytes) -> None:
    assert not from_slack(secret, timestamp, given_one, body, 1e9)
