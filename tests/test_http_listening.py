"""What stands behind a listener, from the settings."""

from __future__ import annotations

from typing import Any

from tests.support.http_house import FakeIdentity, http_house, ok, replies
from tests.support.loop import Loop
from twisted_hoop.http.listening import HttpListening
from twisted_hoop.http.server import HttpFactory
from twisted_hoop.settings import GatewaySection, ListenerSection, Settings


def test_listeners_share_sessions_and_have_their_own_doors(loop: Loop) -> None:
    settings = Settings(gateway=GatewaySection(preauth_connections=1))
    section = ListenerSection(name="web", protocol="http", endpoint="tcp:0", tls="optional")
    identity: Any = FakeIdentity()
    with http_house(loop, replies(ok())) as house:
        listening = HttpListening(loop.reactor, lambda: settings, house.services, lambda host: None, lambda: identity)
        first, second = listening.factory(section, None), listening.factory(section, None)
        assert isinstance(first, HttpFactory) and first.find("orders") is house.hall and first.find("x") is None
        assert first._joining is second._joining
        assert first.buildProtocol(None) is not None and first.buildProtocol(None) is None
        assert second.buildProtocol(None) is not None
