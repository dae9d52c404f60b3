"""Callbacks over HTTP. Attacks on them: attacks/test_a_callbacks.py."""

from __future__ import annotations

from pathlib import Path

from tests.support.api import listening_api
from tests.support.approvals import Office
from tests.support.loop import Loop
from twisted_hoop.errors import AuthenticationFailed, StoreUnavailable


class Slack:
    """What is given to the room behind."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []

    async def actions(self, timestamp: str, signature: str, body: bytes) -> None:
        self.seen.append((timestamp, signature, body))
        if body == b"away":
            raise StoreUnavailable("away")
        if body != b"well":
            raise AuthenticationFailed("not Slack's")


def test_headers_and_body_as_they_came(office: Office, loop: Loop, tmp_path: Path) -> None:
    slack = Slack()
    with listening_api(office, loop, tmp_path / "state", slack=slack) as api:
        headers = {"X-Slack-Request-Timestamp": "17", "X-Slack-Signature": "v0=ab"}
        answers = [api.ask("POST", "/v1/slack/actions", "", body, headers) for body in (b"well", b"ill", b"away")]
    assert [answer.status for answer in answers] == [200, 401, 503] and answers[0].body == b""
    assert slack.seen[0] == ("17", "v0=ab", b"well")
