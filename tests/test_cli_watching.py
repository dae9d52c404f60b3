"""`hoop approvals watch` and `hoop sessions watch` as processes, against a real API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tests.support.api import Api
from tests.support.approvals import ALICE, DELETE, RETRY, session_of
from tests.support.gateway import wait_for
from twisted_hoop.model import Outcome


@contextmanager
def watching(api: Api, who: str, *arguments: str) -> Iterator[list[str]]:
    """The lines a watching command prints."""
    environ = {**os.environ, "HOOP_URL": api.url, "HOOP_TOKEN": api.token(who), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "twisted_hoop.cli", *arguments]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    out = process.stdout
    assert out is not None
    reader = threading.Thread(target=lambda: [lines.append(line) for line in iter(out.readline, "")], daemon=True)
    reader.start()
    try:
        wait_for(lambda: len(api.parts.feed), "the watcher")
        yield lines
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        out.close()


def test_requests_as_they_come_and_go(api: Api) -> None:
    first = api.file(ALICE, RETRY, DELETE)
    api.office.time.seconds += 1
    with watching(api, "bob", "approvals", "watch", "--json") as lines:
        wait_for(lambda: lines, "what waited before")
        second = api.file(ALICE, RETRY, replace(DELETE, text="DELETE FROM other -- \x1b]0;evil\x07"))
        wait_for(lambda: len(lines) >= 2, "both requests")
        api.ask("POST", f"/v1/approvals/{second}/deny", "bob", {})
        wait_for(lambda: len(lines) >= 3, "the denial")
    found = [(each["id"], each["state"]) for each in map(json.loads, lines)]
    assert found == [(first, "pending"), (second, "pending"), (second, "denied")]
    assert not any("\x1b" in line for line in lines)


def test_sessions_as_they_open_and_close(api: Api) -> None:
    index = api.parts.sessions
    with watching(api, "carol", "sessions", "watch") as lines:
        opened = replace(session_of(ALICE, "session-9"), started=api.office.time())
        api.loop.run(lambda: index.opened(opened))
        wait_for(lambda: any("session-9  live" in line for line in lines), "the opening")
        api.office.time.seconds += 1
        api.loop.run(lambda: index.closed("session-9", Outcome("client-lost"), 1))
        wait_for(lambda: any("closed (client-lost)" in line for line in lines), "the end")
