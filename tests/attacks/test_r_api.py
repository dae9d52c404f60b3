"""Attacks on recordings through the API: R2 (who may read, and that it is written down), R9 (names of files)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.api import RECORDED, Api, listening_api
from tests.support.approvals import ALICE, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.store.reads import ReadLog

PATH = f"/v1/sessions/{RECORDED}/recording"


def readings(api: Api) -> list[str]:
    return [row["reader_key"] for row in api.loop.run(lambda: api.parts.reads.of(RECORDED))]


def test_r2_only_auditors_and_never_unseen(api: Api) -> None:
    """R2: not the session's own principal, not an operator, not an approver; each reading has its row."""
    api.loop.run(lambda: api.parts.sessions.opened(session_of(ALICE, RECORDED)))
    for who in ("alice", "bob", "olga", "robot"):
        answer = api.ask("GET", PATH, who)
        assert answer.status == 403 and b"select" not in answer.body
    assert api.ask("GET", PATH).status == 401
    assert readings(api) == []
    for method in ("GET", "HEAD", "GET"):
        assert api.ask(method, PATH, "carol").status == 200
    assert readings(api) == [f"{ALICE.issuer}|carol"] * 3


def test_r2_forbidden_and_missing_look_the_same(api: Api) -> None:
    """R2: somebody who may not read does not learn what there is."""
    there = api.ask("GET", PATH, "alice")
    nowhere = api.ask("GET", "/v1/sessions/session-9999/recording", "alice")
    assert (there.status, there.json["detail"]) == (nowhere.status, nowhere.json["detail"])


class Unwritable(ReadLog):
    """A list of readings that cannot be written."""

    async def add(self, *_: object) -> None:  # type: ignore[override]
        raise StoreUnavailable("disk full")


def test_r2_what_cannot_be_written_down_is_not_read(office: Office, loop: Loop, tmp_path: Path) -> None:
    """R2: no row, no recording."""
    reads = Unwritable(office.database, office.time)
    with listening_api(office, loop, tmp_path / "state", reads=reads) as api:
        answer = api.ask("GET", PATH, "carol")
        assert answer.status == 503 and b"select" not in answer.body


@pytest.mark.parametrize(
    "ident",
    [
        "..%2f..%2fjwks.json",
        "..%2F..%2F..%2Fetc%2Fpasswd",
        "%2e%2e%2fsession-0001",
        "../../session-0001",
        "....//session-0001",
        "session-0001%00.hoop",
        "session-0001;x",
        "session-0001.hoop",
        "session-0001/",
        "SESSION-0001",
        "session 0001",
        "*",
        "a" * 65,
        "short",
        "sess\u0131on-0001",
    ],
)
def test_r9_names_are_ids_and_never_paths(api: Api, ident: str) -> None:
    """R9: traversal, escapes, NUL, patterns, other spellings."""
    import socket

    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        line = f"GET /v1/sessions/{ident}/recording HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        connection.sendall(line.encode() + f"Authorization: Bearer {api.token('carol')}\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.split(b"\r\n")[0].split(b" ")[1] in (b"404", b"400"), answer[:200]
    assert b"select" not in answer and readings(api) == []


def test_r9_a_link_in_the_folder_is_not_followed(api: Api) -> None:
    """R9: somebody who can write to the folder cannot make the API read elsewhere."""
    secret = api.state / "secret"
    secret.write_text("hunter2")
    real = next((api.state / "recordings").glob("*/*/*/*.hoop"))
    (real.parent / "session-link.hoop").symlink_to(secret)
    answer = api.ask("GET", "/v1/sessions/session-link/recording", "carol")
    assert b"hunter2" not in answer.body and answer.status != 200


def test_r2_a_damaged_recording_says_so(api: Api) -> None:
    """R2, R4: what is served is verified while it is read, and never silently cut."""
    real = next((api.state / "recordings").glob("*/*/*/*.hoop"))
    data = bytearray(real.read_bytes())
    data[len(data) // 2] ^= 1
    real.write_bytes(bytes(data))
    lines = api.ask("GET", PATH, "carol").body.splitlines()
    assert b'"kind": "damaged"' in lines[-1]


def test_r2_i8_an_agent_is_no_auditor_and_no_operator(api: Api) -> None:
    """R2, I8: whoever acts for an auditor would read recordings in that person's name, and lock people likewise."""
    agent = {"act": {"sub": "agent-7"}}
    auditor, operator = api.token("carol", **agent), api.token("olga", **agent)
    for path in (PATH, f"/v1/sessions/{RECORDED}/entries", "/v1/configuration", "/v1/approvals?scope=all"):
        assert api.ask("GET", path, token=auditor).status == 403, path
    who = api.ask("GET", "/v1/whoami", token=auditor).json
    assert who["chain"] and not who["auditor"] and readings(api) == []
    body = {"kind": "principal", "value": f"{ALICE.issuer}|alice"}
    assert api.ask("POST", "/v1/locks", token=operator, body=body).status == 403
    assert api.ask("POST", f"/v1/sessions/{RECORDED}/end", token=operator, body={}).status == 403


def test_r6_a_reason_has_no_control_characters(api: Api) -> None:
    """R6: what an operator says at the end of a session goes to the client's terminal, and into protocol errors."""
    for reason in ("\x1b]0;evil\x07", "a\x00b", "a\nb"):
        answer = api.ask("POST", f"/v1/sessions/{RECORDED}/end", "olga", {"reason": reason})
        assert answer.status == 400, reason
