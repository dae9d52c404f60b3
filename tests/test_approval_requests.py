"""What is filed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.approvals import AGENT_FOR_ALICE, DELETE, RETRY, REVIEW, session_of
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Caps, make_request
from twisted_hoop.errors import LimitExceeded

CAPS = Caps(shown=100)


def test_a_request_says_everything() -> None:
    command = replace(DELETE, reason="CHG-1", parameters=("1", None))
    request = make_request(session_of(AGENT_FOR_ALICE), command, REVIEW, 50.0, Caps())
    assert request.text == command.text and request.reason == "CHG-1" and request.parameters == ("1", None)
    assert request.tables == ("public.customers",) and request.classes == ("write",)
    assert request.requesters == AGENT_FOR_ALICE.everybody
    assert (request.created, request.deadline, request.detached) == (50.0, 350.0, False)


def test_without_waiting_it_stays_until_people_had_time() -> None:
    request = make_request(session_of(), DELETE, RETRY, 50.0, Caps(unattended=600.0))
    assert request.detached and request.deadline == 650.0


@pytest.mark.parametrize(
    "command",
    [
        replace(DELETE, text="x" * 101),
        replace(DELETE, text="é" * 51),
        replace(DELETE, parameters=("x" * 50, "x" * 50)),
        replace(DELETE, reason="x" * 90),
        replace(DELETE, context=(("search_path", "x" * 90),)),
    ],
)
def test_a3_what_cannot_be_shown_whole_is_refused(command: object) -> None:
    """A3: refused, never cut; counted in bytes, over everything that is shown."""
    with pytest.raises(LimitExceeded) as caught:
        make_request(session_of(), command, REVIEW, 0.0, CAPS)  # type: ignore[arg-type]
    assert caught.value.code == "54000"
    assert make_request(session_of(), replace(DELETE, text="x" * 60), REVIEW, 0.0, CAPS).text == "x" * 60


def test_time_expires_it() -> None:
    request = make_request(session_of(), DELETE, REVIEW, 0.0, Caps())
    assert request.at(299.9).state is State.PENDING and request.at(300.0).state is State.EXPIRED


def test_ids_are_random_and_fit_for_urls_and_command_lines() -> None:
    ids = {make_request(session_of(), DELETE, REVIEW, 0.0, Caps()).id for _ in range(100)}
    assert len(ids) == 100 and all(each.isalnum() and len(each) == 20 for each in ids)
