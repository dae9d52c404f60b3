"""The signed webhook, received as docs/notifications.md tells receivers to."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.support.loop import Loop
from tests.support.notices import Secrets, notice
from tests.support.web import running_web
from twisted_hoop.errors import NoticeUndelivered
from twisted_hoop.notify.posting import Poster
from twisted_hoop.notify.webhook import Webhook
from twisted_hoop.settings import NotifySection


def received(request: Any, secret: bytes, now: float) -> dict[str, Any]:
    """What a receiver does, by our own instructions."""
    body = request.content.read()
    timestamp = request.getHeader("x-hoop-timestamp")
    expected = hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(request.getHeader("x-hoop-signature"), f"v1={expected}")
    assert abs(now - int(timestamp)) < 300
    said: dict[str, Any] = json.loads(body)
    assert said["id"] == request.getHeader("x-hoop-delivery")
    assert said["event"] == request.getHeader("x-hoop-event")
    return said


def test_a_receiver_can_check_it(loop: Loop) -> None:
    seen: list[dict[str, Any]] = []

    def answer(request: Any) -> bytes:
        seen.append(received(request, b"pencil", 1_700_000_000.0))
        return b""

    with running_web(loop) as web:
        web.answers["/hook"] = answer
        section = NotifySection(name="w", kind="webhook", url="env:URL", secret="env:KEY")
        poster = loop.run(lambda: Poster(loop.reactor))
        secrets = Secrets(KEY="pencil", URL=f"{web.url}/hook")
        told = notice()
        for _ in range(2):  # the same notice, tried twice, has the same id
            loop.run(lambda: Webhook(section, poster, secrets, lambda: 1_700_000_000.9).deliver(told))
    assert [said["id"] for said in seen] == [told.id] * 2
    assert seen[0]["approval"]["text"] == "DELETE FROM customers" and seen[0]["url"].startswith("https://")


@pytest.mark.parametrize("known", [{}, {"KEY": "x"}])
def test_without_its_secrets_nothing_is_sent(loop: Loop, known: dict[str, str]) -> None:
    section = NotifySection(name="w", kind="webhook", url="env:URL", secret="env:KEY")
    poster = loop.run(lambda: Poster(loop.reactor))
    with pytest.raises(NoticeUndelivered, match="not available") as caught:
        loop.run(lambda: Webhook(section, poster, Secrets(**known), lambda: 1.0).deliver(notice()))
    assert not caught.value.permanent
