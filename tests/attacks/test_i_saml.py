"""Attacks on SAML answers: wrapped, cut, moved, missing signatures (I5), bombs (I6), answers of somebody else (I7)."""

from __future__ import annotations

import base64
import copy
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.support.saml import NOW, REQUEST, TAGS, encoded, make_signer, provider_of, told
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.model import Principal
from twisted_hoop.saml import envelope
from twisted_hoop.saml.provider import SamlProvider
from twisted_hoop.saml.shape import Shape
from twisted_hoop.saml.verifying import verified

ANN, MALLORY = "u-4711", "u-root"
SAML, SAMLP, DS = (f"{{{TAGS[name]}}}" for name in ("saml", "samlp", "ds"))


class Watched:
    """A provider whose verifier is counted."""

    def __init__(self, **changed: Any) -> None:
        self.calls = 0
        self.provider = provider_of(**changed)
        check = self.provider._check

        def counted(*given: Any) -> Any:
            self.calls += 1
            return check(*given)

        self.provider._check = counted

    def refuses(self, sent: str, match: str | None = None) -> None:
        with pytest.raises(AuthenticationFailed, match=match):
            self.provider.proved(sent, REQUEST, NOW)


def honest(sign: str = "assertion") -> Any:
    """A response that was really signed, as a tree."""
    return etree.fromstring(make_signer().answer(told(), sign))


def forged(root: Any) -> Any:
    """A copy that says somebody else, without signatures."""
    evil = copy.deepcopy(root)
    for signature in evil.findall(f".//{DS}Signature"):
        signature.getparent().remove(signature)
    name = next(evil.iter(f"{SAML}NameID"))
    name.text = MALLORY
    return evil


def sent(root: Any) -> str:
    return encoded(etree.tostring(root))


# -- I5: wrapping, after Somorovsky et al., "On Breaking SAML", 2012 ---------------------------------------------------


def xsw1() -> Any:
    """The signed response inside its own signature, which the forged one carries."""
    root = honest("response")
    evil, signature = forged(root), root.find(f"{DS}Signature")
    root.remove(signature)
    evil.set("ID", "_evil")
    evil.insert(1, signature)
    signature.append(root)
    return evil


def xsw2() -> Any:
    """The signature and the signed response beside each other in the forged one."""
    root = honest("response")
    evil, signature = forged(root), root.find(f"{DS}Signature")
    root.remove(signature)
    evil.set("ID", "_evil")
    evil.insert(1, signature)
    evil.insert(2, root)
    return evil


def xsw3() -> Any:
    """The forged assertion before the signed one."""
    root = honest()
    evil = forged(root.find(f"{SAML}Assertion"))
    evil.set("ID", "_evil")
    root.insert(2, evil)
    return root


def xsw4() -> Any:
    """The signed assertion inside the forged one."""
    root = honest()
    signed = root.find(f"{SAML}Assertion")
    evil = forged(signed)
    evil.set("ID", "_evil")
    root.replace(signed, evil)
    evil.append(signed)
    return root


def xsw5() -> Any:
    """The signature in the forged assertion, the signed one behind it."""
    root = honest()
    signed = root.find(f"{SAML}Assertion")
    evil, signature = forged(signed), signed.find(f"{DS}Signature")
    evil.set("ID", "_evil")
    evil.insert(1, signature)
    root.insert(2, evil)
    return root


def xsw6() -> Any:
    """The signature in the forged assertion, and the signed one inside the signature."""
    root = honest()
    signed = root.find(f"{SAML}Assertion")
    evil, signature = forged(signed), signed.find(f"{DS}Signature")
    root.replace(signed, evil)
    evil.set("ID", "_evil")
    evil.insert(1, signature)
    signature.append(signed)
    return root


def xsw7() -> Any:
    """The forged assertion in Extensions, where schemas take anything, under the same ID."""
    root = honest()
    extensions = etree.Element(f"{SAMLP}Extensions")
    extensions.append(forged(root.find(f"{SAML}Assertion")))
    root.insert(1, extensions)
    return root


def xsw8() -> Any:
    """The signed assertion in an Object of the signature that the forged one carries."""
    root = honest()
    signed = root.find(f"{SAML}Assertion")
    evil, signature = forged(signed), signed.find(f"{DS}Signature")
    root.replace(signed, evil)
    evil.insert(1, signature)
    holder = etree.SubElement(signature, f"{DS}Object")
    holder.append(signed)
    return root


def xsw_same_id() -> Any:
    """Forged and signed assertion under one ID: which one does a reference mean?"""
    root = honest()
    root.insert(2, forged(root.find(f"{SAML}Assertion")))
    return root


def xsw_other_id() -> Any:
    """The same, where the forged one has the ID as `xml:id`, which some code looks for first."""
    root = honest()
    signed = root.find(f"{SAML}Assertion")
    root.set("{http://www.w3.org/XML/1998/namespace}id", signed.get("ID"))
    return root


def xsw_in_status() -> Any:
    """A forged assertion where a status may have details of any kind."""
    root = honest()
    detail = etree.SubElement(root.find(f"{SAMLP}Status"), f"{SAMLP}StatusDetail")
    detail.append(forged(root.find(f"{SAML}Assertion")))
    return root


def xsw_outer_response() -> Any:
    """A signed response as a child of a forged one with an assertion of its own."""
    root = honest("both")
    evil = forged(root)
    evil.set("ID", "_evil")
    evil.append(root)
    return evil


WRAPPED = [xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw8, xsw_same_id, xsw_other_id, xsw_in_status, xsw_outer_response]


@pytest.mark.parametrize("wrap", WRAPPED, ids=lambda wrap: wrap.__name__)
def test_I5_wrapped_signatures_are_refused_before_any_is_verified(wrap: Callable[[], Any]) -> None:
    """I5: a signature that verifies, beside what it does not sign."""
    watched = Watched()
    watched.refuses(sent(wrap()))
    assert watched.calls == 0


@pytest.mark.parametrize("wrap", WRAPPED, ids=lambda wrap: wrap.__name__)
@pytest.mark.parametrize("signed", [(True, False), (False, True), (True, True)])
def test_I5_even_without_the_look_before_only_what_is_signed_is_read(
    wrap: Callable[[], Any], signed: tuple[bool, bool]
) -> None:
    """I5: the second fence alone. Whatever a lenient look would say of the shape, the forged name does not come out."""
    data = etree.tostring(wrap())
    for response, assertion in (("_response-1", "_assertion-1"), ("_evil", "_assertion-1"), ("_evil", "_evil")):
        shape = Shape(response, assertion, *signed, "", "", "")
        try:
            found = verified(data, shape, (make_signer().certificate,))
        except AuthenticationFailed:
            continue
        assert [each.text for each in found.assertion.iter(f"{SAML}NameID")] == [ANN]


# -- I5: cut, moved, missing -------------------------------------------------------------------------------------------


def test_I5_a_comment_in_a_name_does_not_cut_it() -> None:
    """I5, CVE-2017-11427: `admin<!---->.evil` is signed as `admin.evil`, and read as `admin` by careless code."""
    signed = make_signer().answer(told(subject="admin.evil"))
    cut = signed.replace("admin.evil", "admin<!---->.evil")
    watched = Watched()
    watched.refuses(encoded(cut), "comment")
    watched.refuses(encoded(signed.replace("admin.evil", "admin<?x?>.evil")), "processing instruction")
    watched.refuses(encoded(signed.replace("admin.evil", "admin<![CDATA[.evil]]>")), "document type")
    assert watched.calls == 0


@pytest.mark.parametrize("sign", ["assertion", "response", "both"])
def test_I5_nothing_that_is_signed_can_be_changed(sign: str) -> None:
    """I5: one letter of the name, of a group, of the audience, of a time."""
    xml = make_signer().answer(told(), sign)
    for before, after in ((ANN, MALLORY), (">dba<", ">dbb<"), ("hoop.example.com/saml", "hoop.example.org/saml")):
        Watched().refuses(encoded(xml.replace(before, after)))


def test_I5_signatures_that_are_missing_or_half_forged() -> None:
    """I5: removed; of the response's frame without its assertion; one of two that does not verify."""
    Watched().refuses(encoded(make_signer().answer(told(), "nothing")), "neither")
    for sign in ("assertion", "response"):
        root = honest(sign)
        for signature in root.findall(f".//{DS}Signature"):
            signature.getparent().remove(signature)
        Watched().refuses(sent(root), "neither")
    root = honest("both")
    root.find(f"{DS}Signature/{DS}SignatureValue").text = base64.b64encode(b"x" * 256).decode()
    Watched().refuses(sent(root), "does not verify")


def test_I5_a_signed_response_vouches_for_no_assertion_that_was_put_in_later() -> None:
    """I5: a provider signs its refusals, too: here is one, with an assertion nobody signed."""
    refusal = make_signer().signed(told(status="urn:oasis:names:tc:SAML:2.0:status:Responder").response(""))
    root = etree.fromstring(refusal)
    root.append(etree.fromstring(told(subject=MALLORY).assertion()))
    Watched().refuses(sent(root), "refuses")
    root.find(f"{SAMLP}Status/{SAMLP}StatusCode").set("Value", "urn:oasis:names:tc:SAML:2.0:status:Success")
    Watched().refuses(sent(root), "does not verify")


def test_I5_a_signature_of_another_element() -> None:
    """I5: the provider's signature of an assertion, put into the response; a reference to everything, or to nothing."""
    watched = Watched()
    root = honest()
    evil = forged(root)
    evil.insert(1, root.find(f".//{DS}Signature"))
    watched.refuses(sent(evil), "not of the element")
    for uri in ("", "#", "#_other", "#xpointer(/)", "#xpointer(id('_assertion-1'))", "file:///etc/passwd", None):
        root = honest()
        reference = next(root.iter(f"{DS}Reference"))
        reference.attrib.pop("URI")
        if uri is not None:
            reference.set("URI", uri)
        watched.refuses(sent(root), "not of the element")
    assert watched.calls == 0


def test_I5_several_assertions_several_signatures() -> None:
    """I5: two honest assertions are one too many, whoever they speak of; so are two signatures of one element."""
    watched = Watched()
    second = make_signer().signed(told(assertion_id="_assertion-2", subject=MALLORY).assertion())
    root = honest()
    root.append(etree.fromstring(second))
    watched.refuses(sent(root), "2 assertions")
    root = honest()
    inner = root.find(f"{SAML}Assertion")
    inner.insert(1, copy.deepcopy(inner.find(f"{DS}Signature")))
    watched.refuses(sent(root), "signed twice")
    assert watched.calls == 0


def test_I5_another_key_proves_nothing_even_when_the_document_brings_it() -> None:
    """I5, I2: the attacker's certificate in KeyInfo, and KeyValue beside the provider's certificate."""
    Watched().refuses(encoded(make_signer("other").answer(told(subject=MALLORY), "both")), "does not verify")
    root = etree.fromstring(make_signer("other").answer(told(subject=MALLORY)))
    theirs = next(honest().iter(f"{DS}X509Certificate")).text
    next(root.iter(f"{DS}X509Certificate")).text = theirs
    Watched().refuses(sent(root), "does not verify")


def test_I5_an_element_that_is_not_plain_text_is_no_name() -> None:
    """I5: what a careless reader takes for the whole text stands before an element."""
    for inner in (f"{ANN}<x/>.evil", f"<x/>{ANN}"):
        story = told(subject=inner)
        Watched().refuses(encoded(make_signer().answer(story)), "plain text")
    odd = told(attributes={"groups": ["dba<x/>x"]})
    Watched().refuses(encoded(make_signer().answer(odd)), "no text")


# -- I6: bombs ---------------------------------------------------------------------------------------------------------

_LAUGHS = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'


def _with_transform(algorithm: str, inner: str = "") -> str:
    root = honest()
    transforms = next(root.iter(f"{DS}Transforms"))
    transforms.append(
        etree.fromstring(f'<ds:Transform xmlns:ds="{TAGS["ds"]}" Algorithm="{algorithm}">{inner}</ds:Transform>')
    )
    return str(etree.tostring(root, encoding="unicode"))


def _changed(path: str, change: Callable[[Any], Any]) -> str:
    root = honest()
    change(next(root.iter(f"{DS}{path}")))
    return str(etree.tostring(root, encoding="unicode"))


def _algorithm(path: str, algorithm: str) -> str:
    return _changed(path, lambda element: element.set("Algorithm", algorithm))


def _references(many: int) -> str:
    def repeat(reference: Any) -> None:
        for _ in range(many):
            reference.getparent().append(copy.deepcopy(reference))

    return _changed("Reference", repeat)


def _prefixes(many: int) -> str:
    listed = " ".join(f"p{n}" for n in range(many))
    return make_signer().answer(told(), "assertion", prefixes=[listed])


def _namespaces() -> str:
    declared = " ".join(f'xmlns:n{n}="urn:{n}"' for n in range(30))
    inner = "".join(
        f"<x {' '.join(f'xmlns:m{n}={chr(34)}urn:{m}:{n}{chr(34)}' for n in range(30))}>" for m in range(10)
    )
    return f"<r {declared}>{inner}{'</x>' * 10}</r>"


STYLES = '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"/>'
XSLT, XPATH = "http://www.w3.org/TR/1999/REC-xslt-19991116", "http://www.w3.org/TR/1999/REC-xpath-19991116"
BOMBS = {
    "xslt": lambda: _with_transform(XSLT, STYLES),
    "xpath": lambda: _with_transform(XPATH, f'<ds:XPath xmlns:ds="{TAGS["ds"]}">count(//*//*//*)</ds:XPath>'),
    "xpath2": lambda: _with_transform("http://www.w3.org/2002/06/xmldsig-filter2"),
    "base64": lambda: _with_transform("http://www.w3.org/2000/09/xmldsig#base64"),
    "many transforms": lambda: _with_transform("http://www.w3.org/2001/10/xml-exc-c14n#"),
    "inclusive c14n": lambda: _algorithm("CanonicalizationMethod", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
    "c14n with comments": lambda: _algorithm(
        "CanonicalizationMethod", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"
    ),
    "sha1 signature": lambda: _algorithm("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
    "hmac": lambda: _algorithm("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
    "sha1 digest": lambda: _algorithm("DigestMethod", "http://www.w3.org/2000/09/xmldsig#sha1"),
    "no algorithm": lambda: _changed("DigestMethod", lambda element: element.attrib.clear()),
    "truncated hmac": lambda: _changed(
        "SignatureMethod", lambda e: etree.SubElement(e, f"{DS}HMACOutputLength").__setattr__("text", "1")
    ),
    "two references": lambda: _references(1),
    "a thousand references": lambda: _references(1000),
    "many prefixes": lambda: _prefixes(200),
    "manifest": lambda: _changed("Reference", lambda e: e.set("Type", "x") or etree.SubElement(e, f"{DS}Manifest")),
    "object": lambda: _changed("Signature", lambda e: etree.SubElement(e, f"{DS}Object")),
    "entities": lambda: _LAUGHS + "<r>&c;</r>",
    "external entity": lambda: '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
    "external dtd": lambda: '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><r/>',
    "stylesheet": lambda: '<?xml-stylesheet href="http://127.0.0.1:9/x"?><r/>',
    "xinclude": lambda: '<r xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="/etc/passwd" parse="text"/></r>',
    "deep": lambda: "<x>" * 30_000 + "</x>" * 30_000,
    "deep and unclosed": lambda: "<x>" * 60_000,
    "broad": lambda: f"<r>{'<x/>' * 50_000}</r>",
    "namespaces": _namespaces,
    "attributes": lambda: f"<r {' '.join(f'a{n}={chr(34)}{chr(34)}' for n in range(2000))}/>",
    "large": lambda: f"<r>{'x' * (envelope.MAX_BYTES + 1)}</r>",
    "larger": lambda: f"<r>{'x' * (1 << 22)}</r>",
}


@pytest.mark.parametrize("name", BOMBS)
def test_I6_bombs_are_refused_before_any_signature_is_looked_at(name: str) -> None:
    """I6: in milliseconds of CPU, and the code of XML Signature is not called at all."""
    watched = Watched()
    bomb = encoded(BOMBS[name]())
    before = time.thread_time()
    watched.refuses(bomb)
    assert watched.calls == 0
    assert time.thread_time() - before < 0.25


def test_I6_the_largest_answer_that_is_taken_costs_little() -> None:
    """I6: what passes every cap is verified in a bounded time: here a person with more than three thousand groups."""
    story = told(attributes={"groups": [f"g{n}" for n in range(3300)]})
    xml = encoded(make_signer().answer(story, "both"))
    before = time.thread_time()
    proved = provider_of().proved(xml, REQUEST, NOW)
    assert len(proved.principal.groups) == 3300
    assert time.thread_time() - before < 2.0


def test_I6_encrypted_parts_are_refused_in_words() -> None:
    """I6: nothing is decrypted for somebody unknown; who configures the provider reads why in the log."""
    for name in ("EncryptedAssertion", "EncryptedID", "EncryptedAttribute"):
        root = honest()
        etree.SubElement(root, f"{SAML}{name}")
        watched = Watched()
        watched.refuses(sent(root), "encrypted")
        assert watched.calls == 0


# -- I7: somebody else's, or for somebody else -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"audiences": ["https://other.example.com/saml/metadata"]},
        {"audiences": []},
        {"recipient": "https://other.example.com/acs"},
        {"recipient": None},
        {"destination": "https://other.example.com/acs"},
        {"in_response_to": "_other"},
        {"in_response_to": None},
        {"answers": "_other"},
        {"answers": None},
        {"issuer": "https://idp.example.org/saml"},
        {"until": NOW - 31},
        {"shown_until": NOW - 31},
        {"shown_until": None},
        {"session_until": NOW - 31},
        {"begins": NOW + 31},
        {"issued": NOW + 31},
        {"method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"},
        {"status": "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"},
        {"conditions": "<saml:Condition/>"},
        {"name_format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"},
        {"name_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"},
    ],
    ids=str,
)
@pytest.mark.parametrize("sign", ["assertion", "response", "both"])
def test_I7_what_was_not_made_for_us_now_proves_nobody(changed: dict[str, Any], sign: str) -> None:
    """I7, I4: well signed, and for another party, request, time or kind of name."""
    Watched().refuses(encoded(make_signer().answer(told(**changed), sign)))


def test_I7_a_destination_may_only_be_left_out_where_nobody_signs_it() -> None:
    """I7: SAML Bindings section 3.5.5.2; the Recipient inside the assertion is asked for in any case."""
    Watched().refuses(encoded(make_signer().answer(told(destination=None), "response")), "another address")
    sent = encoded(make_signer().answer(told(destination=None)))
    assert provider_of().proved(sent, REQUEST, NOW).principal.subject == ANN


# -- anything ----------------------------------------------------------------------------------------------------------

PROVIDER = provider_of()


def _tried(provider: SamlProvider, sent: str) -> Principal | None:
    try:
        return provider.proved(sent, REQUEST, NOW).principal
    except AuthenticationFailed:
        return None


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=300).map(encoded)))
def test_any_bytes_are_refused(sent: str) -> None:
    assert _tried(PROVIDER, sent) is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_I5_an_honest_answer_with_anything_put_in_is_that_answer_or_none(data: st.DataObject) -> None:
    """I5: letters, tags and whole elements, wherever they are put: what comes out is what was signed."""
    sign = data.draw(st.sampled_from(["assertion", "response", "both"]))
    xml = make_signer().answer(told(), sign)
    at = data.draw(st.integers(0, len(xml)))
    cut = data.draw(st.integers(0, 40))
    text = st.text(alphabet='<>/"=&;:! aIDxml-\n', max_size=12)
    put = data.draw(
        st.one_of(text, st.sampled_from(["<x/>", "</saml:NameID>", "<ds:Signature/>", ' ID="_assertion-1"']))
    )
    principal = _tried(PROVIDER, encoded(xml[:at] + put + xml[at + cut :]))
    assert principal is None or (principal.subject, principal.groups) == (ANN, frozenset(("dba", "staff")))
