"""Calls and replies as values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.approvals import AGENT_FOR_ALICE
from twisted_hoop.model import Peer
from twisted_hoop.web.calls import Call, Reply, named
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.views import ApprovalQuery, VoteBody


def call(body: bytes = b"", query: dict[str, list[str]] | None = None, **headers: list[str]) -> Call:
    names = {name.replace("_", "-"): values for name, values in headers.items()}
    return Call("GET", "/", query or {}, names, body, Peer("127.0.0.1"), True, "r")


JSON = ["application/json"]


@given(
    st.binary()
    | st.recursive(st.none() | st.booleans() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)).map(
        lambda v: json.dumps(v).encode()
    )
)
def test_any_body_is_a_vote_or_a_problem(body: bytes) -> None:
    try:
        assert isinstance(call(body, content_type=JSON).json(VoteBody), VoteBody)
    except Problem as problem:
        assert problem.status == 400 and problem.errors


@given(st.dictionaries(st.text(), st.lists(st.text(), min_size=1, max_size=2)))
def test_any_query_is_taken_or_a_problem(query: dict[str, list[str]]) -> None:
    try:
        assert isinstance(call(query=query).options(ApprovalQuery), ApprovalQuery)
    except Problem as problem:
        assert problem.status == 400


def test_errors_name_the_field_and_not_the_value() -> None:
    with pytest.raises(Problem) as caught:
        call(b'{"comment": 12345, "more": 1}', content_type=JSON).json(VoteBody)
    assert len(caught.value.errors) == 2 and "12345" not in str(caught.value.errors)
    assert caught.value.errors[0].startswith("comment: ")


def test_types_and_numbers() -> None:
    assert call(b"{}", content_type=["Application/JSON; charset=utf-8"]).json(VoteBody) == VoteBody()
    assert call(query={"limit": ["7"]}).options(ApprovalQuery).limit == 7


def test_a_header_sent_twice_is_refused() -> None:
    """I8: two Authorization headers: nobody knows which one a proxy looked at."""
    with pytest.raises(Problem) as caught:
        call(authorization=["Bearer a", "Bearer b"]).header("authorization")
    assert caught.value.status == 400


def test_replies_are_ascii() -> None:
    data: Any = Reply({"text": "\u2028\ud800é"}).data()
    assert data.isascii() and json.loads(data)["text"] == "\u2028\ud800é"
    assert Reply(text=b"as it is").data() == b"as it is"


def test_names_for_the_log() -> None:
    assert named(AGENT_FOR_ALICE) == f"{AGENT_FOR_ALICE.key} (Alice via agent-7)"
