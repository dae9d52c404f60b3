"""Tokens of a certified OpenID provider nobody here wrote: npm `oidc-provider`, its discovery, its keys, its rotation.

The provider is installed once into the user's cache folder; node and npm must be there.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.loop import Loop, running_loop
from tests.support.oidc import OidcProvider, free_port
from tests.support.tokens import PEER, Door, Time, issuer_section, make_ring, make_settings
from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable
from twisted_hoop.identity.keys import RETRY

SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
AUDIENCE = "https://hoop.example/"
ALGORITHMS = ("RS256", "ES256", "EdDSA")


class Provider(OidcProvider):
    """One run of the provider with the given keys."""

    def __init__(self, port: int, folder: Path) -> None:
        super().__init__(SCRIPT, port, folder)

    def token(self, algorithm: str) -> str:
        body = urllib.parse.urlencode({"grant_type": "client_credentials", "resource": AUDIENCE, "scope": "openid"})
        request = urllib.request.Request(f"{self.url}/token", body.encode())
        basic = base64.b64encode(f"ci-{algorithm}:a-client-secret-for-tests".encode()).decode()
        request.add_header("Authorization", f"Basic {basic}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(json.load(answer)["access_token"])


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    running = Provider(free_port(), folder)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


def test_discovery_tokens_rotation_and_outage(loop: Loop, tmp_path: Path) -> None:
    with provider(tmp_path) as outside:
        ring = make_ring(outside.url, *ALGORITHMS)
        outside.start(ring)
        now = Time(time.time())
        section = issuer_section(ring, audience=[AUDIENCE], kind="machine", claims={"realm.roles": "deployer"})
        door = Door(loop, make_settings(section), now)
        tokens = {name: outside.token(name) for name in ALGORITHMS}
        for name, token in tokens.items():
            principal = door(token)
            assert principal.key == f"{outside.url}|ci-{name}"
            assert principal.groups == {"ci", "builders"} and principal.expires == pytest.approx(now.now + 600, abs=10)
        other = Door(loop, make_settings(issuer_section(ring, audience=["https://other.example/"])))
        with pytest.raises(AuthenticationFailed, match="another audience"):
            other(tokens["RS256"])

        outside.stop()  # the issuer is away: what is known goes on, what is new cannot be judged
        assert door(tokens["ES256"])
        fresh = Door(loop, make_settings(section))
        with pytest.raises(IssuerUnavailable):
            fresh(tokens["ES256"])

        rotated = make_ring(outside.url, *ALGORITHMS)
        outside.start(rotated)
        now.now += RETRY
        assert door(outside.token("EdDSA"), PEER)
        with pytest.raises(AuthenticationFailed, match="no such key"):
            door(tokens["EdDSA"])
