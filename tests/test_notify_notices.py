"""What people are told."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.approvals import DELETE
from tests.support.notices import notice
from twisted_hoop.approval.ballots import Vote
from twisted_hoop.approval.shown import hides
from twisted_hoop.notify.notices import headline, lines


def test_everything_an_approver_needs_is_there() -> None:
    command = replace(DELETE, reason="CHG-1", parameters=("1", None))
    told = notice(command=command)
    assert headline(told) == "Alice asks for approval on shop"
    said = "\n".join(lines(told))
    for part in ("https://issuer.example|alice", "CHG-1", "writes need", "public.customers", "search_path: public"):
        assert part in said
    assert "$1: 1" in said and "$2: NULL" in said
    assert told.approval["digest"] and told.approval_id == told.approval["id"]


def test_how_it_ended_and_by_whom() -> None:
    vote = Vote("i|bob", "Bob", False, "not on a Friday", 1.0)
    told = notice("denied", votes=(vote,))
    assert headline(told) == "denied: Alice on shop (by Bob (i|bob))"
    assert any("no by Bob (i|bob): not on a Friday" in line for line in lines(told))
    assert headline(notice("interrupted")).startswith("interrupted: the request of Alice")
    assert headline(notice(action="access")) == "Alice asks to open shop"


@given(st.text(), st.text())
def test_A3_nothing_in_it_hides_or_acts(text: str, reason: str) -> None:
    told = notice(command=replace(DELETE, text=text, reason=reason, parameters=(text,)))
    whole = headline(told) + "\n".join(lines(told)) + str(told.approval["text"])
    assert not any(hides(char) for char in whole)
    json.dumps(told.approval)
