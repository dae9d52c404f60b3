"""A signed POST to any server: docs/notifications.md tells receivers how to check it."""

from __future__ import annotations

import json
from collections.abc import Callable

from zope.interface import implementer

from twisted_hoop.errors import NoticeUndelivered, SecretUnavailable
from twisted_hoop.interfaces import INotifier, ISecretStore
from twisted_hoop.model import Notice
from twisted_hoop.notify.notices import headline
from twisted_hoop.notify.posting import Poster
from twisted_hoop.notify.signing import signature
from twisted_hoop.settings import NotifySection


@implementer(INotifier)
class Webhook:
    """See the module. `now` gives POSIX time."""

    def __init__(self, section: NotifySection, poster: Poster, secrets: ISecretStore, now: Callable[[], float]) -> None:
        self._section = section
        self._poster = poster
        self._secrets = secrets
        self._now = now

    async def deliver(self, notice: Notice) -> None:
        """See INotifier."""
        secret = await resolved(self._secrets, self._section.secret)
        url = await address(self._secrets, self._section.url)
        body, timestamp = body_of(notice), int(self._now())
        headers = {
            "Content-Type": "application/json",
            "X-Hoop-Delivery": notice.id,
            "X-Hoop-Event": notice.event,
            "X-Hoop-Timestamp": str(timestamp),
            "X-Hoop-Signature": signature(secret, timestamp, body),
        }
        await self._poster.post(url, body, headers)


def body_of(notice: Notice) -> bytes:
    """What is posted, and signed to the byte: ASCII JSON."""
    said = {
        "id": notice.id,
        "event": notice.event,
        "at": notice.at,
        "title": headline(notice),
        "url": notice.url,
        "approval": notice.approval,
    }
    return json.dumps(said, separators=(",", ":")).encode("ascii")


async def resolved(secrets: ISecretStore, reference: str) -> str:
    """The secret, or NoticeUndelivered: tried again, for secrets come back."""
    try:
        return str(await secrets.resolve(reference))
    except SecretUnavailable:
        raise NoticeUndelivered("a secret of the channel is not available") from None


async def address(secrets: ISecretStore, url: str) -> str:
    """A URL that is written as it is, or behind a secret reference."""
    return url if "://" in url else await resolved(secrets, url)
