"""Issuers and providers for tests: real keys, real tokens, key sets in files; the reactor is a running one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.loop import Loop
from twisted_hoop.demo.keyring import KeyRing
from twisted_hoop.identity.jwks import KeySet, parse_jwks
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import IssuerSection, Settings

PEER = Peer("192.0.2.7", 5000, encrypted=True)
ISSUER = "https://login.example.org"


class Time:
    """A clock the test moves; starts at the real time, so that freshly signed tokens are valid."""

    def __init__(self, start: float) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now


def make_ring(issuer: str = ISSUER, *algorithms: str) -> KeyRing:
    """A key ring with a key for each algorithm, EdDSA (quickly made) by default."""
    ring = KeyRing(issuer)
    for algorithm in algorithms or ("EdDSA",):
        ring.add(algorithm)
    return ring


def key_set(ring: KeyRing) -> KeySet:
    return parse_jwks(json.dumps(ring.jwks()).encode())


def write_jwks(ring: KeyRing, path: Path) -> Path:
    """Write the ring's key set; a later call always changes the modification time."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(json.dumps(ring.jwks()))
    os.utime(path, ns=(before + 10_000_000, before + 10_000_000))
    return path


def issuer_section(ring: KeyRing, jwks: Path | str = "", **more: Any) -> IssuerSection:
    given = {"name": "corp", "issuer": ring.issuer, "audience": ["hoop"], "jwks": str(jwks), **more}
    return IssuerSection.model_validate(given)


def make_settings(*issuers: IssuerSection, **more: Any) -> Settings:
    return Settings.model_validate({"issuers": [one.model_dump() for one in issuers], **more})


class Door:
    """A provider and the loop it runs in, so that tests read straight down."""

    def __init__(self, loop: Loop, settings: Settings, now: Callable[[], float] | None = None, **more: Any) -> None:
        self._loop = loop
        options = {"now": now, **more} if now is not None else more
        self.provider = loop.run(lambda: IdentityProvider(settings, loop.reactor, **options))

    def __call__(self, credential: str, peer: Peer = PEER) -> Principal:
        return self._loop.run(lambda: self.provider.authenticate(credential, peer))
