"""Sessions and recordings as pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.api import RECORDED
from tests.support.recordings import command, outcome, recorded, session
from tests.support.visitor import ConsoleHouse, text_of, words_of
from twisted_hoop.archive.indexer import read_on
from twisted_hoop.model import Entry, Outcome, Session
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.streams import stream_entry, terminal_entry


def opened(
    console: ConsoleHouse, name: str = RECORDED, started: float = 1_800_000_000.0, ended: bool = True
) -> Session:
    made = session(name, started, console.person("alice"))
    console.api.loop.run(lambda: console.parts.sessions.opened(made))
    if ended:
        console.api.loop.run(lambda: console.parts.sessions.closed(name, Outcome("closed", ""), 3))
    return made


def reads(console: ConsoleHouse, name: str = RECORDED) -> list[tuple[str, str]]:
    found = console.api.loop.run(lambda: console.parts.reads.of(name))
    return [(row["reader_key"].rpartition("|")[2], row["what"]) for row in found]


class Handle:
    """A live session that remembers how it was ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []

    def end(self, code: str, message: str) -> None:
        self.ended.append((code, message))

    def cancel(self) -> None:
        """Nothing runs."""

    def activity(self) -> tuple[int, bool, bool]:
        return 0, False, False

    def outdated(self) -> bool:
        return False


def test_sessions_by_people_target_state_and_day(console: ConsoleHouse) -> None:
    opened(console)
    opened(console, "session-0002", 1_800_100_000.0, ended=False)
    carol = console.visitor("carol")
    words = words_of(carol.get("/sessions"))
    assert words.count("Alice") == 2 and "live" in words and "2027-01-15 08:00:00" in words
    for query, count in (
        ("who=ali", 2),
        ("who=bob", 0),
        ("target=shop&state=live", 1),
        ("from=2027-01-16&to=2027-01-16", 1),
        ("to=2027-01-15", 1),
        ("who=&target=&from=&to=", 2),
    ):
        assert words_of(carol.get(f"/sessions?{query}")).count("Alice") == count, query
    for query in ("from=yesterday", "state=x", "cursor=x!", "unknown=1", "who=a&who=b"):
        assert carol.get(f"/sessions?{query}").status == 400


def test_pages_of_sessions(console: ConsoleHouse) -> None:
    for number in range(3):
        opened(console, f"session-100{number}", 1_800_000_000.0 + number)
    page = text_of(console.visitor("carol").get("/sessions?limit=2&who=ali"))
    assert "session-1002" in page and "session-1000" not in page
    link = page.partition('class="pager"><a href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "session-1000" in text_of(console.visitor("carol").get(link))


def test_everybody_sees_their_own_and_no_recording(console: ConsoleHouse) -> None:
    opened(console)
    alice, bob = console.visitor("alice"), console.visitor("bob")
    assert f"/sessions/{RECORDED}" in text_of(alice.get("/sessions"))
    assert alice.get(f"/sessions/{RECORDED}").status == 200
    assert "No session is like that" in words_of(bob.get("/sessions"))
    assert bob.get(f"/sessions/{RECORDED}").status == 404
    for page in ("recording", "entries", "replay", "cast", "export"):
        assert alice.get(f"/sessions/{RECORDED}/{page}").status == 403
        assert bob.get(f"/sessions/{RECORDED}/{page}").status in (403, 404)
    assert alice.get("/search?q=select").status == 403


def test_a_recording_as_a_timeline(console: ConsoleHouse) -> None:
    opened(console, "session-0003")
    refused = Entry(
        "refused", {"command": 2, "text": "drop table x", "decision": "deny", "rule": "never", "reason": "no"}
    )
    recorded(console.api.state, command("select 1", command=1), outcome(command=1), refused, name="session-0003")
    carol = console.visitor("carol")
    words = words_of(carol.get("/sessions/session-0003/recording"))
    assert "select 1" in words and "→ SELECT 1, 1 rows, 42 bytes" in words and "rule readers" in words
    assert "refused" in words and "drop table x" in words and "reason no" in words
    assert reads(console, "session-0003") == [("carol", "entries")]
    assert "carol" in words_of(carol.get("/sessions/session-0003"))


def test_finding_and_choosing_in_a_recording(console: ConsoleHouse) -> None:
    opened(console, "session-0003")
    entries = [command(f"select {number}", command=number) for number in range(5)]
    recorded(console.api.state, *entries, name="session-0003")
    carol = console.visitor("carol")
    page = text_of(carol.get("/sessions/session-0003/recording?find=SELECT+3"))
    assert page.count('class="found"') == 1
    assert "select 3" not in text_of(carol.get("/sessions/session-0003/recording?kind=refused"))
    first = text_of(carol.get("/sessions/session-0003/recording?limit=2"))
    assert "More entries" in first and "select 4" not in first
    assert "select 4" in text_of(carol.get("/sessions/session-0003/entries?after=3", hx_request="true"))
    assert carol.get("/sessions/session-0003/recording?after=x").status == 400


def test_a_live_recording_asks_for_more(console: ConsoleHouse) -> None:
    opened(console, ended=False)
    page = text_of(console.visitor("carol").get(f"/sessions/{RECORDED}/recording"))
    assert 'hx-trigger="load delay:1s"' in page and f"/sessions/{RECORDED}/entries?after=" in page


def test_searching_commands(console: ConsoleHouse) -> None:
    """R2: what is shown of a recording is a reading of it."""
    recorded(console.api.state, command("DELETE FROM Customers <b>"), name="session-0003")
    database, library = console.api.office.database, console.api.parts.recordings
    assert isinstance(library, Library)
    assert read_on(database, library, "session-0003") and read_on(database, library, RECORDED)
    carol = console.visitor("carol")
    answer = carol.get("/search?q=%22from+customers%22+person:alice")
    assert "DELETE FROM Customers <b>" in words_of(answer) and "&lt;b&gt;" in text_of(answer)
    assert "/sessions/session-0003/recording?after=0" in text_of(answer)
    assert reads(console, "session-0003") == [("carol", "search")] and reads(console) == []
    assert "No command is like that" in words_of(carol.get("/search?q=nothing+like+it"))
    assert "is not closed" in words_of(carol.get("/search?q=%22drop")) and carol.get("/search?limit=0").status == 400


def test_export(console: ConsoleHouse) -> None:
    answer = console.visitor("carol").get(f"/sessions/{RECORDED}/export")
    entries = [json.loads(line) for line in answer.body.splitlines()]
    assert [entry["kind"] for entry in entries] == ["open", "command", "close"]
    assert reads(console) == [("carol", "recording")]


def terminal(console: ConsoleHouse) -> None:
    output = [stream_entry("output", 0, "stdout", data) for data in (b"$ ls\r\n", b"a  b\x1b]52;c;AAAA\x07\r\n")]
    recorded(console.api.state, terminal_entry(0, "xterm", 100, 30), *output, name="session-0005")
    made = session("session-0005", principal=console.person("alice"))
    console.api.loop.run(lambda: console.parts.sessions.opened(made))


def test_terminals_are_played_under_their_own_policy(console: ConsoleHouse) -> None:
    terminal(console)
    carol = console.visitor("carol")
    page = carol.get("/sessions/session-0005/replay?channel=0")
    assert 'data-source="/sessions/session-0005/cast?channel=0"' in text_of(page)
    assert "'wasm-unsafe-eval'" in page.headers["content-security-policy"]
    cast = carol.get("/sessions/session-0005/cast?channel=0")
    header, *events = [json.loads(line) for line in cast.body.splitlines()]
    assert header["version"] == 3 and header["term"]["cols"] == 100
    assert "$ ls" in events[0][2] and "\x1b]52" not in str(events)
    assert reads(console, "session-0005") == [("carol", "cast")]
    assert carol.get("/sessions/session-0005/cast?channel=7").status == 404
    assert carol.get("/sessions/session-0005/cast?channel=x").status == 400
    assert carol.get(f"/sessions/{RECORDED}/cast").status == 404


@pytest.mark.parametrize("who", ["olga", "carol", "alice"])
def test_operators_end_sessions(console: ConsoleHouse, who: str) -> None:
    made, handle = opened(console, ended=False), Handle()
    console.api.loop.run(lambda: console.api.live.open(made, handle))
    sent = console.visitor(who).post(f"/sessions/{RECORDED}/end", reason="incident 12")
    if who == "olga":
        assert sent.status == 303 and handle.ended == [("57P01", "hoop: incident 12")]
    else:
        assert sent.status == 403 and handle.ended == []


def test_ending_what_does_not_live_and_reasons_that_are_none(console: ConsoleHouse) -> None:
    olga = console.visitor("olga")
    opened(console)
    assert olga.post(f"/sessions/{RECORDED}/end").status == 404
    bad: dict[str, Any] = {"reason": "x" * 501}
    assert olga.post(f"/sessions/{RECORDED}/end", **bad).status == 400
    assert olga.post(f"/sessions/{RECORDED}/end", reason="a\x07b").status == 400
