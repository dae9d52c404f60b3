"""What the gateway certifies, and whose certificates it believes."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from tests.support.ssh_identity import ALICE, KEYS, TERMS, ecdsa_key, forged, make_authority, rsa_key, ssh_keygen
from tests.support.tokens import PEER, Time
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.ssh_authority import MAX_HOSTS, SESSION_LIFE, SKEW
from twisted_hoop.identity.ssh_certificates import HOST, USER
from twisted_hoop.identity.ssh_identity import EXTENSION
from twisted_hoop.identity.ssh_keys import SK_ED25519, parse_blob
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.identity.ssh_wire import strings
from twisted_hoop.model import Actor, Peer
from twisted_hoop.testing import make_session

KEY = new_private_key()
FOREVER = float("inf")


@pytest.mark.parametrize("key", [KEY, ecdsa_key(), rsa_key()], ids=["ed25519", "ecdsa", "rsa"])
def test_who_is_certified_is_who_is_believed(key: PrivateKey) -> None:
    agent = dataclasses.replace(ALICE, chain=(Actor("https://a", "agent-7"),))
    authority = make_authority()
    made = authority.issue_user(agent, key.public, FOREVER, TERMS)
    found = authority.principal_of(made, PEER)
    assert found.principal.key == ALICE.key and found.principal.groups == ALICE.groups
    assert found.principal.chain == agent.chain and found.principal.proof == "ssh-certificate"
    assert found.principal.expires == made.valid_before and found.terms == TERMS


def test_a_certificate_ends_with_the_token_the_setting_and_the_wish() -> None:
    now = Time(1_000_000.5)
    authority = make_authority(now, certificate_lifetime="1h")
    assert authority.issue_user(ALICE, KEY.public, FOREVER, TERMS).valid_before == 1_003_600
    assert authority.issue_user(ALICE, KEY.public, now.now + 60, TERMS).valid_before == 1_000_060
    token = dataclasses.replace(ALICE, expires=1_000_030.9)
    made = authority.issue_user(token, KEY.public, FOREVER, TERMS)
    assert (made.valid_after, made.valid_before) == (1_000_000 - SKEW, 1_000_030)
    with pytest.raises(ValueError, match="no time left"):
        authority.issue_user(dataclasses.replace(ALICE, expires=1_000_000.9), KEY.public, FOREVER, TERMS)


def test_ssh_keygen_shows_what_it_says(tmp_path: Path) -> None:
    made = make_authority().issue_user(ALICE, KEY.public, FOREVER, TERMS)
    (tmp_path / "key-cert.pub").write_text(made.line)
    said = ssh_keygen("-L", "-f", tmp_path / "key-cert.pub")
    for text in ("user certificate", f"hoop:{ALICE.key}", "permit-pty", f'Key ID: "Alice ({ALICE.key})"', "(none)"):
        assert text in said, said


def test_security_keys_are_certified_too(tmp_path: Path) -> None:
    key = parse_blob(strings(SK_ED25519, KEY.public.raw.public_bytes_raw(), b"ssh:"))  # type: ignore[union-attr]
    made = make_authority().issue_user(ALICE, key, FOREVER, TERMS)
    (tmp_path / "key-cert.pub").write_text(made.line)
    assert "sk-ssh-ed25519-cert-v01@openssh.com user certificate" in ssh_keygen("-L", "-f", tmp_path / "key-cert.pub")
    assert make_authority().principal_of(made, PEER).principal.key == ALICE.key


def test_serials_are_unique() -> None:
    authority = make_authority()
    made = [authority.issue_user(ALICE, KEY.public, FOREVER, TERMS).serial for _ in range(200)]
    assert len(set(made)) == 200 and all(0 <= serial < 2**63 for serial in made)


def test_too_many_groups_are_told() -> None:
    many = dataclasses.replace(ALICE, groups=frozenset(f"group-{n:030}" for n in range(1000)))
    with pytest.raises(ValueError, match="too large"):
        make_authority().issue_user(many, KEY.public, FOREVER, TERMS)


def test_S6_every_field_is_looked_at() -> None:
    authority = make_authority()
    now = int(time.time())
    identity = forged(KEY.public).extensions
    wrong = {
        "another authority": forged(KEY.public, new_private_key()),
        "another authority ": forged(KEY.public, KEYS.host_ca),
        "one of a user": forged(KEY.public, type=HOST),
        "one of a user ": forged(KEY.public, type=0),
        "expired": forged(KEY.public, valid_before=now - 1),
        "not valid yet": forged(KEY.public, valid_after=now + 600, valid_before=now + 900),
        "critical option": forged(KEY.public, critical={"force-command": b"true"}),
        "critical option ": forged(KEY.public, critical={"verify-required": b""}),
        "does not say who": forged(KEY.public, extensions={}),
        "malformed": forged(KEY.public, extensions={EXTENSION: b"{}"}),
        "not its identity": forged(KEY.public, principals=("root",)),
        "not its identity ": forged(KEY.public, principals=("hoop:x|y", *forged(KEY.public).principals)),
    }
    for why, certificate in wrong.items():
        with pytest.raises(AuthenticationFailed, match=why.strip()):
            authority.principal_of(certificate, PEER)
    assert authority.principal_of(forged(KEY.public, extensions=identity), PEER).principal.key == ALICE.key


def test_S6_no_principals_and_a_signature_of_somebody_else() -> None:
    authority = make_authority()
    right = forged(KEY.public)
    with pytest.raises(AuthenticationFailed, match="no principals"):
        authority.principal_of(_resigned(right, b""), PEER)
    claimed = dataclasses.replace(right, signature=new_private_key().sign(right.signed))
    with pytest.raises(AuthenticationFailed, match="signature"):
        authority.principal_of(claimed, PEER)


def _resigned(certificate: object, principals: bytes) -> object:
    """The same with other principals, signed by the authority itself."""
    from twisted_hoop.identity.ssh_certificates import parse_certificate
    from twisted_hoop.identity.ssh_wire import string

    blob: bytes = certificate.signed  # type: ignore[attr-defined]
    old = string(string(certificate.principals[0].encode()))  # type: ignore[attr-defined]
    signed = blob.replace(old, string(principals), 1)
    return parse_certificate(signed + string(KEYS.user_ca.sign(signed)))


@pytest.mark.parametrize(
    ("ranges", "address", "good"),
    [
        (b"192.0.2.0/24", "192.0.2.7", True),
        (b"10.0.0.0/8,192.0.2.7/32", "192.0.2.7", True),
        (b"192.0.2.7", "::ffff:192.0.2.7", True),
        (b"10.0.0.0/8", "192.0.2.7", False),
        (b"2001:db8::/32", "2001:db8::1", True),
        (b"", "192.0.2.7", False),
        (b"everywhere", "192.0.2.7", False),
        (b"\xff", "192.0.2.7", False),
        (b"192.0.2.0/24", "unix", False),
    ],
)
def test_S6_source_address_is_honoured(ranges: bytes, address: str, good: bool) -> None:
    certificate = forged(KEY.public, critical={"source-address": ranges})
    authority = make_authority()
    if good:
        assert authority.principal_of(certificate, Peer(address)).principal.key == ALICE.key
        return
    with pytest.raises(AuthenticationFailed, match=r"source-address|accepted from"):
        authority.principal_of(certificate, Peer(address))


def test_a_session_logs_in_for_five_minutes_with_a_key_of_its_own() -> None:
    now = Time(1_000_000.0)
    authority = make_authority(now)
    session = dataclasses.replace(make_session(), principal=ALICE)
    one, other = authority.issue_session(session, "deploy"), authority.issue_session(session, "deploy")
    made = one.certificate
    assert one.key.public != other.key.public and made.key == one.key.public and made.verified()
    assert made.type == USER and made.principals == ("deploy",) and made.valid_before == 1_000_000 + SESSION_LIFE
    assert ALICE.key in made.key_id and session.id in made.key_id
    assert made.authority == authority.user_ca and set(made.extensions) >= {"permit-pty"}


def test_no_certificate_of_a_session_lets_anybody_into_the_gateway() -> None:
    authority = make_authority()
    made = authority.issue_session(dataclasses.replace(make_session(), principal=ALICE), "deploy")
    with pytest.raises(AuthenticationFailed, match="does not say who"):
        authority.principal_of(made.certificate, PEER)


def test_host_certificates_are_kept_until_half_their_life() -> None:
    now = Time(1_000_000.0)
    authority = make_authority(now, host_certificate_lifetime="24h")
    first = authority.issue_host("web-1")
    assert first.type == HOST and first.principals == ("web-1",) and first.verified()
    assert first.authority == authority.host_ca and first.key == authority.host_key.public
    now.now += 43_000
    assert authority.issue_host("web-1") is first and authority.issue_host("web-2") is not first
    now.now += 300
    second = authority.issue_host("web-1")
    assert second is not first and second.lives(now.now + 43_000)
    with pytest.raises(ValueError, match="principals"):
        authority.issue_host("")


def test_their_number_is_bounded() -> None:
    authority = make_authority()
    for number in range(MAX_HOSTS + 5):
        authority.issue_host(f"web-{number}")
    assert len(authority._hosts) == MAX_HOSTS


def test_what_is_not_printable_does_not_reach_a_key_id() -> None:
    """R7: targets log it."""
    evil = dataclasses.replace(ALICE, name="a\nb\x1b[2J")
    made = make_authority().issue_user(evil, KEY.public, FOREVER, TERMS)
    assert made.key_id.isprintable()
