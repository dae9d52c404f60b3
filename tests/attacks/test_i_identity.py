"""I4, I8, I9, I10: whose identity it is, by which path, for how long, and from where."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.support.approvals import Office, open_office
from tests.support.approvals import Time as StoreTime
from tests.support.loop import Loop, running_loop
from tests.support.tokens import ISSUER, PEER, Door, Time, issuer_section, make_ring, make_settings, write_jwks
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.gateway.one_time import OneTime
from twisted_hoop.identity.accounts import new_account_token
from twisted_hoop.identity.locks import LockKind
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.scram import ScramClient
from twisted_hoop.identity.scram_keys import salted_password, scram_verifier
from twisted_hoop.model import Peer, Principal
from twisted_hoop.store.once import Once

TOKEN, DIGEST = new_account_token()
VERIFIER = scram_verifier("pencil")
ELSEWHERE = Peer("198.51.100.1")
Way = Callable[["World", Peer], Principal]


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


class World:
    """An issuer and an account with the same restrictions, and every way in."""

    def __init__(self, loop: Loop, folder: Path, account: dict[str, Any] | None = None, **issuer: Any) -> None:
        self.loop = loop
        self.ring = make_ring()
        self.time = Time(time.time())
        self.jwks_file = write_jwks(self.ring, folder / "jwks")
        section = issuer_section(self.ring, self.jwks_file, **issuer)
        accounts = [{"name": "etl", "token_sha256": DIGEST, "scram": VERIFIER, "groups": ["dev"], **(account or {})}]
        self.door = Door(loop, make_settings(section, accounts=accounts), self.time)
        self.provider: IdentityProvider = self.door.provider

    def jwt(self, peer: Peer = PEER, token: str = "") -> Principal:
        return self.door(token or self.ring.token("alice", groups=["dev"]), peer)

    def account(self, peer: Peer = PEER) -> Principal:
        return self.door(TOKEN, peer)

    def scram(self, peer: Peer = PEER) -> Principal:
        server, client = self.provider.scram("etl", peer), ScramClient()
        challenge = client.challenge(server.first(client.first()))
        return server.final(client.final(salted_password("pencil", challenge.salt, challenge.iterations)))[1]


WAYS = pytest.mark.parametrize("way", [World.jwt, World.account, World.scram])


def test_I4_the_same_email_from_two_issuers_is_two_identities(loop: Loop, tmp_path: Path) -> None:
    rings = [make_ring("https://a.example"), make_ring("https://b.example")]
    sections = [
        issuer_section(ring, write_jwks(ring, tmp_path / ring.issuer[8]), name=ring.issuer[8], name_claim="email")
        for ring in rings
    ]
    door = Door(loop, make_settings(*sections))
    first, second = (door(ring.token("1", email="alice@example.org", email_verified=True)) for ring in rings)
    assert first.name == second.name == "alice@example.org"
    assert first.key != second.key and not first.everybody & second.everybody


def test_I4_a_name_claim_does_not_make_somebody_else(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path)
    mallory = world.door(
        world.ring.token("mallory", preferred_username="alice", email="alice@example.org", name="alice")
    )
    assert mallory.key == f"{ISSUER}|mallory"


def test_I4_a_token_subject_is_not_the_account_of_that_name(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path)
    assert world.door(world.ring.token("etl")).key != world.account().key


@WAYS
def test_I8_every_way_in_checks_the_source(loop: Loop, tmp_path: Path, way: Way) -> None:
    world = World(loop, tmp_path, {"sources": ["192.0.2.0/24"]}, sources=["192.0.2.0/24"])
    assert way(world, PEER)
    with pytest.raises(AuthenticationFailed, match="not accepted from"):
        way(world, ELSEWHERE)


@WAYS
@pytest.mark.parametrize("kind", ["principal", "group", "issuer"])
def test_I8_every_way_in_checks_locks(loop: Loop, tmp_path: Path, way: Way, kind: LockKind) -> None:
    world = World(loop, tmp_path)
    principal = way(world, PEER)
    value = {"principal": principal.key, "group": "dev", "issuer": principal.issuer}[kind]
    world.provider.locks.lock(kind, value, reason="incident")
    with pytest.raises(AuthenticationFailed, match="locked"):
        way(world, PEER)


@pytest.mark.parametrize("way", [World.account, World.scram])
def test_I8_every_way_in_checks_expiry(loop: Loop, tmp_path: Path, way: Way) -> None:
    world = World(loop, tmp_path, {"expires": "2020-01-01T00:00:00Z"})
    with pytest.raises(AuthenticationFailed, match="expired"):
        way(world, PEER)


@WAYS
@pytest.mark.parametrize("kind", ["principal", "group", "issuer"])
def test_I9_a_lock_ends_a_live_session_and_unlocking_lets_in_again(
    loop: Loop, tmp_path: Path, way: Way, kind: LockKind
) -> None:
    world = World(loop, tmp_path)
    principal = way(world, PEER)
    assert world.provider.still_valid(principal)
    value = {"principal": principal.key, "group": "dev", "issuer": principal.issuer}[kind]
    world.provider.locks.lock(kind, value)
    assert not world.provider.still_valid(principal)
    world.provider.locks.unlock(kind, value)
    assert world.provider.still_valid(principal)


def test_I9_locking_the_agent_ends_what_it_does_for_others(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path)
    delegated = world.door(world.ring.token("alice", act={"sub": "agent-7"}))
    own = world.door(world.ring.token("alice"))
    world.provider.locks.lock("principal", f"{ISSUER}|agent-7")
    assert not world.provider.still_valid(delegated)
    assert world.provider.still_valid(own)


def test_I9_a_session_does_not_outlive_its_token(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path)
    alice = world.door(world.ring.token("alice", lifetime=60.0))
    world.time.now += 58
    assert world.provider.still_valid(alice)
    world.time.now += 2
    assert not world.provider.still_valid(alice)


@pytest.mark.parametrize("way", [World.account, World.scram])
@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"groups": []}, {"token_sha256": "0" * 64, "scram": scram_verifier("new")}]
)
def test_I9_after_a_reload_a_changed_account_ends_its_sessions(
    loop: Loop, tmp_path: Path, way: Way, change: dict[str, Any]
) -> None:
    principal = way(World(loop, tmp_path), PEER)
    assert World(loop, tmp_path).provider.still_valid(principal)
    assert not World(loop, tmp_path, change).provider.still_valid(principal)


def reloaded(world: World, **issuer: Any) -> IdentityProvider:
    """The provider after a reload that changed these settings of the issuer."""
    settings = make_settings(issuer_section(world.ring, world.jwks_file, **issuer))
    old = world.provider
    return world.loop.run(lambda: IdentityProvider(settings, world.loop.reactor, now=world.time, previous=old))


def test_I9_after_a_reload_a_changed_issuer_ends_its_sessions_until_the_token_is_shown_again(
    loop: Loop, tmp_path: Path
) -> None:
    world = World(loop, tmp_path)
    token = world.ring.token("alice", groups=["dev"])
    principal = world.jwt(PEER, token)
    assert reloaded(world).still_valid(principal)
    world.provider = after = reloaded(world, group_prefix="corp:")
    assert not after.still_valid(principal)
    again = loop.run(lambda: after.authenticate(token, PEER))
    assert again.groups == {"corp:dev"} and after.still_valid(again)
    assert reloaded(world, group_prefix="corp:").still_valid(again)


def test_I9_after_a_reload_locks_and_used_tokens_are_remembered(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path, one_time=True)
    token = world.ring.token("alice")
    principal = world.jwt(PEER, token)
    world.provider.locks.lock("principal", principal.key)
    for after in (reloaded(world, one_time=True), reloaded(world, one_time=True, group_prefix="x")):
        assert not after.still_valid(principal)
        after.locks.unlock("principal", principal.key)
        with pytest.raises(AuthenticationFailed, match="used before"):
            loop.run(lambda after=after: after.authenticate(token, PEER))
        after.locks.lock("principal", principal.key)


def test_I3_a_reload_while_the_issuer_is_away_keeps_its_keys(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path)
    world.jwt()
    world.jwks_file.unlink()
    after = reloaded(world)
    assert loop.run(lambda: after.authenticate(world.ring.token("bob"), PEER)).subject == "bob"


def test_I10_a_known_token_from_another_machine_is_refused(loop: Loop, tmp_path: Path) -> None:
    """The source is checked at every use, not only when the token is verified."""
    world = World(loop, tmp_path, sources=["192.0.2.0/24"])
    token = world.ring.token("alice")
    world.jwt(PEER, token)
    for address in ("198.51.100.1", "::ffff:198.51.100.1", "::", ""):
        with pytest.raises(AuthenticationFailed, match="not accepted from"):
            world.jwt(Peer(address), token)
    assert world.jwt(Peer("::ffff:192.0.2.9"), token)


def test_I10_a_one_time_token_opens_one_session(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path, one_time=True, leeway=30.0)
    token, other = world.ring.token("alice", lifetime=60.0), world.ring.token("alice")
    world.jwt(PEER, token)
    for later in (0, 30, 59):
        world.time.now += later
        with pytest.raises(AuthenticationFailed, match=r"used before|expired"):
            world.jwt(PEER, token)
    assert world.jwt(PEER, other)


def test_I10_a_one_time_token_at_two_replicas_in_parallel(loop: Loop, tmp_path: Path, store_url: str) -> None:
    """I10: twenty copies shown at once, at two gateways that share a store: one of all is let in, and a replica
    that starts afterwards knows that."""
    ring, time_now = make_ring(), Time(time.time())
    settings = make_settings(issuer_section(ring, write_jwks(ring, tmp_path / "jwks"), one_time=True))

    def replica() -> tuple[Office, IdentityProvider]:
        office = open_office(store_url, loop.reactor, StoreTime(time_now.now))
        return office, Door(loop, settings, time_now, replay=OneTime(Once(office.database, time_now).first)).provider

    here, there = replica(), replica()
    token = ring.token("alice")

    async def shown(provider: IdentityProvider) -> bool:
        try:
            return bool(await provider.authenticate(token, PEER))
        except AuthenticationFailed as fault:
            assert "used before" in str(fault)
            return False

    async def all_at_once() -> list[bool]:
        work = [Deferred.fromCoroutine(shown(each[1])) for _ in range(10) for each in (here, there)]
        return [await each for each in work]

    assert sum(loop.run(all_at_once)) == 1
    late = replica()
    assert loop.run(lambda: shown(late[1])) is False
    for office, _ in (here, there, late):
        office.database.stop()


def test_I10_a_one_time_token_signed_again_is_still_the_same_token(loop: Loop, tmp_path: Path) -> None:
    """ECDSA signatures differ each time, so that the digest does: what counts is the jti."""
    world = World(loop, tmp_path, one_time=True)
    kid = world.ring.add("ES256")
    write_jwks(world.ring, tmp_path / "jwks")
    claims = {"iss": ISSUER, "sub": "a", "aud": "hoop", "exp": time.time() + 60, "jti": "j1"}
    first, second = world.ring.sign(claims, kid), world.ring.sign(claims, kid)
    assert first != second
    world.jwt(PEER, first)
    with pytest.raises(AuthenticationFailed, match="used before"):
        world.jwt(PEER, second)


def test_I10_a_refused_use_does_not_burn_a_one_time_token(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path, one_time=True, sources=["192.0.2.0/24"])
    token = world.ring.token("alice")
    with pytest.raises(AuthenticationFailed, match="not accepted from"):
        world.jwt(ELSEWHERE, token)
    assert world.jwt(PEER, token)


def test_I10_the_number_of_sessions_stands_on_the_principal(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path, {"max_sessions": 3}, max_sessions=2)
    assert (world.jwt().max_sessions, world.account().max_sessions, world.scram().max_sessions) == (2, 3, 3)
