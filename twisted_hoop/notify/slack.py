"""Messages in Slack by an incoming webhook, with buttons where the channel knows who may press them.

Source: Slack's Block Kit reference; a plain_text section holds 3,000 characters and a message 50 blocks. Nothing of a
request's text is formatted, and none is cut (A3): what is too long for a message has no buttons but a link.
"""

from __future__ import annotations

import json
from typing import Any

from zope.interface import implementer

from twisted_hoop.interfaces import INotifier, ISecretStore
from twisted_hoop.model import Notice
from twisted_hoop.notify.notices import headline, lines
from twisted_hoop.notify.posting import Poster
from twisted_hoop.notify.webhook import address
from twisted_hoop.settings import NotifySection

APPROVE, DENY = "hoop_approve", "hoop_deny"
_SECTION = 2900
_SECTIONS = 8


@implementer(INotifier)
class Slack:
    """See the module."""

    def __init__(self, section: NotifySection, poster: Poster, secrets: ISecretStore) -> None:
        self._section = section
        self._poster = poster
        self._secrets = secrets

    async def deliver(self, notice: Notice) -> None:
        """See INotifier."""
        body = json.dumps(message(notice, bool(self._section.users))).encode("ascii")
        url = await address(self._secrets, self._section.url)
        await self._poster.post(url, body, {"Content-Type": "application/json"})


def message(notice: Notice, buttons: bool) -> dict[str, Any]:
    """The message; with buttons when they are wanted, something waits, and the whole text can be shown."""
    told = notice.approval
    text = str(told["text"])
    whole = "\n".join(lines(notice))
    fits = len(text) + len(whole) <= _SECTION * _SECTIONS
    blocks = [_plain(headline(notice))]
    if fits:
        blocks += [_plain(part) for part in _parts(whole)]
        blocks += [_plain(part) for part in _parts(text)]
    else:
        blocks.append(_plain("The command is too long to be shown here: open the link to see all of it."))
    blocks.append(_link(notice.url))
    if buttons and fits and notice.event == "requested":
        blocks.append(_buttons(told["id"], told["digest"]))
    # `text` is what notifications on a phone show; escaped as Slack asks (api.slack.com/reference/surfaces/formatting).
    return {"text": _escaped(headline(notice)), "blocks": blocks, "unfurl_links": False}


def _parts(text: str) -> list[str]:
    return [text[at : at + _SECTION] for at in range(0, len(text), _SECTION)]


def _plain(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _link(url: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": f"<{_escaped(url)}|Open the request>"}]}


def _buttons(ident: str, digest: str) -> dict[str, Any]:
    value = json.dumps({"id": ident, "digest": digest}, separators=(",", ":"))
    ways = ((APPROVE, "Approve", "primary"), (DENY, "Deny", "danger"))
    elements = [
        {
            "type": "button",
            "action_id": action,
            "style": style,
            "value": value,
            "text": {"type": "plain_text", "text": word, "emoji": False},
        }
        for action, word, style in ways
    ]
    return {"type": "actions", "elements": elements}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
