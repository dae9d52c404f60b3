"""The signatures of a response, verified by signxml; what it gives back is parsed from the very bytes that were signed.

Keys are those of the configuration: certificates in the document are not looked at. Nothing but the node that is
returned may be read (I5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.x509 import Certificate
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml import names
from twisted_hoop.saml.names import assertion, protocol
from twisted_hoop.saml.shape import Shape
from twisted_hoop.saml.trees import Element, hardened_parser, only

_INSIDE = f"./{assertion('Assertion')}/"
_METHODS = frozenset(SignatureMethod(method) for method in names.SIGNATURE_METHODS)
_DIGESTS = frozenset(DigestAlgorithm(method) for method in names.DIGEST_METHODS)

Check = Callable[[bytes, Certificate, str], Element]
"""(XML, certificate, location of the signature) → the node that is signed, or SignXMLException."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed: the assertion, by whose certificate, and the response around it where that is signed as well."""

    assertion: Element
    certificate: Certificate
    response: Element | None = None


def check(data: bytes, certificate: Certificate, location: str) -> Element:
    """The node one signature signs, by signxml."""
    config = SignatureConfiguration(
        location=location,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        ignore_ambiguous_key_info=True,  # the key is the configuration's: what else the document names is nobody's
    )
    found = XMLVerifier().verify(
        data,
        x509_cert=certificate,
        parser=hardened_parser(),
        id_attribute="ID",
        validate_schema=False,  # `signature.check_signature` asks for more
        expect_config=config,
    )
    if not isinstance(found, VerifyResult) or found.signed_xml is None:
        raise SignXMLException("nothing was signed")
    return found.signed_xml


def verified(data: bytes, shape: Shape, certificates: Sequence[Certificate], check: Check = check) -> Signed:
    """What the signatures of a response sign; AuthenticationFailed when one of them does not verify.

    All signatures there are must verify: an answer that is half forged is no answer.
    """
    response = told = None
    if shape.response_signed:
        response, certificate = _by_any(data, certificates, "./", check)
        _check_is(response, protocol("Response"), shape.response)
        told = only(response, assertion("Assertion"))
    if shape.assertion_signed:
        told, certificate = _by_any(data, certificates, _INSIDE, check)
    if told is None:
        raise AuthenticationFailed("nothing of the SAML response is signed (I5)")
    _check_is(told, assertion("Assertion"), shape.assertion)
    return Signed(told, certificate, response)


def _by_any(
    data: bytes, certificates: Sequence[Certificate], location: str, check: Check
) -> tuple[Element, Certificate]:
    """The signed node by the first certificate that fits: while keys change, there are two."""
    why: Exception | None = None
    for certificate in certificates:
        try:
            return check(data, certificate, location), certificate
        except Exception as fault:  # noqa: BLE001 - whatever goes wrong in there, nothing was proved
            why = fault
    what = f"{type(why).__name__}: {why}"[:200] if why is not None else "there are no certificates"
    raise AuthenticationFailed(f"a signature of the SAML response does not verify: {what}")


def _check_is(node: Element, tag: str, ident: str) -> None:
    if node.tag != tag or node.get("ID") != ident:
        raise AuthenticationFailed("what is signed is not what was sent (I5)")
