"""Host keys: what we show, and what a target must show."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_identity import ecdsa_key, forged, make_authority, rsa_key
from twisted_hoop.errors import ConfigurationError, ProtocolError
from twisted_hoop.identity.ssh_certificates import HOST, USER, Certificate
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.settings import TargetSection
from twisted_hoop.ssh.algorithms import CERTIFICATES
from twisted_hoop.ssh.host_keys import TargetHostKeys, gateway_host_keys
from twisted_hoop.testing import run_now

PINNED, OTHER, AUTHORITY = new_private_key(), new_private_key(), new_private_key()
RSA, ECDSA = rsa_key(), ecdsa_key()


def keys_of(*pinned: PrivateKey, authorities: tuple[PrivateKey, ...] = (), host: str = "web-1.internal") -> Any:
    section = TargetSection(
        name="web-1",
        protocol="ssh",
        endpoint="tcp:web-1.internal:22",
        host_keys=[key.public.line for key in pinned],
        host_ca=[key.public.line for key in authorities],
    )
    return TargetHostKeys(section, host)


def certified(signer: PrivateKey = AUTHORITY, **changed: Any) -> Certificate:
    usual = {"type": HOST, "principals": ("web-1.internal",), "extensions": {}}
    return forged(OTHER.public, signer, **{**usual, **changed})


@pytest.mark.parametrize("key", [PINNED, RSA, ECDSA], ids=["ed25519", "rsa", "ecdsa"])
def test_a_pinned_key_is_the_one_that_must_have_signed(key: PrivateKey) -> None:
    found = run_now(keys_of(PINNED, RSA, ECDSA).verify(key.public.blob))
    assert found.blob() == key.public.blob and found.isPublic()


def test_S17_every_other_key_is_refused_and_named() -> None:
    """CVE-2026-91166: another machine's key is never taken for the target's, on first use or later."""
    with pytest.raises(ProtocolError) as caught:
        keys_of(PINNED).check(OTHER.public.blob)
    assert caught.value.side == "target" and caught.value.code == "host-key"
    assert OTHER.public.fingerprint in str(caught.value) and "web-1" in str(caught.value)
    for blob in (b"", b"junk", certified().blob):
        with pytest.raises(ProtocolError):
            keys_of(PINNED).check(blob)
    with pytest.raises(ProtocolError):
        keys_of(authorities=(AUTHORITY,)).check(AUTHORITY.public.blob)


def test_a_certificate_of_the_authority_for_this_host_is_taken() -> None:
    keys = keys_of(authorities=(AUTHORITY, RSA))
    assert keys.check(certified().blob) == OTHER.public
    assert keys.check(certified(RSA, principals=("x", "WEB-1.internal")).blob) == OTHER.public


def test_S17_every_other_certificate_is_refused() -> None:
    now = int(time.time())
    wrong = {
        "not configured": certified(PINNED),
        "not one of a host": certified(type=USER),
        "not one of a host ": certified(critical={"x": b""}),
        "expired": certified(valid_before=now - 5),
        "not valid yet": certified(valid_after=now + 500),
        "not for web-1": certified(principals=("web-2.internal",)),
        "not for web-1 ": certified(principals=("web-1.internal.evil.example", "*.internal")),
    }
    for why, certificate in wrong.items():
        with pytest.raises(ProtocolError, match=why.strip()):
            keys_of(PINNED, authorities=(AUTHORITY,)).check(certificate.blob)
    broken = bytearray(certified().blob)
    broken[-1] ^= 1
    with pytest.raises(ProtocolError, match="signature"):
        keys_of(authorities=(AUTHORITY,)).check(bytes(broken))


def test_only_what_could_be_accepted_is_asked_for() -> None:
    assert keys_of(PINNED).algorithms == (b"ssh-ed25519",)
    assert keys_of(RSA, ECDSA).algorithms == (b"ecdsa-sha2-nistp256", b"rsa-sha2-512", b"rsa-sha2-256")
    assert keys_of(authorities=(AUTHORITY,)).algorithms == CERTIFICATES
    assert keys_of(PINNED, authorities=(AUTHORITY,)).algorithms == (*CERTIFICATES, b"ssh-ed25519")


def test_a_line_that_is_no_key_is_told() -> None:
    section = TargetSection(name="x", protocol="ssh", endpoint="tcp:x:22", host_keys=["ssh-ed25519 AAAA"])
    with pytest.raises(ConfigurationError, match=r"targets \(x\): host_keys"):
        TargetHostKeys(section, "x")


def test_the_gateway_shows_its_own_key_or_a_certificate_for_the_name_that_was_typed() -> None:
    authority = make_authority()
    (plain,) = gateway_host_keys(authority)
    assert (plain.algorithm, plain.blob) == (b"ssh-ed25519", authority.host_key.public.blob)
    certificate, again = gateway_host_keys(authority, "web-1")
    assert again.blob == plain.blob and certificate.algorithm == b"ssh-ed25519-cert-v01@openssh.com"
    assert certificate.blob == authority.issue_host("web-1").blob
    assert authority.host_key.public.verify(certificate.sign(b"data"), b"data")


@given(st.binary(max_size=120), st.integers(0, 300))
def test_a_key_or_a_protocol_error(junk: bytes, at: int) -> None:
    blob = SAMPLE.blob
    for data in (junk, blob[:at] + junk + blob[at + len(junk) :]):
        try:
            assert KEYS.check(data) == OTHER.public
        except ProtocolError:
            continue


SAMPLE = certified()
KEYS = keys_of(PINNED, authorities=(AUTHORITY,))
