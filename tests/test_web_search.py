"""Searching recordings for commands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import RECORDED, Api
from tests.support.recordings import command, recorded, session
from twisted_hoop.model import Peer, Principal
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.search import MOST_HITS, SECONDS, Search
from twisted_hoop.web.views import SessionQuery

CAROL = Principal("i", "carol", groups=frozenset({"auditors"}))
PEER = Peer("192.0.2.7")


def ran(api: Api, name: str, *texts: str, started: float = 1_800_000_000.0) -> None:
    recorded(api.state, *(command(text) for text in texts), name=name)
    api.loop.run(lambda: api.parts.sessions.opened(session(name, started)))


def found(api: Api, text: str, who: Principal = CAROL, clock: Any = None, **query: Any) -> dict[str, Any]:
    options = {"clock": clock} if clock else {}
    search = Search(api.parts, Archive(api.parts, api.loop.reactor), api.loop.reactor, **options)
    wanted = SessionQuery.model_validate(query)
    return api.loop.run(lambda: search.commands(who, PEER, "request-1", wanted, text))


def reads(api: Api, name: str) -> list[str]:
    return [row["what"] for row in api.loop.run(lambda: api.parts.reads.of(name))]


def test_commands_are_found_in_any_case_and_the_reading_is_recorded(api: Api) -> None:
    """R2: of those that are shown, and of no other."""
    ran(api, "session-0002", "select 1", "DELETE FROM Straße \x1b[2J")
    ran(api, "session-0003", "select 2", started=1_800_000_001.0)
    page = found(api, "from STRASSE")
    assert [(each["id"], each["hits"]) for each in page["sessions"]] == [
        ("session-0002", ["DELETE FROM Straße \\u{1B}[2J"])
    ]
    assert (page["read"], page["next"]) == (2, "")
    assert reads(api, "session-0002") == ["search"] and reads(api, "session-0003") == []


def test_only_so_many_hits_of_one_session(api: Api) -> None:
    ran(api, "session-0002", *(f"select {number}" for number in range(9)))
    assert len(found(api, "select")["sessions"][0]["hits"]) == MOST_HITS


def test_recordings_are_for_auditors(api: Api) -> None:
    """R2."""
    with pytest.raises(Problem, match="for auditors"):
        found(api, "x", Principal("i", "bob", groups=frozenset({"dba"})))


def test_it_goes_on_where_time_ran_out(api: Api) -> None:
    """R14: one page reads for so long, and the next begins behind it."""
    for number in range(3):
        ran(api, f"session-000{number + 2}", f"select {number}", started=1_800_000_000.0 + number)
    ticks = iter(range(0, 1000, int(SECONDS) + 1))
    first = found(api, "select", clock=lambda: next(ticks))
    assert [each["id"] for each in first["sessions"]] == ["session-0004"] and first["read"] == 1
    rest = found(api, "select", cursor=first["next"])
    assert [each["id"] for each in rest["sessions"]] == ["session-0003", "session-0002"] and rest["next"] == ""


def test_what_is_gone_or_damaged_is_passed_over(api: Api) -> None:
    api.loop.run(lambda: api.parts.sessions.opened(session("session-0009")))
    ran(api, "session-0002", "select 1", "select 2")
    path = api.parts.recordings.find("session-0002")  # type: ignore[attr-defined]
    data = bytearray(path.read_bytes())
    data[-400] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    assert found(api, "select 1")["read"] == 2
    assert RECORDED not in str(found(api, "select"))
