from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.support.saml import TAGS, make_signer, told
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml.shape import Shape, shape_of
from twisted_hoop.saml.verifying import check, verified

RSA, OTHER = make_signer, lambda: make_signer("other")


def shaped(sign: str) -> tuple[bytes, Shape]:
    xml = make_signer().answer(told(), sign).encode()
    return xml, shape_of(etree.fromstring(xml))


@pytest.mark.parametrize("sign", ["assertion", "response", "both"])
def test_what_comes_back_was_parsed_from_what_was_signed(sign: str) -> None:
    xml, shape = shaped(sign)
    signed = verified(xml, shape, (OTHER().certificate, RSA().certificate))
    assert signed.assertion.get("ID") == "_assertion-1" and signed.certificate == RSA().certificate
    assert (signed.response is not None) is shape.response_signed
    if sign == "assertion":
        assert signed.assertion.getparent() is None  # nothing leads from it to what nobody signed
    assert signed.assertion.find(f"{{{TAGS['ds']}}}Signature") is None


def test_all_signatures_must_verify() -> None:
    xml, shape = shaped("both")
    calls: list[str] = []

    def second_fails(data: bytes, certificate: Any, location: str) -> Any:
        calls.append(location)
        if len(calls) == 2:
            raise ValueError("no")
        return check(data, certificate, location)

    with pytest.raises(AuthenticationFailed, match="does not verify: ValueError: no"):
        verified(xml, shape, (RSA().certificate,), second_fails)
    assert len(calls) == 2 and calls[0] == "./" and "Assertion" in calls[1]


def test_I5_the_node_must_be_the_one_that_was_seen() -> None:
    """I5: whatever the library gives back."""
    xml, shape = shaped("assertion")
    for other in ("<x/>", told(assertion_id="_other").assertion(), told().response("")):
        with pytest.raises(AuthenticationFailed, match="not what was sent"):
            verified(xml, shape, (RSA().certificate,), lambda *given, other=other: etree.fromstring(other))


def test_without_certificates_or_signatures_nothing_is_proved() -> None:
    xml, shape = shaped("assertion")
    with pytest.raises(AuthenticationFailed, match="no certificates"):
        verified(xml, shape, ())
    with pytest.raises(AuthenticationFailed, match="nothing"):
        verified(xml, Shape("_response-1", "_assertion-1", False, False, "", "", ""), (RSA().certificate,))
