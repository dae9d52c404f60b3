"""An issuer's signature keys: found by discovery, URL or file, cached, refreshed when they rotate (I3).

Fails closed: when keys cannot be had and the known ones are older than twelve times `cache`, no token is accepted.
Sources: OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3, RFC 7517.
"""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError, IssuerUnavailable
from twisted_hoop.identity.fetch import Fetcher, is_safe
from twisted_hoop.identity.jwks import MAX_DOCUMENT, Key, KeySet, parse_jwks
from twisted_hoop.settings import IssuerSection

RETRY = 10.0
"""Seconds between two fetches caused by failures or by unknown key ids: tokens cannot make us flood the issuer."""
HARD = 12
"""How many times `cache` keys outlive an outage."""
FILE_CHECK = 1.0
"""Seconds between two looks at a key file's modification time."""


class KeySource(Protocol):
    """Where an issuer's keys come from. `retry` is the least number of seconds between two tries."""

    retry: float

    def load(self) -> Awaitable[KeySet]:
        """The keys as they are now, or raise IssuerUnavailable."""

    def changed(self, now: float) -> bool:
        """Whether the source knows that it changed since the last load."""


class IssuerKeys:
    """The keys of one issuer. `generation` grows whenever they change; `fresh` says whether they need no look."""

    log = Logger()

    def __init__(self, section: IssuerSection, source: KeySource, now: Callable[[], float] = time.time) -> None:
        self._name = section.name
        self._cache = max(section.cache, 1.0)
        self._source = source
        self._now = now
        self._keys: KeySet | None = None
        self._loaded = self._tried = float("-inf")
        self._failure = "its keys were never fetched"
        self._waiters: list[Deferred[None]] = []
        self.generation = 0

    def describe(self) -> tuple[int, float, str]:
        """For health: how many keys, when they were loaded (POSIX, 0: never), and why they cannot be used, or ""."""
        if self._keys is None:
            # Keys are fetched when a token needs them; only a try that failed is a problem.
            return 0, 0.0, self._failure if self._tried > float("-inf") else ""
        problem = self._failure if self._now() >= self._loaded + HARD * self._cache else ""
        return len(self._keys.keys), self._loaded, problem

    def fresh(self, now: float) -> bool:
        """Whether the keys are young enough to be used without asking the issuer."""
        return self._loaded <= now < self._loaded + self._cache and not self._source.changed(now)

    async def find(self, kid: str | None, algorithm: str) -> Key:
        """The key a token names; AuthenticationFailed if there is none, IssuerUnavailable if nobody can say."""
        if not self.fresh(self._now()):
            await self._refresh()
        key = self._usable().find(kid, algorithm)
        if key is None and await self._refresh():
            key = self._usable().find(kid, algorithm)
        if key is None:
            raise AuthenticationFailed(f"issuer {self._name} has no such key (I2)")
        return key

    def _usable(self) -> KeySet:
        if self._keys is None or self._now() >= self._loaded + HARD * self._cache:
            raise IssuerUnavailable(f"issuer {self._name} is unavailable: {self._failure}")
        return self._keys

    async def _refresh(self) -> bool:
        """Load the keys again, once for everybody who waits; False when it was tried just now."""
        if not self._waiters and self._now() - self._tried < self._source.retry:
            return False
        waiter: Deferred[None] = Deferred()
        self._waiters.append(waiter)
        if len(self._waiters) == 1:
            self._tried = self._now()
            Deferred.fromCoroutine(self._attempt()).addBoth(self._landed)
        await waiter
        return True

    async def _attempt(self) -> None:
        try:
            keys = await self._source.load()
        except IssuerUnavailable as error:
            self._failure = str(error)
            self.log.warn("Keys of issuer {name} cannot be fetched: {why}", name=self._name, why=self._failure)
            return
        if keys != self._keys:
            self.generation += 1
        self._keys, self._loaded = keys, self._now()

    def _landed(self, result: Any) -> None:
        if result is not None:
            self.log.failure("Keys of issuer {name} cannot be fetched", result, name=self._name)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.called:
                waiter.callback(None)


class FileSource:
    """Keys in a file: stale as soon as its modification time or size changes."""

    retry = FILE_CHECK

    def __init__(self, path: str, reactor: Any) -> None:
        self._path = Path(path)
        self._reactor = reactor
        self._stamp: tuple[int, int] | None = None
        self._checked = float("-inf")
        self._changed = True

    async def load(self) -> KeySet:
        """Read it, in a thread."""
        pool = self._reactor.getThreadPool()
        stamp, data = await deferToThreadPool(self._reactor, pool, self._read)
        keys = _parsed(data, str(self._path))
        self._stamp, self._changed = stamp, False
        return keys

    def changed(self, now: float) -> bool:
        """One look at the file in FILE_CHECK at most."""
        if not 0 <= now - self._checked < FILE_CHECK:
            self._checked = now
            self._changed = self._look() != self._stamp
        return self._changed

    def _look(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _read(self) -> tuple[tuple[int, int] | None, bytes]:
        stamp = self._look()
        try:
            with self._path.open("rb") as file:
                return stamp, file.read(MAX_DOCUMENT + 1)
        except OSError as error:
            raise IssuerUnavailable(f"{self._path}: {error.strerror}") from None


class RemoteSource:
    """Keys at a URL, or at the one the issuer's discovery document names."""

    retry = RETRY

    def __init__(self, section: IssuerSection, fetcher: Fetcher) -> None:
        self._issuer = section.issuer
        self._url = section.jwks
        self._fetcher = fetcher

    async def load(self) -> KeySet:
        """Discover if need be, then fetch the keys."""
        url = self._url or await self._discovered()
        return _parsed(await self._fetcher.get(url), url)

    def changed(self, now: float) -> bool:
        """Never known."""
        return False

    async def _discovered(self) -> str:
        """`jwks_uri`; the document must say it is this very issuer's (OIDC Discovery section 4.3)."""
        url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            document = json.loads(await self._fetcher.get(url))
        except (ValueError, RecursionError):
            raise IssuerUnavailable(f"{url} is no JSON") from None
        if not isinstance(document, dict) or document.get("issuer") != self._issuer:
            raise IssuerUnavailable(f"{url} speaks for another issuer (I3)")
        found = document.get("jwks_uri")
        if not isinstance(found, str) or not is_safe(found) or _weaker(found, self._issuer):
            raise IssuerUnavailable(f"{url} names no usable key set")
        return found


def keys_for(section: IssuerSection, reactor: Any, now: Callable[[], float] = time.time) -> IssuerKeys:
    """The keys of a configured issuer. Nothing is fetched yet; ConfigurationError for an address that never can be."""
    if section.jwks and "://" not in section.jwks:
        return IssuerKeys(section, FileSource(section.jwks, reactor), now)
    address = section.jwks or section.issuer
    if not is_safe(address):
        raise ConfigurationError([f"issuers ({section.name}): {address} is neither https nor loopback; set `jwks`"])
    return IssuerKeys(section, RemoteSource(section, Fetcher(reactor, section.ca)), now)


def _parsed(data: bytes, where: str) -> KeySet:
    try:
        return parse_jwks(data)
    except ValueError as error:
        raise IssuerUnavailable(f"{where}: no usable key set: {error}") from None


def _weaker(url: str, issuer: str) -> bool:
    return urllib.parse.urlsplit(issuer).scheme == "https" and urllib.parse.urlsplit(url).scheme != "https"
