"""Buttons in Slack: parsing, and what is told. Attacks on them: attacks/test_a_callbacks.py."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.notify.slack import APPROVE
from twisted_hoop.notify.slack_actions import Press, parse_press, voter_of
from twisted_hoop.settings.notify import SlackUser

WELL = {
    "type": "block_actions",
    "user": {"id": "U01"},
    "actions": [{"action_id": APPROVE, "value": json.dumps({"id": "aaaaaaaa", "digest": "d" * 64})}],
    "response_url": "https://hooks.slack.example/actions/x",
}


def body(payload: object) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def test_a_button() -> None:
    pressed = Press("U01", True, "aaaaaaaa", "d" * 64, "https://hooks.slack.example/actions/x")
    assert parse_press(body(WELL)) == pressed


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "view_submission"},
        {"user": {}},
        {"user": {"id": 7}},
        {"actions": []},
        {"actions": WELL["actions"] * 2},  # type: ignore[operator]
        {"actions": [{"action_id": "other_app", "value": "{}"}]},
        {"actions": [{"action_id": APPROVE, "value": "{"}]},
        {"actions": [{"action_id": APPROVE, "value": json.dumps({"id": "aaaaaaaa", "digest": ""})}]},
        {"actions": [{"action_id": APPROVE, "value": json.dumps({"id": "aaaaaaaa"})}]},
        {"response_url": 7},
    ],
)
def test_what_is_no_button_of_ours(changed: dict[str, object]) -> None:
    assert parse_press(body({**WELL, **changed})) is None


_json = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@given(st.binary() | _json.map(body))
def test_anything_is_a_button_or_none(data: bytes) -> None:
    """A value or None, never anything else."""
    found = parse_press(data)
    assert found is None or isinstance(found, Press)


def test_only_users_that_are_mapped_are_somebody() -> None:
    users = [SlackUser(id="U01", issuer="https://i", subject="bob", groups=["dba"])]
    known = voter_of(users, "U01")
    assert known is not None and known.key == "https://i|bob" and known.groups == {"dba"} and known.proof == "slack"
    assert voter_of(users, "U02") is None
