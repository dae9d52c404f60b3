"""Certificates, against ssh-keygen both ways, and byte by byte."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_public_identity
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_identity import KEYS, ecdsa_key, forged, rsa_key, ssh_keygen
from tests.support.sshd import make_key
from twisted_hoop.identity.ssh_certificates import (
    CERTIFICATE_KINDS,
    HOST,
    MAX_CERTIFICATE,
    USER,
    certificate_kind,
    is_certificate,
    parse_certificate,
    parse_certificate_line,
)
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.identity.ssh_wire import string, strings

KEY = new_private_key()
RSA = rsa_key()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("authority", ["ed25519", "ecdsa", "rsa"])
def test_certificates_of_ssh_keygen_are_read(tmp_path: Path, kind: str, authority: str) -> None:
    ca, key = make_key(tmp_path / "ca", authority), make_key(tmp_path / "key", kind)
    options = ["-O", "clear", "-O", "permit-pty", "-O", "source-address=10.0.0.0/8", "-O", "extension:x@y=z"]
    ssh_keygen("-q", "-s", ca, "-I", "the id", "-n", "a,b", "-z", "7", "-V", "-1m:+1h", *options, f"{key}.pub")
    text = (tmp_path / "key-cert.pub").read_text()
    found = parse_certificate(base64.b64decode(text.split()[1]))
    assert found.verified() and found.type == USER and found.serial == 7 and found.key_id == "the id"
    assert found.principals == ("a", "b") and found.valid_before - found.valid_after in range(3600, 3721)
    assert found.critical == {"source-address": b"10.0.0.0/8"} and found.extensions == {"permit-pty": b"", "x@y": b"z"}
    assert found.key == parse_line((tmp_path / "key.pub").read_text())
    assert found.authority == parse_line((tmp_path / "ca.pub").read_text())
    assert found.line == " ".join(text.split()[:2])


@pytest.mark.parametrize("signer", [KEYS.user_ca, ecdsa_key(), RSA], ids=["ed25519", "ecdsa", "rsa"])
def test_ssh_keygen_and_cryptography_read_ours(tmp_path: Path, signer: PrivateKey) -> None:
    made = forged(KEY.public, signer, serial=2**63 - 1, critical={"source-address": b"10.0.0.0/8"})
    (tmp_path / "x-cert.pub").write_text(made.line + "\n")
    said = ssh_keygen("-L", "-f", tmp_path / "x-cert.pub")
    assert f"Serial: {2**63 - 1}" in said and 'Key ID: "alice"' in said and "source-address 10.0.0.0/8" in said
    assert signer.public.fingerprint in said and KEY.public.fingerprint in said and "identity@twisted-hoop" in said
    load_ssh_public_identity(made.line.encode()).verify_cert_signature()  # type: ignore[union-attr]


def test_S6_certificates_sign_no_certificates() -> None:
    """CVE-2025-49825: the signer of a certificate is itself a certificate."""
    made = forged(KEY.public)
    head, _, _ = made.signed.rpartition(string(KEYS.user_ca.public.blob))
    nested = head + string(made.blob)
    with pytest.raises(ValueError, match="kind"):
        parse_certificate(nested + string(KEYS.user_ca.sign(nested)))


def test_S6_a_signature_over_anything_else_is_none() -> None:
    made = forged(KEY.public)
    for at in range(0, len(made.signed), 7):
        broken = bytearray(made.blob)
        broken[at] ^= 1
        try:
            found = parse_certificate(bytes(broken))
        except ValueError:
            continue
        assert not found.verified()


def test_kinds_have_one_name_each() -> None:
    assert certificate_kind(b"sk-ssh-ed25519@openssh.com") == b"sk-ssh-ed25519-cert-v01@openssh.com"
    assert len(CERTIFICATE_KINDS) == 7 and is_certificate(forged(KEY.public).blob)
    assert not is_certificate(KEY.public.blob) and not is_certificate(b"")


def test_who_lives_when() -> None:
    made = forged(KEY.public, valid_after=100, valid_before=200)
    assert [made.lives(now) for now in (99, 100, 199.9, 200)] == [False, True, True, False]


def test_none_is_made_that_would_not_be_read() -> None:
    with pytest.raises(ValueError, match="everybody"):
        forged(KEY.public, principals=())
    with pytest.raises(ValueError, match="too large"):
        forged(KEY.public, extensions={"x": bytes(MAX_CERTIFICATE)})
    with pytest.raises(ValueError, match="principals"):
        forged(KEY.public, principals=("a\0b",))


def rebuilt(
    critical: bytes = b"", extensions: bytes = b"", principals: bytes = string(b"a"), reserved: bytes = b""
) -> bytes:
    """A certificate with raw parts, well signed."""
    made = forged(KEY.public, principals=("a",), extensions={})
    tail = strings(b"", b"", b"", KEYS.user_ca.public.blob)
    head = made.signed.removesuffix(tail)
    times = head[-16:]
    head = head.removesuffix(string(string(b"a")) + times) + string(principals) + times
    signed = head + strings(critical, extensions, reserved, KEYS.user_ca.public.blob)
    return signed + string(KEYS.user_ca.sign(signed))


def test_S6_options_stand_once_and_in_order() -> None:
    assert parse_certificate(rebuilt(extensions=strings(b"a", b"", b"b", b""))).verified()
    for options in (strings(b"b", b"", b"a", b""), strings(b"a", b"", b"a", b""), strings(b"a", b"\0"), b"\0\0\0\1a"):
        with pytest.raises(ValueError):
            parse_certificate(rebuilt(extensions=options))
        with pytest.raises(ValueError):
            parse_certificate(rebuilt(critical=options))
    for wrong in (rebuilt(reserved=b"x"), rebuilt(principals=string(b"")), rebuilt(principals=string(b"a") * 300)):
        with pytest.raises(ValueError):
            parse_certificate(wrong)


@given(st.text(max_size=200), st.binary(max_size=200))
def test_a_certificates_line_or_a_value_error(text: str, junk: bytes) -> None:
    assert parse_certificate_line(SAMPLE.line + " comment").blob == SAMPLE.blob
    mislabelled = SAMPLE.line.replace("ed25519", "rsa", 1)
    for line in (text, f"{SAMPLE.kind.decode()} {base64.b64encode(junk).decode()}", f"{text} {text}", mislabelled):
        with pytest.raises(ValueError):
            parse_certificate_line(line)


def test_host_certificates_are_another_type() -> None:
    assert forged(KEY.public, type=HOST).type == HOST


@given(st.binary(max_size=60), st.integers(0, 700))
def test_a_certificate_or_a_value_error(junk: bytes, at: int) -> None:
    blob = SAMPLE.blob
    for data in (junk, blob[:at], blob[:at] + junk, blob[:at] + junk + blob[at + len(junk) :]):
        try:
            found = parse_certificate(data)
        except ValueError:
            continue
        assert found.blob == data and (data == blob or not found.verified() or found.signed == SAMPLE.signed)


SAMPLE = forged(KEY.public)
