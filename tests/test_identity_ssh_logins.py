"""Keys and certificates at the one door: locks, expiry, sources, reloads."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.loop import Loop
from tests.support.ssh_identity import ecdsa_key, forged, make_authority, rsa_key
from tests.support.tokens import PEER, Door, Time, issuer_section, make_ring, make_settings, write_jwks
from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.accounts import new_account_token
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.ssh_certificates import Certificate, certificate_kind
from twisted_hoop.identity.ssh_logins import signature_algorithm
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import Settings

KEY, OTHER, BACKUP = new_private_key(), new_private_key(), new_private_key()
TOKEN, DIGEST = new_account_token()
ACCOUNTS = [
    {"name": "etl", "token_sha256": DIGEST, "groups": ["jobs"], "sources": ["192.0.2.0/24"], "max_sessions": 2},
    {"name": "backup", "ssh_keys": [BACKUP.public.line], "groups": ["jobs"], "expires": "2100-01-01T00:00:00Z"},
]
ELSEWHERE = Peer("198.51.100.1")


class World:
    """A provider with an authority, an issuer with keys in a file, two accounts, a clock."""

    def __init__(self, loop: Loop, folder: Path, **issuer: Any) -> None:
        self.loop = loop
        self.ring = make_ring()
        self.path = write_jwks(self.ring, folder / "jwks")
        self.time = Time(time.time())
        self.authority = make_authority(self.time)
        self.settings = self.made(**issuer)
        self.door = Door(loop, self.settings, self.time, authority=self.authority)
        self.provider = self.door.provider

    def made(self, accounts: Any = ACCOUNTS, **issuer: Any) -> Settings:
        return make_settings(issuer_section(self.ring, self.path, **issuer), accounts=accounts)

    def reloaded(self, settings: Settings) -> IdentityProvider:
        old = self.provider
        make: Callable[[], IdentityProvider] = lambda: IdentityProvider(  # noqa: E731
            settings, self.loop.reactor, now=self.time, previous=old, authority=self.authority
        )
        self.provider = self.loop.run(make)
        return self.provider

    def certify(self, key: PrivateKey = KEY, who: str = "alice", seconds: float | None = None, **claims: Any) -> Any:
        principal = self.door(self.ring.token(who, **claims))
        return self.provider.certify_ssh(principal, key.public, seconds)

    def log_in(self, key: PrivateKey, shown: Certificate | None = None, peer: Peer = PEER, **changed: Any) -> Principal:
        """Show it and sign some data with the key."""
        plain = key.public.algorithms[0]
        usual = {
            "blob": shown.blob if shown else key.public.blob,
            "algorithm": certificate_kind(plain) if shown else plain,
            "signature": key.sign(b"data", plain),
            "data": b"data",
            "peer": peer,
        }
        return self.loop.run(lambda: self.provider.authenticate_ssh(**{**usual, **changed}))


def shown_as(key: PrivateKey, certificate: Certificate | None) -> tuple[bytes, bytes]:
    return (certificate.blob, certificate.kind) if certificate else (key.public.blob, key.public.kind)


@pytest.fixture
def world(loop: Loop, tmp_path: Path) -> World:
    return World(loop, tmp_path)


@pytest.mark.parametrize("key", [KEY, ecdsa_key(), rsa_key()], ids=["ed25519", "ecdsa", "rsa"])
def test_a_certificate_proves_whom_the_token_proved(world: World, key: PrivateKey) -> None:
    made = world.certify(key, groups=["dev"], act={"sub": "agent-7"})
    algorithm = certificate_kind(key.public.algorithms[0])
    assert world.provider.accepts_ssh(made.blob, algorithm, PEER)
    found = world.log_in(key, made)
    assert (found.subject, found.groups, found.proof) == ("alice", {"dev"}, "ssh-certificate")
    assert [actor.subject for actor in found.chain] == ["agent-7"] and world.provider.still_valid(found)


def test_an_accounts_key_proves_the_account(world: World) -> None:
    assert world.provider.accepts_ssh(BACKUP.public.blob, b"ssh-ed25519", PEER)
    found = world.log_in(BACKUP)
    assert (found.key, found.proof, found.groups) == ("hoop|backup", "ssh-key", {"jobs"})
    assert found.expires is not None and world.provider.still_valid(found)


def test_an_accounts_token_can_be_certified_too(world: World) -> None:
    etl = world.door(TOKEN)
    made = world.provider.certify_ssh(etl, KEY.public)
    found = world.log_in(KEY, made)
    assert (found.key, found.groups, found.max_sessions) == ("hoop|etl", {"jobs"}, 2)
    with pytest.raises(AuthenticationFailed, match="not accepted from"):
        world.log_in(KEY, made, ELSEWHERE)


def test_S5_who_signs_is_who_it_is(world: World) -> None:
    """CVE-2024-45337: a key that is only shown proves nothing, whatever signed."""
    made = world.certify(KEY)
    for shown, key in ((made, OTHER), (None, OTHER)):
        with pytest.raises(AuthenticationFailed):
            world.log_in(key, shown)
    with pytest.raises(AuthenticationFailed, match="not the shown key's"):
        world.log_in(BACKUP, signature=OTHER.sign(b"data"))
    with pytest.raises(AuthenticationFailed, match="not the shown key's"):
        world.log_in(BACKUP, data=b"another session's")
    with pytest.raises(AuthenticationFailed, match="not one of what is shown"):
        world.log_in(KEY, made, algorithm=b"ssh-ed25519")
    with pytest.raises(AuthenticationFailed, match="not one of what is shown"):
        world.log_in(BACKUP, algorithm=b"ssh-ed25519-cert-v01@openssh.com")


def test_unknown_keys_and_foreign_certificates_are_not_even_asked_for(world: World) -> None:
    for blob in (OTHER.public.blob, forged(KEY.public, new_private_key()).blob, b"", b"junk", forged(KEY.public).blob):
        for algorithm in (b"ssh-ed25519", b"ssh-ed25519-cert-v01@openssh.com"):
            assert not world.provider.accepts_ssh(blob, algorithm, PEER)


def test_I9_expiry_and_locks_end_it(world: World) -> None:
    made = world.certify(seconds=60)
    found, backup = world.log_in(KEY, made), world.log_in(BACKUP)
    world.provider.locks.lock("principal", found.key)
    world.provider.locks.lock("group", "jobs")
    for who, key, shown in ((found, KEY, made), (backup, BACKUP, None)):
        assert not world.provider.still_valid(who)
        assert not world.provider.accepts_ssh(*shown_as(key, shown), PEER)
        with pytest.raises(AuthenticationFailed, match="locked"):
            world.log_in(key, shown)
    world.provider.locks.replace([])
    assert world.provider.still_valid(found)
    world.time.now += 61
    assert not world.provider.still_valid(found) and world.provider.still_valid(backup)
    with pytest.raises(AuthenticationFailed, match="expired"):
        world.log_in(KEY, made)


@pytest.mark.parametrize(
    "change", [{"groups": ["x"]}, {"claims": {"sub": "bob"}}, {"sources": ["10.0.0.0/8"]}], ids=str
)
def test_I9_a_reload_that_changes_the_issuer_ends_its_certificates(world: World, change: dict[str, Any]) -> None:
    made = world.certify()
    found = world.log_in(KEY, made)
    world.reloaded(world.made())
    assert world.provider.still_valid(found) and world.log_in(KEY, made) == found
    world.reloaded(world.made(**change))
    assert not world.provider.still_valid(found)
    with pytest.raises(AuthenticationFailed, match="have changed"):
        world.log_in(KEY, made)
    world.reloaded(Settings())
    assert not world.provider.still_valid(found)
    with pytest.raises(AuthenticationFailed, match="have changed"):
        world.log_in(KEY, made)


def test_I9_a_reload_that_changes_the_account_ends_its_keys_and_certificates(world: World) -> None:
    made = world.provider.certify_ssh(world.door(TOKEN), KEY.public)
    etl, backup = world.log_in(KEY, made), world.log_in(BACKUP)
    new = [{**ACCOUNTS[0], "token_sha256": "0" * 64}, {**ACCOUNTS[1], "ssh_keys": [OTHER.public.line]}]
    world.reloaded(world.made(accounts=new))
    assert not world.provider.still_valid(etl) and not world.provider.still_valid(backup)
    for key, shown in ((KEY, made), (BACKUP, None)):
        with pytest.raises(AuthenticationFailed):
            world.log_in(key, shown)
    more = [{**ACCOUNTS[1], "ssh_keys": [OTHER.public.line, BACKUP.public.line]}]
    world.reloaded(world.made(accounts=more))
    assert world.provider.still_valid(backup) and world.log_in(OTHER).key == backup.key


def test_I10_sources_and_one_time_tokens_hold_for_certificates(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path, sources=["192.0.2.0/24"], one_time=True)
    made = world.certify(jti="once")
    with pytest.raises(AuthenticationFailed, match="not accepted from"):
        world.log_in(KEY, made, ELSEWHERE)
    assert world.log_in(KEY, made)
    with pytest.raises(AuthenticationFailed, match="used before"):
        world.log_in(KEY, made)
    assert world.log_in(KEY, world.certify(jti="twice"))


def test_without_an_authority_certificates_prove_nothing(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path)
    made = world.certify()
    door = Door(loop, world.settings, world.time)
    assert not door.provider.accepts_ssh(made.blob, made.kind, PEER)
    with pytest.raises(ValueError, match="SSH"):
        door.provider.certify_ssh(door(world.ring.token("alice")), KEY.public)


def test_how_logins_end_is_counted(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path)
    counted: list[str] = []
    world.door = Door(loop, world.settings, world.time, authority=world.authority, counted=counted.append)
    world.provider = world.door.provider
    world.log_in(BACKUP)
    with pytest.raises(AuthenticationFailed):
        world.log_in(OTHER)
    assert counted == ["ok", "failed"]


def test_one_key_is_one_accounts(world: World) -> None:
    twice = [ACCOUNTS[1], {**ACCOUNTS[1], "name": "other"}]
    with pytest.raises(ConfigurationError, match="same SSH key"):
        Door(world.loop, world.made(accounts=twice))
    with pytest.raises(ConfigurationError, match=r"accounts \(x\): ssh_keys"):
        Door(world.loop, world.made(accounts=[{"name": "x", "ssh_keys": ["ssh-ed25519 AAAA"]}]))


def test_names_of_algorithms() -> None:
    assert signature_algorithm(b"rsa-sha2-512-cert-v01@openssh.com") == b"rsa-sha2-512"
    assert signature_algorithm(b"sk-ssh-ed25519-cert-v01@openssh.com") == b"sk-ssh-ed25519@openssh.com"
    assert signature_algorithm(b"ssh-ed25519") == b"ssh-ed25519"


@given(st.binary(max_size=100), st.binary(max_size=40), st.binary(max_size=100))
def test_whatever_is_shown_proves_somebody_or_fails(blob: bytes, algorithm: bytes, signature: bytes) -> None:
    work = PROVIDER.authenticate_ssh(blob, algorithm, signature, b"data", PEER)
    with pytest.raises(AuthenticationFailed):
        work.send(None)


PROVIDER = IdentityProvider(Settings(), None, authority=make_authority())


def test_a_principal_is_the_same_at_every_replica(world: World, loop: Loop) -> None:
    """Nothing is remembered here that another process with the same keys and settings would not know."""
    made = world.certify()
    found = world.log_in(KEY, made)
    other = Door(loop, world.settings, world.time, authority=make_authority(world.time)).provider
    assert other.still_valid(found) and other.accepts_ssh(made.blob, made.kind, PEER)
    assert dataclasses.replace(found) == found
