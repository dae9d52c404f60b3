from __future__ import annotations

import pytest
from lxml import etree

from tests.support.saml import ACS, ENTITY, REQUEST, TAGS, make_signer, told
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml.shape import Shape, reread, shape_of


@pytest.mark.parametrize(
    ("sign", "signed"), [("assertion", (False, True)), ("response", (True, False)), ("both", (True, True))]
)
def test_what_an_honest_answer_looks_like(sign: str, signed: tuple[bool, bool]) -> None:
    shape = shape_of(etree.fromstring(make_signer().answer(told(), sign)))
    assert shape == Shape("_response-1", "_assertion-1", *signed, ACS, REQUEST, ENTITY)


def refused(xml: str) -> str:
    with pytest.raises(AuthenticationFailed) as caught:
        shape_of(etree.fromstring(xml))
    return str(caught.value)


def test_what_is_no_response() -> None:
    assert "no SAML 2.0 response" in refused("<x/>") and "no SAML 2.0 response" in refused(told().assertion())
    assert "no SAML 2.0 response" in refused(told().response("").replace('Version="2.0"', 'Version="1.1"'))
    assert "0 assertions" in refused(told().response(""))
    assert "neither" in refused(told().response(told().assertion()))
    assert "0 of Status" in refused(
        f'<p:Response xmlns:p="{TAGS["samlp"]}" Version="2.0" ID="_1">{told().assertion()}</p:Response>'
    )


def test_a_refusal_is_told_with_its_reason() -> None:
    """What the provider says stands in the log, cut short."""
    code = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    inner = '"/><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed'
    xml = told(status=code).response(told().assertion())
    assert "refuses: Responder" in refused(xml)
    nested = xml.replace(
        f'<samlp:StatusCode Value="{code}"/>',
        f'<samlp:StatusCode Value="{code}{inner}"/></samlp:StatusCode>'.replace('"/><samlp', '"><samlp'),
    )
    assert "refuses: Responder, AuthnFailed" in refused(nested)


def test_I5_ids_are_names_and_stand_there_once() -> None:
    """I5."""
    signed = make_signer().answer(told())
    assert "twice" in refused(signed.replace('ID="_response-1"', 'ID="_assertion-1"'))
    for ident in ("1", "a b", "", "#x", "a" * 300):
        assert "ID" in refused(signed.replace('ID="_response-1"', f'ID="{ident}"'))
    assert "has no ID" in refused(signed.replace('ID="_response-1" ', ""))
    assert "twice" in refused(signed.replace("<saml:NameID ", '<saml:NameID id="_assertion-1" '))


def test_I5_nothing_is_called_like_a_signed_part_and_is_another() -> None:
    """I5: other namespaces; SAML 1.1 and WS-Security have elements of these names."""
    signed = make_signer().answer(told())
    for name in ("Assertion", "Response", "Signature"):
        assert "of another kind" in refused(
            signed.replace("</samlp:Status>", f'<x:{name} xmlns:x="urn:x"/></samlp:Status>')
        )
    assert "other things" in refused(signed.replace("<saml:Issuer>", "<!-- x --><saml:Issuer>", 1))


def test_what_a_signed_response_says_counts() -> None:
    root = etree.fromstring(make_signer().answer(told(), "response"))
    shape = shape_of(root)
    other = etree.fromstring(told(destination="https://other", answers="_2", issuer="x").response(told().assertion()))
    assert reread(shape, root) == shape
    assert (reread(shape, other).destination, reread(shape, other).in_response_to) == ("https://other", "_2")
    with pytest.raises(AuthenticationFailed, match="refuses"):
        reread(shape, etree.fromstring(told(status="urn:x:Responder").response("")))
