"""What others' servers send: no bearer token, but a signature of their own that is checked first (A9)."""

from __future__ import annotations

from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem


class Callbacks:
    """Handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def slack(self, call: Call, principal: Principal | None) -> Reply:
        """POST /v1/slack/actions: a button in Slack was pressed. Signed by Slack; replays are refused."""
        if self._parts.slack is None:
            raise Problem(404, "no such resource")
        if not (call.peer.encrypted or call.local):
            raise Problem(403, "callbacks are not taken in the clear: use TLS")
        timestamp, signature = call.header("x-slack-request-timestamp"), call.header("x-slack-signature")
        await self._parts.slack.actions(timestamp, signature, call.body)
        return Reply(text=b"", media_type="text/plain")
