"""An issuer's keys over time: discovery, cache, rotation, outages, files. Against a real web server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.web.http import Request
from twisted.web.server import NOT_DONE_YET

from tests.support.loop import Loop, running_loop
from tests.support.tokens import Time, issuer_section, make_ring, write_jwks
from tests.support.web import Web, running_web
from twisted_hoop.demo.keyring import KeyRing
from twisted_hoop.errors import AuthenticationFailed, ConfigurationError, IssuerUnavailable
from twisted_hoop.identity.jwks import Key
from twisted_hoop.identity.keys import FILE_CHECK, HARD, RETRY, IssuerKeys, keys_for

CACHE = 300.0


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


class Remote:
    """A web server with a discovery document and a key set, and the keys fetched from it."""

    def __init__(self, loop: Loop, web: Web) -> None:
        self.loop, self.web = loop, web
        self.ring: KeyRing = make_ring(web.url)
        self.time = Time(1000.0)
        self.keys: IssuerKeys = loop.run(
            lambda: keys_for(issuer_section(self.ring, cache=CACHE), loop.reactor, self.time)
        )
        self.publish()

    def publish(self, **discovery: Any) -> None:
        document = {"issuer": self.web.url, "jwks_uri": self.web.url + "/jwks", **discovery}
        self.web.answers["/.well-known/openid-configuration"] = json.dumps(document).encode()
        self.web.answers["/jwks"] = json.dumps(self.ring.jwks()).encode()

    def fail(self) -> None:
        self.web.answers.clear()

    def find(self, kid: str | None = None) -> Key:
        chosen = next(iter(self.ring.keys)) if kid is None else kid
        return self.loop.run(lambda: self.keys.find(chosen, "EdDSA"))

    @property
    def fetches(self) -> int:
        return self.web.hits["/jwks"]


@pytest.fixture
def remote(loop: Loop) -> Iterator[Remote]:
    with running_web(loop) as web:
        yield Remote(loop, web)


def test_keys_are_discovered_once_and_cached(remote: Remote) -> None:
    assert remote.fetches == 0 and not remote.keys.fresh(1000.0)
    for _ in range(3):
        remote.find()
    assert remote.fetches == 1 and remote.keys.fresh(1000.0 + CACHE - 1) and not remote.keys.fresh(1000.0 + CACHE)
    remote.time.now += CACHE
    remote.find()
    assert remote.fetches == 2
    assert remote.keys.generation == 1


def test_many_waiters_share_one_fetch(remote: Remote) -> None:
    kid = next(iter(remote.ring.keys))

    def all_at_once() -> Any:
        return gatherResults([Deferred.fromCoroutine(remote.keys.find(kid, "EdDSA")) for _ in range(50)])

    assert len(remote.loop.run(all_at_once)) == 50
    assert remote.fetches == 1


def test_a_waiter_that_gives_up_does_not_stop_the_others(remote: Remote) -> None:
    kid, held = next(iter(remote.ring.keys)), []
    document = remote.web.answers["/jwks"]

    def hold(request: Request) -> int:
        held.append(request)
        first.cancel()
        request.write(document)
        request.finish()
        return NOT_DONE_YET

    remote.web.answers["/jwks"] = hold
    first: Deferred[Key] = Deferred()

    def both() -> Any:
        nonlocal first
        first = Deferred.fromCoroutine(remote.keys.find(kid, "EdDSA"))
        first.addErrback(lambda _: None)
        return Deferred.fromCoroutine(remote.keys.find(kid, "EdDSA"))

    assert remote.loop.run(both).kid == kid
    assert len(held) == 1


def test_I3_an_unknown_key_id_fetches_again_at_a_bounded_rate(remote: Remote) -> None:
    remote.find()
    new = remote.ring.add("EdDSA")
    remote.publish()
    for _ in range(20):
        with pytest.raises(AuthenticationFailed, match="no such key"):
            remote.find("unknown")
    assert remote.fetches == 1
    remote.time.now += RETRY
    assert remote.find(new).kid == new
    assert remote.fetches == 2 and remote.keys.generation == 2


def test_I3_a_key_that_was_taken_away_is_gone_after_the_next_fetch(remote: Remote) -> None:
    old = next(iter(remote.ring.keys))
    remote.find(old)
    remote.ring.add("EdDSA")
    remote.ring.remove(old)
    remote.publish()
    remote.time.now += CACHE
    with pytest.raises(AuthenticationFailed, match="no such key"):
        remote.find(old)


def test_I3_an_outage_is_survived_for_a_while_and_then_fails_closed(remote: Remote) -> None:
    remote.find()
    remote.fail()
    remote.time.now += CACHE
    for _ in range(5):
        remote.find()
    assert remote.web.hits["/.well-known/openid-configuration"] == 2, "failures are retried at a bounded rate"
    remote.time.now = 1000.0 + HARD * CACHE - 1
    remote.find()
    remote.time.now += 1
    with pytest.raises(IssuerUnavailable, match="unavailable"):
        remote.find()
    remote.publish()
    remote.time.now += RETRY
    remote.find()


def test_I3_an_issuer_that_never_answered_proves_nobody(remote: Remote) -> None:
    remote.fail()
    for _ in range(2):
        with pytest.raises(IssuerUnavailable, match="status 404"):
            remote.find()


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": "http://evil.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
def test_I3_a_discovery_document_of_somebody_else_is_refused(remote: Remote, discovery: dict[str, Any]) -> None:
    remote.publish(**discovery)
    with pytest.raises(IssuerUnavailable, match=r"another issuer|no usable key set"):
        remote.find()
    assert remote.fetches == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"[" * 100_000])
def test_documents_that_are_none(remote: Remote, body: bytes) -> None:
    remote.web.answers["/jwks"] = body
    with pytest.raises(IssuerUnavailable):
        remote.find()
    remote.web.answers["/.well-known/openid-configuration"] = body
    remote.time.now += RETRY
    with pytest.raises(IssuerUnavailable):
        remote.find()


def test_a_key_set_at_a_url_needs_no_discovery(loop: Loop) -> None:
    ring = make_ring("spiffe://example.org")
    with running_web(loop) as web:
        web.answers["/bundle"] = json.dumps(ring.jwks()).encode()
        section = issuer_section(ring, web.url + "/bundle")
        keys = loop.run(lambda: keys_for(section, loop.reactor))
        assert loop.run(lambda: keys.find(None, "EdDSA"))
        assert web.hits == {"/bundle": 1}


def test_a_file_is_read_again_when_it_changes(loop: Loop, tmp_path: Path) -> None:
    ring, time = make_ring(), Time(1000.0)
    old = next(iter(ring.keys))
    path = write_jwks(ring, tmp_path / "jwks.json")
    keys = loop.run(lambda: keys_for(issuer_section(ring, path), loop.reactor, time))
    assert loop.run(lambda: keys.find(old, "EdDSA"))
    assert keys.fresh(time.now)
    new = ring.add("EdDSA")
    ring.remove(old)
    write_jwks(ring, path)
    time.now += FILE_CHECK
    assert not keys.fresh(time.now)
    assert loop.run(lambda: keys.find(new, "EdDSA"))
    time.now += FILE_CHECK
    with pytest.raises(AuthenticationFailed):
        loop.run(lambda: keys.find(old, "EdDSA"))


def test_a_file_that_is_missing_or_broken(loop: Loop, tmp_path: Path) -> None:
    ring, time = make_ring(), Time(1000.0)
    path = tmp_path / "jwks.json"
    keys = loop.run(lambda: keys_for(issuer_section(ring, path), loop.reactor, time))
    with pytest.raises(IssuerUnavailable, match="No such file"):
        loop.run(lambda: keys.find(None, "EdDSA"))
    path.write_text("{")
    time.now += FILE_CHECK
    with pytest.raises(IssuerUnavailable, match="no usable key set"):
        loop.run(lambda: keys.find(None, "EdDSA"))
    write_jwks(ring, path)
    time.now += FILE_CHECK
    assert loop.run(lambda: keys.find(None, "EdDSA"))


@pytest.mark.parametrize("issuer", ["http://login.example.org", "spiffe://example.org", "corp"])
def test_an_issuer_whose_keys_cannot_be_fetched_is_refused_at_load(loop: Loop, issuer: str) -> None:
    with pytest.raises(ConfigurationError, match="set `jwks`"):
        loop.run(lambda: keys_for(issuer_section(make_ring(issuer)), loop.reactor))
