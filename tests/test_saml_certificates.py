from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.saml import make_signer
from twisted_hoop.saml.certificates import MAX_CERTIFICATES, load_certificates


def test_one_or_several_of_either_kind(tmp_path: Path) -> None:
    file = make_signer().pem(tmp_path / "idp.pem")
    assert load_certificates(file) == (make_signer().certificate,)
    file.write_bytes(file.read_bytes() + make_signer("p256").certificate.public_bytes(Encoding.PEM))
    assert len(load_certificates(file)) == 2


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    file = tmp_path / "idp.pem"
    with pytest.raises(ValueError, match="cannot be read"):
        load_certificates(file)
    for text in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "\x00"):
        file.write_text(text)
        with pytest.raises(ValueError, match="no certificate"):
            load_certificates(file)
    with pytest.raises(ValueError, match="1024 bits is too weak"):
        load_certificates(make_signer("weak", bits=1024).pem(file))
    with pytest.raises(ValueError, match="secp224r1"):
        load_certificates(make_signer("p224").pem(file))
    make_signer().pem(file)
    file.write_bytes(file.read_bytes() * (MAX_CERTIFICATES + 1))
    with pytest.raises(ValueError, match="more than"):
        load_certificates(file)
