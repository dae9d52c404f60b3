"""Password preparation, verifiers and channel bindings, against RFC examples and PostgreSQL's own format."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.demo import certificates
from twisted_hoop.identity import scram_keys as keys

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")


def test_verifier_is_read_and_written_in_postgres_format() -> None:
    text = keys.scram_verifier("pencil", 4096, SALT)
    assert text == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert str(keys.parse_verifier(text)) == text


@given(st.text())
def test_any_text_is_a_verifier_or_a_value_error(text: str) -> None:
    for candidate in (text, "SCRAM-SHA-256$" + text, "SCRAM-SHA-256$4096:" + text):
        try:
            keys.parse_verifier(candidate)
        except ValueError as error:
            assert len(text) < 8 or text not in str(error)


def test_R11_a_verifier_does_not_show_itself() -> None:
    verifier = keys.parse_verifier(keys.scram_verifier("pencil"))
    assert base64.b64encode(verifier.stored_key).decode() not in repr(verifier)
    with pytest.raises(ValueError, match="not a SCRAM") as caught:
        keys.parse_verifier("hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("I\u00adX", "IX"),  # RFC 4013 section 3
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
    ],
)
def test_saslprep_examples_of_rfc_4013(text: str, result: str) -> None:
    assert keys.saslprep(text) == result


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031", "\u00ad", "\ue000", "\u0221"])
def test_saslprep_prohibits_and_the_raw_bytes_are_used(text: str) -> None:
    with pytest.raises(ValueError, match=r"prohibited|directions"):
        keys.saslprep(text)
    assert keys.prepared(text) == text.encode()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_password_can_be_prepared(text: str) -> None:
    assert isinstance(keys.prepared(text), bytes)


@pytest.mark.parametrize("key_type", ["ec", "rsa"])
def test_channel_binding_is_the_sha256_of_a_sha256_certificate(tmp_path: Path, key_type: certificates.KeyType) -> None:
    pem, _ = certificates.issue(tmp_path, ["localhost"], key_type=key_type)
    der = x509.load_pem_x509_certificate(pem.read_bytes()).public_bytes(Encoding.DER)
    assert keys.tls_server_end_point(der) == hashlib.sha256(der).digest()


def test_channel_binding_of_other_signatures() -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    sha1 = _self_signed(key, hashes.SHA512()).public_bytes(Encoding.DER)
    assert keys.tls_server_end_point(sha1) == hashlib.sha512(sha1).digest()
    with_pss = _self_signed(key, hashes.SHA384(), rsa_padding=pss).public_bytes(Encoding.DER)
    assert keys.tls_server_end_point(with_pss) == hashlib.sha384(with_pss).digest()
    curve = _self_signed(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(Encoding.DER)
    assert keys.tls_server_end_point(curve) is None
    assert keys.tls_server_end_point(b"no certificate") is None


def test_channel_binding_of_a_sha1_certificate_uses_sha256() -> None:
    """RFC 5929 section 4.1. The certificate's hash name is changed in place: nobody signs with SHA-1 any more."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = _self_signed(key, hashes.SHA256()).public_bytes(Encoding.DER)
    rsa_with_sha256, rsa_with_sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    weak = der.replace(rsa_with_sha256, rsa_with_sha1)
    assert keys.tls_server_end_point(weak) == hashlib.sha256(weak).digest()


def _self_signed(key, algorithm, **more):  # type: ignore[no-untyped-def]
    import datetime

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "t")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    return builder.sign(key, algorithm, **more)


def test_cache_remembers_and_forgets_the_oldest() -> None:
    cache = keys.SaltedPasswords(size=2)
    for number in (1, 2, 3):
        cache.put("correct horse", b"salt", number, b"x%d" % number)
    assert cache.get("correct horse", b"salt", 1) is None
    assert cache.get("correct horse", b"salt", 3) == b"x3"
    assert cache.get("other", b"salt", 3) is None
    assert b"correct horse" not in repr(vars(cache)).encode()


def test_the_end_point_follows_the_file(tmp_path: Path) -> None:
    """A renewed certificate is bound to without a restart; one that cannot be read binds nothing."""
    certificates.make_ca(tmp_path)
    path = tmp_path / "server.pem"
    end_point = keys.EndPoint(str(path))
    assert end_point() is None
    seen = set()
    for name in ("one.test", "two.test"):
        issued = certificates.issue(tmp_path, [name])[0]
        issued.rename(path)
        leaf = x509.load_pem_x509_certificates(path.read_bytes())[0].public_bytes(Encoding.DER)
        assert end_point() == keys.tls_server_end_point(leaf) is not None
        seen.add(end_point())
    assert len(seen) == 2
    path.write_text("nonsense")
    assert end_point() is None
