"""Attacks on recordings by way of the console: R2 (who reads), R6 (what plays), R9 (paths), R11 (what leaks), R15."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.api import RECORDED
from tests.support.approvals import DELETE, RETRY
from tests.support.recordings import command, recorded, session
from tests.support.visitor import SECRET, ConsoleHouse, text_of
from twisted_hoop.archive.indexer import read_on
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.streams import stream_entry, terminal_entry

PAGES = ("recording", "entries", "replay", "cast", "export")


def reads(console: ConsoleHouse) -> list[str]:
    found = console.api.loop.run(lambda: console.parts.reads.of(RECORDED))
    return [row["reader_key"].rpartition("|")[2] for row in found]


def opened(console: ConsoleHouse, who: str = "alice", name: str = RECORDED) -> None:
    console.api.loop.run(lambda: console.parts.sessions.opened(session(name, principal=console.person(who))))


def test_r2_recordings_are_for_auditors(console: ConsoleHouse) -> None:
    """R2: not for strangers, the session's own principal, approvers or operators."""
    opened(console)
    for who in ("", "alice", "bob", "olga", "robot"):
        visitor = console.visitor(who)
        for page in PAGES:
            answer = visitor.get(f"/sessions/{RECORDED}/{page}")
            assert answer.status in (303, 403, 404) and "select" not in text_of(answer)
        assert visitor.get("/search?q=select").status in (303, 403)
    assert reads(console) == []


def test_r2_each_reading_is_recorded_before_it_is_shown(console: ConsoleHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """R2: and when it cannot be recorded, nothing is shown."""
    opened(console)
    carol = console.visitor("carol")
    for page in ("recording", "export"):
        assert carol.get(f"/sessions/{RECORDED}/{page}").status == 200
    assert reads(console) == ["carol", "carol"]

    def broken(*_: object, **__: object) -> object:
        from twisted_hoop.errors import StoreUnavailable

        raise StoreUnavailable("full")

    dave = console.visitor("dave", groups=["auditors"])
    assert isinstance(console.api.parts.recordings, Library)
    read_on(console.api.office.database, console.api.parts.recordings, RECORDED)
    for name in ("add", "add_all"):
        monkeypatch.setattr(f"twisted_hoop.store.reads.ReadLog.{name}", broken)
    for page in ("recording", "entries", "export"):
        answer = dave.get(f"/sessions/{RECORDED}/{page}")
        assert answer.status == 503 and "select" not in text_of(answer)
    assert dave.get("/search?q=select").status == 503


ESCAPES = [
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]0;title\x07",
    "\x1b[c",
    "\x1b[6n",
    "\x1bP+q544e\x1b\\",
    "\x9b5n",
    "\x1b]8;;http://x\x07",
]


def test_r6_escapes_neither_show_nor_play(console: ConsoleHouse) -> None:
    """R6: clipboard, title, device reports, links: written out on pages, taken out of what the player gets."""
    carol = console.visitor("carol")
    for number, escape in enumerate(ESCAPES):
        entries = [
            command(f"echo {escape}", rule=escape, reason=escape),
            terminal_entry(0, f"xterm{escape}", 80, 24),
            stream_entry("output", 0, "stdout", f"before{escape}after".encode()),
        ]
        name = f"session-001{number}"
        recorded(console.api.state, *entries, name=name)
        opened(console, name=name)
        page = text_of(carol.get(f"/sessions/{name}/recording"))
        assert "\x1b" not in page and "\x9b" not in page and "\x07" not in page and "before" in page
        cast = carol.get(f"/sessions/{name}/cast")
        played = "".join(event[2] for event in map(json.loads, cast.body.splitlines()[1:]) if event[1] == "o")
        assert "before" in played and "after" in played
        assert escape not in played and "\x1b" not in played and "\x9b" not in played, escape


def test_r9_sessions_are_ids(console: ConsoleHouse) -> None:
    """R9."""
    carol = console.visitor("carol")
    for ident in ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00aaaaaaaa", "a" * 65, "short", "a.aaaaaaa"):
        for page in PAGES:
            assert carol.get(f"/sessions/{ident}/{page}").status == 404


def test_r11_no_page_has_a_credential(console: ConsoleHouse) -> None:
    """R11: neither the client's secret, nor the ID token, nor the id of the visit."""
    carol = console.visitor("carol")
    console.api.file(console.person("alice"), RETRY, DELETE)
    opened(console)
    for path in ("/approvals", "/sessions", "/targets", "/rules", "/health", f"/sessions/{RECORDED}", "/may-i"):
        page = text_of(carol.get(path))
        assert SECRET not in page and "eyJ" not in page and carol.cookie.partition("=")[2] not in page


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["GET", "POST", "HEAD", "PUT"]),
    st.sampled_from(
        ["/approvals/list", "/sessions", "/approvals/past", "/login", "/login/callback", "/may-i", "/access"]
    )
    | st.text(alphabet="/abcdefgh0123._-~", max_size=30).map(lambda text: "/" + text),
    st.text(alphabet="ab=&%0;+ü\x00", max_size=30),
    st.binary(max_size=60),
)
def test_r15_nothing_a_browser_sends_is_an_internal_error(
    console: ConsoleHouse, method: str, path: str, query: str, body: bytes
) -> None:
    """R15."""
    import urllib.parse

    carol = getattr(console, "carol", None) or console.visitor("carol")
    console.carol = carol  # type: ignore[attr-defined]
    where = urllib.parse.quote(path) + "?" + urllib.parse.quote(query, safe="=&%;+")
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{console.host}"}
    answer = carol.ask(method, where, b"csrf=" + carol.csrf.encode() + b"&" + body if method == "POST" else None, sent)
    assert answer.status != 500, (method, where, body)
