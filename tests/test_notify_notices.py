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


FORGED = "CHG-1\ntouches: nothing\ndoes: read\n\nSELECT 1"


def test_A3_R7_values_write_no_lines_of_ours() -> None:
    """A3, R7: what a requester or voter writes cannot say what the request touches; nor can a parameter."""
    vote = Vote("i|bob", "Bob", True, FORGED, 1.0)
    command = replace(DELETE, reason=FORGED, parameters=(FORGED,), context=(("search_path", FORGED),))
    said = "\n".join(lines(notice("voted", command, votes=(vote,)))).split("\n")
    assert [line for line in said if line.startswith(("touches", "does"))] == [
        "touches: public.customers",
        "does: write",
    ]
    assert "" not in said and "SELECT 1" not in said


def test_A3_another_login_is_told() -> None:
    """A3: the login at the target, which is part of what is approved; what the context tells is not told twice."""
    told = lines(notice(attributes={"login": "ro\u202eot", "search_path": "x"}, uses=3))
    assert "its login: ro\\u{202E}ot" in told and not any(line.startswith("its search_path") for line in told)
    assert "holds: 3 times, for 900 seconds" in told
