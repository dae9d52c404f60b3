"""Telling people of requests, put together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.approvals import Office
from tests.support.loop import Loop
from twisted_hoop.gateway.telling import Telling
from twisted_hoop.identity.locks import Locks
from twisted_hoop.notify.slack_actions import SlackActions
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.settings import Settings
from twisted_hoop.store.once import Once

ISSUER = {"name": "corp", "issuer": "https://issuer.test", "audience": ["hoop"]}


def telling(office: Office, loop: Loop, **settings: Any) -> Telling:
    made = Settings.model_validate({"gateway": {"url": "https://hoop.test/"}, **settings})
    secrets = SecretStore(loop.reactor, {"HOOK": "https://hook.test/x"})
    return loop.run(lambda: Telling(loop.reactor, lambda: made, secrets, office.database, Metrics()))


@pytest.mark.parametrize(
    ("settings", "page"),
    [
        ({}, "https://hoop.test/v1/approvals/a"),
        ({"issuers": [ISSUER]}, "https://hoop.test/v1/approvals/a"),
        ({"issuers": [{**ISSUER, "client_id": "hoop"}]}, "https://hoop.test/approvals/a"),
        (
            {"issuers": [{**ISSUER, "client_id": "hoop"}], "console": {"enabled": False}},
            "https://hoop.test/v1/approvals/a",
        ),
    ],
)
def test_where_people_look(office: Office, loop: Loop, settings: dict[str, Any], page: str) -> None:
    assert telling(office, loop, **settings).page_of("a") == page


def test_channels_are_those_of_the_settings(office: Office, loop: Loop) -> None:
    found = telling(office, loop)
    channel = {"name": "ops", "kind": "webhook", "url": "env:HOOK", "secret": "env:HOOK"}
    given = Settings.model_validate({"notify": [channel]})
    assert list(loop.run(lambda: found.channels_of(given))) == ["ops"]
    assert found.channels_of(Settings()) == {}
    assert isinstance(found.slack(office.desk, Once(office.database, office.time), Locks()), SlackActions)
