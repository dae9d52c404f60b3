"""A SAML identity provider in a few lines: it signs whatever it is told to, mistakes included.

The provider nobody here wrote is npm samlify: tests/support/samlify.py.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from lxml import etree

from twisted_hoop.saml.provider import SamlProvider
from twisted_hoop.saml.times import written
from twisted_hoop.settings import SamlSection

ENTITY = "https://idp.example.com/saml"
URL = "https://hoop.example.com"
SP = f"{URL}/saml/corp/metadata"
ACS = f"{URL}/saml/corp/acs"
REQUEST = "_request-of-this-browser"
NOW = 1_800_000_000.0
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
NAMESPACES = (
    'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
    ' xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
TAGS = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}


@dataclass(frozen=True)
class Story:
    """What the provider says. Times are POSIX; None leaves a thing out."""

    subject: str = "u-4711"
    name_format: str = PERSISTENT
    issuer: str = ENTITY
    audiences: Sequence[str] = (SP,)
    recipient: str | None = ACS
    destination: str | None = ACS
    in_response_to: str | None = REQUEST
    answers: str | None = REQUEST
    begins: float | None = NOW - 5
    until: float | None = NOW + 60
    shown_until: float | None = NOW + 60
    session_until: float | None = None
    issued: float = NOW
    status: str = SUCCESS
    method: str = BEARER
    attributes: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {"groups": ["dba", "staff"], "name": ["Ann"]}
    )
    assertion_id: str = "_assertion-1"
    response_id: str = "_response-1"
    conditions: str = ""
    statement: str = ""

    def assertion(self) -> str:
        """The assertion, unsigned."""
        return (
            f'<saml:Assertion {NAMESPACES} ID="{self.assertion_id}" Version="2.0"'
            f' IssueInstant="{written(self.issued)}">'
            f"<saml:Issuer>{self.issuer}</saml:Issuer>"
            f'<saml:Subject><saml:NameID Format="{self.name_format}">{self.subject}</saml:NameID>'
            f'<saml:SubjectConfirmation Method="{self.method}"><saml:SubjectConfirmationData'
            f"{_given('Recipient', self.recipient)}{_given('InResponseTo', self.in_response_to)}"
            f"{_time('NotOnOrAfter', self.shown_until)}/></saml:SubjectConfirmation></saml:Subject>"
            f"<saml:Conditions{_time('NotBefore', self.begins)}{_time('NotOnOrAfter', self.until)}>"
            f"{self._restriction()}{self.conditions}</saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{written(self.issued)}"'
            f"{_time('SessionNotOnOrAfter', self.session_until)}>"
            "<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
            "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
            f"{self._attributes()}</saml:Assertion>"
        )

    def _restriction(self) -> str:
        inner = "".join(f"<saml:Audience>{each}</saml:Audience>" for each in self.audiences)
        return f"<saml:AudienceRestriction>{inner}</saml:AudienceRestriction>" if inner else ""

    def _attributes(self) -> str:
        if not self.attributes and not self.statement:
            return ""
        each = (
            f'<saml:Attribute Name="{name}">'
            + "".join(f'<saml:AttributeValue xsi:type="xs:string">{value}</saml:AttributeValue>' for value in values)
            + "</saml:Attribute>"
            for name, values in self.attributes.items()
        )
        return f"<saml:AttributeStatement>{''.join(each)}{self.statement}</saml:AttributeStatement>"

    def response(self, inner: str) -> str:
        """A response with this in it, unsigned."""
        return (
            f'<samlp:Response {NAMESPACES} ID="{self.response_id}" Version="2.0" IssueInstant="{written(self.issued)}"'
            f"{_given('Destination', self.destination)}{_given('InResponseTo', self.answers)}>"
            f"<saml:Issuer>{self.issuer}</saml:Issuer>"
            f'<samlp:Status><samlp:StatusCode Value="{self.status}"/></samlp:Status>{inner}</samlp:Response>'
        )


def _given(name: str, value: str | None) -> str:
    return "" if value is None else f' {name}="{value}"'


def _canonical(element: Any, prefixes: Sequence[str] = ()) -> bytes:
    data = etree.tostring(element, method="c14n", exclusive=True, inclusive_ns_prefixes=list(prefixes) or None)
    assert isinstance(data, bytes)
    return data


def _time(name: str, value: float | None) -> str:
    return "" if value is None else f' {name}="{written(value)}"'


@dataclass(frozen=True)
class Signer:
    """A key, its certificate, and what is signed with them."""

    key: Any
    certificate: x509.Certificate

    def pem(self, path: Path) -> Path:
        """The certificate in a file."""
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def signed(self, element: str, digest: str = "sha256", prefixes: Sequence[str] = ()) -> str:
        """The element with a signature of itself behind its Issuer, where SAML has it."""
        root = etree.fromstring(element)
        kept = f' PrefixList="{" ".join(prefixes)}"' if prefixes else ""
        inclusive = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}"{kept}/>' if prefixes else ""
        sha = hashlib.new(digest, _canonical(root, prefixes)).digest()
        kind = "rsa" if isinstance(self.key, rsa.RSAPrivateKey) else "ecdsa"
        signature = etree.fromstring(
            f'<ds:Signature xmlns:ds="{TAGS["ds"]}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
            f'<ds:SignatureMethod Algorithm="{MORE}{kind}-{digest}"/><ds:Reference URI="#{root.get("ID")}">'
            f'<ds:Transforms><ds:Transform Algorithm="{TAGS["ds"]}enveloped-signature"/>'
            f'<ds:Transform Algorithm="{EXCLUSIVE}">{inclusive}</ds:Transform></ds:Transforms>'
            f'<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#{digest}"/>'
            f"<ds:DigestValue>{base64.b64encode(sha).decode()}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
            f"<ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{self._certificate()}"
            "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
        )
        signature[1].text = base64.b64encode(self._sign(_canonical(signature[0]), digest)).decode()
        root.insert(1, signature)
        return str(etree.tostring(root, encoding="unicode"))

    def _certificate(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()

    def _sign(self, data: bytes, digest: str) -> bytes:
        algorithm = getattr(hashes, digest.upper())()
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), algorithm)
        size = (self.key.key_size + 7) // 8
        pair = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(algorithm)))
        return b"".join(part.to_bytes(size, "big") for part in pair)

    def answer(self, story: Story, sign: str = "assertion", **how: Any) -> str:
        """A whole response: `sign` is "assertion", "response", "both" or "nothing"."""
        inner = story.assertion()
        if sign in ("assertion", "both"):
            inner = self.signed(inner, **how)
        whole = story.response(inner)
        return self.signed(whole, **how) if sign in ("response", "both") else whole


@lru_cache(maxsize=8)
def make_signer(kind: str = "rsa", days: int = 3650, bits: int = 2048) -> Signer:
    """One of a kind, the same each time: "rsa", "other" (another RSA key), "p256", "p521"."""
    curves = {"p256": ec.SECP256R1(), "p521": ec.SECP521R1(), "p224": ec.SECP224R1()}
    key: Any = ec.generate_private_key(curves[kind]) if kind in curves else rsa.generate_private_key(65537, bits)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "idp")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=3650))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return Signer(key, certificate)


def encoded(xml: str | bytes) -> str:
    """As a browser posts it."""
    return base64.b64encode(xml.encode() if isinstance(xml, str) else xml).decode("ascii")


def section_of(**changed: Any) -> SamlSection:
    """A configured provider."""
    given = {
        "name": "corp",
        "entity_id": ENTITY,
        "sso_url": "https://idp.example.com/sso",
        "certificate": "/nowhere/idp.pem",
        "groups_attribute": "groups",
        "name_attribute": "name",
    }
    return SamlSection.model_validate({**given, **changed})


def provider_of(*signers: Signer, **changed: Any) -> SamlProvider:
    """A provider that believes these."""
    certificates = tuple(each.certificate for each in signers) or (make_signer().certificate,)
    return SamlProvider(section_of(**changed), URL, certificates)


def told(**changed: Any) -> Story:
    """The usual story with something changed."""
    return replace(Story(), **changed)
