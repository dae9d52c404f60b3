from __future__ import annotations

from twisted_hoop.saml import names


def test_tags_are_those_of_the_specifications() -> None:
    assert names.assertion("Assertion") == "{urn:oasis:names:tc:SAML:2.0:assertion}Assertion"
    assert names.protocol("Response") == "{urn:oasis:names:tc:SAML:2.0:protocol}Response"
    assert names.signature("Signature") == "{http://www.w3.org/2000/09/xmldsig#}Signature"


def test_nothing_weak_is_believed() -> None:
    """I5: no SHA-1, no keyed hashes, which would make a public certificate a secret."""
    assert len(names.SIGNATURE_METHODS) == 6 and len(names.DIGEST_METHODS) == 3
    for algorithm in names.SIGNATURE_METHODS | names.DIGEST_METHODS:
        assert "sha1" not in algorithm and "hmac" not in algorithm and "dsa-sha1" not in algorithm
