"""Messages for Slack."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.approvals import DELETE
from tests.support.loop import Loop
from tests.support.notices import Secrets, notice
from tests.support.web import running_web
from twisted_hoop.notify.posting import Poster
from twisted_hoop.notify.slack import APPROVE, DENY, Slack, message
from twisted_hoop.settings import NotifySection


def texts(made: dict[str, Any]) -> str:
    return "".join(block["text"]["text"] for block in made["blocks"] if block["type"] == "section")


def buttons(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [element for block in made["blocks"] if block["type"] == "actions" for element in block["elements"]]


def test_a_request_has_buttons_bound_to_what_is_shown() -> None:
    told = notice()
    made = message(told, buttons=True)
    assert [each["action_id"] for each in buttons(made)] == [APPROVE, DENY]
    value = json.loads(buttons(made)[0]["value"])
    assert value == {"id": told.approval_id, "digest": told.approval["digest"]}
    assert "DELETE FROM customers" in texts(made)
    assert buttons(message(told, buttons=False)) == []
    assert buttons(message(notice("granted"), buttons=True)) == []


def test_A3_what_is_too_long_is_not_cut_but_has_no_buttons() -> None:
    long = notice(command=replace(DELETE, text="x" * 40_000))
    made = message(long, buttons=True)
    assert buttons(made) == [] and "too long to be shown here" in texts(made)
    fits = notice(command=replace(DELETE, text="y" * 12_000))
    assert "y" * 12_000 in texts(message(fits, buttons=True)) and buttons(message(fits, buttons=True))


@given(st.text(max_size=4000))
def test_A3_nothing_is_formatted_and_blocks_keep_to_slacks_limits(text: str) -> None:
    made = message(notice(command=replace(DELETE, text=text)), buttons=True)
    assert len(made["blocks"]) <= 50
    for block in made["blocks"]:
        if block["type"] == "section":
            assert block["text"]["type"] == "plain_text" and 0 < len(block["text"]["text"]) <= 3000


def test_it_is_posted_to_the_webhook_behind_the_reference(loop: Loop) -> None:
    seen: list[Any] = []

    def answer(request: Any) -> bytes:
        seen.append(json.loads(request.content.read()))
        return b"ok"

    with running_web(loop) as web:
        web.answers["/services/T/B/x"] = answer
        section = NotifySection(name="s", kind="slack", url="env:URL")
        poster = loop.run(lambda: Poster(loop.reactor))
        slack = Slack(section, poster, Secrets(URL=f"{web.url}/services/T/B/x"))
        loop.run(lambda: slack.deliver(notice()))
    assert "DELETE FROM customers" in texts(seen[0]) and buttons(seen[0]) == []
