"""Tokens of a certified OpenID provider nobody here wrote: npm `oidc-provider`, its discovery, its keys, its rotation.

The provider is installed once into the user's cache folder; node and npm must be there.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.support.loop import Loop, running_loop
from tests.support.tokens import PEER, Door, Time, issuer_section, make_ring, make_settings
from twisted_hoop.demo.keyring import KeyRing
from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable
from twisted_hoop.identity.keys import RETRY

VERSION = "9.13.3"
SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
AUDIENCE = "https://hoop.example/"
ALGORITHMS = ("RS256", "ES256", "EdDSA")


def installed() -> Path:
    """The folder with the provider in it; installs it when it is missing."""
    assert shutil.which("node") and shutil.which("npm"), "node and npm are needed for this test"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "twisted-hoop" / f"oidc-provider-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", f"oidc-provider@{VERSION}"]
            subprocess.run([*command, "--prefix", str(folder)], check=True, timeout=120)
            (folder / "done").touch()
    shutil.copy(SCRIPT, folder / SCRIPT.name)
    return folder


def private_jwks(ring: KeyRing) -> dict[str, Any]:
    keys = []
    for kid, key in ring.keys.items():
        public = next(jwk for jwk in ring.jwks()["keys"] if jwk["kid"] == kid)
        private = json.loads(jwt.get_algorithm_by_name(public["alg"]).to_jwk(key))  # type: ignore[arg-type]
        keys.append({**public, **{name: private[name] for name in private if name != "key_ops"}})
    for key in keys:
        key.pop("key_ops", None)
    return {"keys": keys}


class Provider:
    """One run of the provider with the given keys."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port, self._folder = port, folder
        self._process: subprocess.Popen[str] | None = None

    def start(self, ring: KeyRing) -> None:
        keys = self._folder / "keys.json"
        keys.write_text(json.dumps(private_jwks(ring)))
        script = installed() / SCRIPT.name
        command = ["node", str(script), str(self._port), str(keys)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        seen = ""
        for line in self._process.stdout:
            seen += line
            if line.strip() == "ready":
                return
        raise AssertionError(f"the provider does not start:\n{seen}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def token(self, algorithm: str) -> str:
        body = urllib.parse.urlencode({"grant_type": "client_credentials", "resource": AUDIENCE, "scope": "openid"})
        request = urllib.request.Request(f"{self.url}/token", body.encode())
        basic = base64.b64encode(f"ci-{algorithm}:a-client-secret-for-tests".encode()).decode()
        request.add_header("Authorization", f"Basic {basic}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(json.load(answer)["access_token"])


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Provider(port, folder)
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
