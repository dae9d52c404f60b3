"""What clients are shown."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.support.approvals import AGENT_FOR_ALICE, BOB, DELETE, REVIEW, session_of
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Caps, make_request
from twisted_hoop.store.sessions import SessionRow
from twisted_hoop.web.views import ApprovalQuery, approval_view, session_view


def test_an_approval_is_shown_whole_and_safe() -> None:
    """A3, R6: everything but `text`, which is exact, is fit for a terminal."""
    command = replace(DELETE, text="a\x1b", parameters=("b\x1b", None), reason="c\x1b", context=(("p", "d\x1b"),))
    request = make_request(session_of(AGENT_FOR_ALICE), command, REVIEW, 1.0, Caps())
    view = approval_view(request, BOB)
    assert view.pop("text") == "a\x1b"
    assert "\x1b" not in str(view) and view["shown"] == "a\\u{1B}" and view["parameters"] == ["b\\u{1B}", None]
    assert view["principal"]["label"] == "Alice via agent-7"
    assert json.dumps(view)


def test_states_of_a_query() -> None:
    assert ApprovalQuery().states == {State.PENDING}
    assert ApprovalQuery(state="all").states == set(State)


def test_a_session_that_lives_and_one_that_ended() -> None:
    who = {"issuer": "i", "subject": "s", "name": "", "kind": "human", "chain": []}
    row = SessionRow("id", "i|s", "s", who, "shop", "postgres", "::1", 10.0, None, "live", 0)
    assert (session_view(row)["state"], session_view(row)["seconds"]) == ("live", None)
    ended = session_view(replace(row, ended=12.5, state="target-lost"))
    assert (ended["state"], ended["outcome"], ended["seconds"], ended["who"]) == ("closed", "target-lost", 2.5, "s")
