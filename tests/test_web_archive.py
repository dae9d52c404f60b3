"""Sessions and recordings as values. Rights over HTTP: attacks/test_r_api.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import RECORDED, Api
from tests.support.approvals import ALICE, BOB, CAROL, session_of
from tests.support.recordings import command, recorded
from twisted_hoop.model import Outcome, Peer
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.inputs import EntriesQuery
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.views import SessionQuery

PEER = Peer("127.0.0.1")


def entries(api: Api, archive: Archive, ident: str = RECORDED, **query: Any) -> dict[str, Any]:
    return api.loop.run(lambda: archive.entries(CAROL, PEER, "r1", ident, EntriesQuery(**query)))


@pytest.fixture
def archive(api: Api) -> Archive:
    return Archive(api.parts, api.loop.reactor)


def test_a_recording_in_pages(api: Api, archive: Archive) -> None:
    recorded(api.state, *(command(f"select {n}") for n in range(7)), name="session-0002")
    seen: list[dict[str, Any]] = []
    after: int | None = -1
    while after is not None:
        page = entries(api, archive, "session-0002", after=after, limit=3)
        seen += page["entries"]
        after = page["next"]
        assert page["damaged"] == ""
    assert [entry["n"] for entry in seen] == list(range(len(seen)))
    assert seen[0]["kind"] == "open" and seen[-1]["kind"] == "close"
    only = entries(api, archive, "session-0002", kind="command")["entries"]
    assert [entry["text"] for entry in only] == [f"select {n}" for n in range(7)]
    assert entries(api, archive, "session-0002", after=1000) == {"entries": [], "next": None, "damaged": ""}


def test_R2_every_reading_is_recorded_and_pages_of_one_are_one(api: Api, archive: Archive) -> None:
    for _ in range(3):
        entries(api, archive, limit=1)
    readings = _readings(api)
    assert [each["what"] for each in readings] == ["entries"]
    api.loop.run(lambda: archive.lines(CAROL, PEER, "r2", RECORDED))
    assert [each["what"] for each in _readings(api)] == ["entries", "recording"]


def _readings(api: Api) -> list[dict[str, Any]]:
    return api.loop.run(lambda: api.parts.reads.of(RECORDED))


def test_R2_only_auditors_read(api: Api, archive: Archive) -> None:
    for who in (ALICE, BOB):
        with pytest.raises(Problem) as caught:
            api.loop.run(lambda who=who: archive.entries(who, PEER, "r", RECORDED, EntriesQuery()))  # type: ignore[misc]
        assert caught.value.status == 403
    assert _readings(api) == []


def test_a_damaged_recording_gives_what_is_good_and_says_where_it_ends(api: Api, archive: Archive) -> None:
    path = recorded(api.state, *(command(f"select {n}") for n in range(20)), name="session-0003")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    page = entries(api, archive, "session-0003")
    assert 0 < len(page["entries"]) < 20 and "byte" in page["damaged"] and page["next"] is None


def test_sessions_are_found_by_who_target_time_and_state(api: Api, archive: Archive) -> None:
    index = api.parts.sessions

    async def fill() -> None:
        for number, who in enumerate((ALICE, BOB, replace(ALICE, name="J\u00fcrgen", subject="j%_\\"))):
            made = replace(session_of(who, f"session-{number}"), started=1000.0 + number)
            await index.opened(made)
        await index.closed("session-1", Outcome("closed"), 3)

    api.loop.run(fill)

    def found(**query: Any) -> list[str]:
        page = api.loop.run(lambda: archive.sessions(CAROL, SessionQuery(**query)))
        return [row["id"] for row in page["sessions"]]

    assert found() == ["session-2", "session-1", "session-0"]
    assert found(state="live") == ["session-2", "session-0"] and found(state="closed") == ["session-1"]
    assert (
        found(who="BOB") == ["session-1"]
        and found(who="j\u00dcrg") == ["session-2"]
        and found(who="%_") == ["session-2"]
    )
    assert found(since=1001, until=1002) == ["session-1"] and found(target="other") == []
    assert found(protocol="postgres", subject="alice") == ["session-0"]
    page = api.loop.run(lambda: archive.sessions(CAROL, SessionQuery(limit=2)))
    rest = api.loop.run(lambda: archive.sessions(CAROL, SessionQuery(limit=2, cursor=page["next"])))
    assert [row["id"] for row in rest["sessions"]] == ["session-0"] and rest["next"] == ""
    own = api.loop.run(lambda: archive.sessions(BOB, SessionQuery()))
    assert [row["id"] for row in own["sessions"]] == ["session-1"]
