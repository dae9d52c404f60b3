"""Sessions and recordings over HTTP."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import RECORDED, Api, listening_api
from tests.support.approvals import ALICE, BOB, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.model import Outcome, Session


class Handle:
    """The end of a live session, as its bridge would see it."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []

    def end(self, code: str, message: str) -> None:
        self.ended.append((code, message))

    def cancel(self) -> None:
        raise AssertionError("nobody cancels here")


def opened(api: Api, session: Session) -> Handle:
    handle = Handle()
    api.loop.run(lambda: api.live.open(session, handle))
    api.loop.run(lambda: api.parts.sessions.opened(session))
    return handle


def test_everybody_sees_their_own_and_auditors_all(api: Api) -> None:
    opened(api, session_of(ALICE, "session-alice"))
    opened(api, session_of(BOB, "session-bob"))
    api.loop.run(lambda: api.parts.sessions.closed("session-bob", Outcome("closed"), 3))
    mine = api.ask("GET", "/v1/sessions", "alice").json["sessions"]
    assert [row["id"] for row in mine] == ["session-alice"] and mine[0]["state"] == "live"
    everybody = api.ask("GET", "/v1/sessions", "carol").json["sessions"]
    assert {row["id"] for row in everybody} == {"session-alice", "session-bob"}
    only = api.ask("GET", "/v1/sessions?subject=bob&target=shop", "carol").json["sessions"]
    assert [(row["who"], row["count"], row["outcome"]) for row in only] == [("Bob", 3, "closed")]
    assert api.ask("GET", "/v1/sessions/session-bob", "alice").status == 404
    assert api.ask("GET", "/v1/sessions/session-none", "carol").status == 404
    assert api.ask("GET", "/v1/sessions/session-bob", "carol").json["target"] == "shop"


def test_a_recording_is_lines_of_json(api: Api) -> None:
    answer = api.ask("GET", f"/v1/sessions/{RECORDED}/recording", "carol")
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [line["kind"] for line in lines] == ["open", "command", "close"]
    assert answer.headers["content-type"] == "application/x-ndjson" and b"\x1b" not in answer.body


def test_operators_end_sessions(api: Api) -> None:
    handle = opened(api, session_of(ALICE, "session-alice"))
    path = "/v1/sessions/session-alice/end"
    assert api.ask("POST", path, "alice", {}).status == 403
    assert api.ask("POST", path, "carol", {}).status == 403
    assert api.ask("POST", "/v1/sessions/session-none/end", "olga", {}).status == 404
    assert api.ask("POST", path, "olga", {"reason": ""}).status == 400
    assert handle.ended == []
    assert api.ask("POST", path, "olga", {"reason": "maintenance"}).status == 202
    assert handle.ended == [("57P01", "hoop: maintenance")]


class Long:
    """A library whose recording is far larger than any buffer."""

    taken = 0

    def read(self, session: str) -> Iterator[dict[str, Any]]:
        def entries() -> Iterator[dict[str, Any]]:
            for number in range(2000):
                self.taken = number
                yield {"kind": "outcome", "n": number, "text": "x" * 10_000}

        return entries()


def test_a_long_recording_is_streamed_whole(office: Office, loop: Loop, tmp_path: Path) -> None:
    with listening_api(office, loop, tmp_path / "state", recordings=Long()) as api:
        answer = api.ask("GET", "/v1/sessions/session-long/recording", "carol")
        assert len(answer.body.splitlines()) == 2000


def test_a_reader_that_stops_is_waited_for_and_one_that_leaves_is_forgotten(
    office: Office, loop: Loop, tmp_path: Path
) -> None:
    long = Long()
    with listening_api(office, loop, tmp_path / "state", recordings=long) as api:
        with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
            head = f"Host: x\r\nAuthorization: Bearer {api.token('carol')}\r\n\r\n"
            connection.sendall(b"GET /v1/sessions/session-long/recording HTTP/1.1\r\n" + head.encode())
            connection.recv(10)
            time.sleep(0.3)
            reached = long.taken
            assert reached < 1500  # the sockets' buffers and no more
        time.sleep(0.1)
        assert long.taken < 1999
        assert api.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("who", ["alice", "olga"])
def test_recordings_are_for_auditors(api: Api, who: str) -> None:
    assert api.ask("GET", f"/v1/sessions/{RECORDED}/recording", who).status == 403
