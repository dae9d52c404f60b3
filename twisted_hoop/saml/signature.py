"""How a signature must look before any code of XML Signature sees it (I5, I6).

One reference, to the very element that contains the signature; at most two transforms, enveloped and exclusive
canonical XML; algorithms of a list. What is not named here is refused: XSLT, XPath, base64, Object, Manifest.
Sources: SAML Core 2.0, section 5.4; XML Signature 1.1, sections 4 and 6; Exclusive XML Canonicalization, section 4.
"""

from __future__ import annotations

import re

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml import names
from twisted_hoop.saml.names import signature as ds
from twisted_hoop.saml.trees import Element, children, local_name, only

_PREFIXES = re.compile(r"\s*(?:(?:#default|[A-Za-z_][A-Za-z0-9_.-]{0,39})\s*){0,16}")


def check_signature(signature: Element, signed: str) -> None:
    """AuthenticationFailed unless this signs the element with the ID `signed`, and in a way that is believed."""
    _check_parts(signature, ("SignedInfo", "SignatureValue"), optional="KeyInfo")
    info = only(signature, ds("SignedInfo"))
    _check_parts(info, ("CanonicalizationMethod", "SignatureMethod", "Reference"))
    _check_algorithm(only(info, ds("CanonicalizationMethod")), frozenset({names.EXCLUSIVE}))
    _check_algorithm(only(info, ds("SignatureMethod")), names.SIGNATURE_METHODS)
    reference = only(info, ds("Reference"))
    if reference.get("URI") != f"#{signed}":
        raise AuthenticationFailed("a signature of the SAML response is not of the element it stands in (I5)")
    _check_reference(reference)


def _check_reference(reference: Element) -> None:
    _check_parts(reference, ("Transforms", "DigestMethod", "DigestValue"))
    _check_algorithm(only(reference, ds("DigestMethod")), names.DIGEST_METHODS)
    transforms = only(reference, ds("Transforms"))
    found = children(transforms, ds("Transform"))
    if len(found) != len(transforms) or [each.get("Algorithm") for each in found] != [names.ENVELOPED, names.EXCLUSIVE]:
        raise AuthenticationFailed("a signature has other transforms than enveloped and exclusive canonical XML (I6)")
    for transform in found:
        _check_algorithm(transform, frozenset({names.ENVELOPED, names.EXCLUSIVE}))


def _check_parts(element: Element, required: tuple[str, ...], optional: str = "") -> None:
    """Exactly these children, in this order."""
    found = [child.tag for child in element]
    wanted = [ds(name) for name in required]
    if found != wanted and not (optional and found == [*wanted, ds(optional)]):
        raise AuthenticationFailed(f"a signature's {local_name(element.tag)} has other parts than it should (I5)")


def _check_algorithm(element: Element, allowed: frozenset[str]) -> None:
    algorithm = element.get("Algorithm")
    if algorithm not in allowed:
        raise AuthenticationFailed(f"a signature's {local_name(element.tag)} is none that is believed (I6)")
    if len(element) and algorithm != names.EXCLUSIVE:
        raise AuthenticationFailed(f"a signature's {local_name(element.tag)} has parameters (I6)")
    if len(element) > 1 or any(each.tag != names.INCLUSIVE_NAMESPACES or len(each) for each in element):
        raise AuthenticationFailed("a signature's canonical form has parameters that are not known (I6)")
    if any(_PREFIXES.fullmatch(each.get("PrefixList", "")) is None for each in element):
        raise AuthenticationFailed("a signature's canonical form has too many prefixes (I6)")
