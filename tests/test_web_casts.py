"""Terminals as asciicast."""

from __future__ import annotations

import json

import pytest

from tests.support.api import RECORDED, Api
from tests.support.recordings import recorded
from twisted_hoop.model import Peer, Principal
from twisted_hoop.recording.streams import stream_entry, terminal_entry
from twisted_hoop.web import casts
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.casts import Casts
from twisted_hoop.web.problems import Problem

CAROL = Principal("i", "carol", groups=frozenset({"auditors"}))


def cast(api: Api, ident: str = "session-0005", channel: int = -1, who: Principal = CAROL) -> list[object]:
    made = Casts(api.parts, Archive(api.parts, api.loop.reactor), api.loop.reactor)
    data = api.loop.run(lambda: made.cast(who, Peer("192.0.2.7"), "request-1", ident, channel))
    return [json.loads(line) for line in data.splitlines()]


@pytest.fixture
def played(api: Api) -> Api:
    """Two channels: a plain one, and one with a terminal."""
    entries = [
        stream_entry("output", 0, "stdout", b"first\n"),
        terminal_entry(1, "xterm", 120, 40),
        stream_entry("output", 1, "stdout", b"second\n"),
    ]
    recorded(api.state, *entries, name="session-0005")
    return api


def test_the_first_terminal_is_played_or_the_channel_that_is_asked_for(played: Api) -> None:
    header, event = cast(played)
    assert header["term"]["cols"] == 120 and "second" in event[2]  # type: ignore[index]
    assert "first" in str(cast(played, channel=0)) and "second" not in str(cast(played, channel=0))


def test_the_reading_is_recorded_and_for_auditors(played: Api) -> None:
    """R2."""
    cast(played)
    assert [row["what"] for row in played.loop.run(lambda: played.parts.reads.of("session-0005"))] == ["cast"]
    with pytest.raises(Problem, match="for auditors"):
        cast(played, who=Principal("i", "bob"))


def test_what_has_no_terminal(played: Api) -> None:
    for ident, channel in ((RECORDED, -1), ("session-0005", 7)):
        with pytest.raises(Problem, match="no terminal"):
            cast(played, ident, channel)


def test_what_is_too_long(played: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casts, "LONGEST", 100)
    with pytest.raises(Problem, match="too long"):
        cast(played)


def test_over_the_api(played: Api) -> None:
    """GET /v1/sessions/{id}/cast, for auditors."""
    path = "/v1/sessions/session-0005/cast"
    answer = played.ask("GET", f"{path}?channel=0", "carol")
    assert answer.status == 200 and json.loads(answer.body.splitlines()[0])["version"] == 3
    assert played.ask("GET", f"{path}?channel=x", "carol").status == 400
    assert played.ask("GET", f"{path}?channel=7", "carol").status == 404
    assert played.ask("GET", path, "bob").status == 403
