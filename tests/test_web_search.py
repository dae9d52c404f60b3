"""Searching for commands over the API."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from tests.support.api import RECORDED, Api
from tests.support.recordings import command, recorded
from twisted_hoop.archive.indexer import read_on
from twisted_hoop.recording.library import Library


def ran(api: Api, name: str, *texts: str, started: float = 1_795_330_900.0) -> None:
    recorded(api.state, *(command(text) for text in texts), name=name, started=started)
    assert isinstance(api.parts.recordings, Library)
    assert read_on(api.office.database, api.parts.recordings, name)


def found(api: Api, query: str, **more: Any) -> Any:
    return api.ask("GET", "/v1/search?" + urlencode({"q": query, **more}), "carol").json


def reads(api: Api, name: str) -> list[str]:
    return [row["what"] for row in api.loop.run(lambda: api.parts.reads.of(name))]


def test_commands_are_found_and_the_reading_is_recorded(api: Api) -> None:
    """R2: of those that are shown, and of no other. R6: what is shown is safe to look at."""
    ran(api, "session-0002", "select 1", "DELETE FROM Straße \x1b[2J")
    ran(api, "session-0003", "select 2")
    (hit,) = found(api, '"from STRASSE" table:customers person:alice')["hits"]
    assert (hit["session"], hit["n"], hit["text"]) == ("session-0002", 2, "DELETE FROM Straße \\u{1B}[2J")
    assert (hit["who"], hit["target"], hit["decision"]) == ("alice via agent-7", "shop", "allow")
    assert reads(api, "session-0002") == ["search"] and reads(api, "session-0003") == []
    assert reads(api, RECORDED) == []


def test_recordings_are_for_auditors(api: Api) -> None:
    """R2."""
    assert api.ask("GET", "/v1/search?q=x", "bob").status == 403
    assert api.ask("GET", "/v1/search?q=x").status == 401


def test_a_query_that_cannot_be_read_says_why(api: Api) -> None:
    for query, why in (('"drop', "not closed"), ("user:x", "no user:"), ("since:soon", "since:")):
        answer = api.ask("GET", "/v1/search?" + urlencode({"q": query}), "carol")
        assert answer.status == 400 and why in answer.json["detail"]
    assert api.ask("GET", "/v1/search?cursor=abc", "carol").status == 400


def test_pages(api: Api) -> None:
    ran(api, "session-0002", *(f"select {number}" for number in range(5)))
    first = found(api, "select", limit=3)
    assert [hit["n"] for hit in first["hits"]] == [5, 4, 3]
    rest = found(api, "select", limit=3, cursor=first["next"])
    assert [hit["n"] for hit in rest["hits"]] == [2, 1] and rest["next"] == ""
