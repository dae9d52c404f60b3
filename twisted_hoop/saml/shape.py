"""What a response must look like as a whole, before anything in it is verified (I5).

All of this can only refuse: of a part that nobody signed, nothing is read that could let somebody in.
Sources: SAML Core 2.0, sections 2.3.3, 3.2.2 and 5; SAML Profiles 2.0, section 4.1.4.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml import names
from twisted_hoop.saml.names import assertion, protocol
from twisted_hoop.saml.names import signature as ds
from twisted_hoop.saml.signature import check_signature
from twisted_hoop.saml.trees import Element, children, local_name, maybe, only, text_of

MAX_SIGNATURES = 2
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")  # NCName, as far as providers use it
_ONCE = {
    "Response": protocol("Response"),
    "Assertion": assertion("Assertion"),
    "Signature": ds("Signature"),
}
"""Names an element may only have in their own namespace: nobody can mean something else by them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the signatures are, and what the outside says: "" where it says nothing."""

    response: str
    assertion: str
    response_signed: bool
    assertion_signed: bool
    destination: str
    in_response_to: str
    issuer: str


def shape_of(root: Element) -> Shape:
    """The shape of a response that says success, or AuthenticationFailed."""
    if root.tag != protocol("Response") or root.get("Version") != "2.0":
        raise AuthenticationFailed("what was sent is no SAML 2.0 response")
    _check_elements(root)
    _check_status(root)
    told = only(root, assertion("Assertion"))
    response, inner = _signatures(root), _signatures(told)
    if not response and not inner:
        raise AuthenticationFailed("neither the SAML response nor its assertion is signed (I5)")
    for element in (*response, *inner):
        check_signature(element, element.getparent().get("ID"))
    return Shape(root.get("ID"), told.get("ID"), bool(response), bool(inner), *_outside(root))


def reread(shape: Shape, response: Element) -> Shape:
    """The same with the outside as a signed response has it; AuthenticationFailed if that does not say success."""
    _check_status(response)
    destination, in_response_to, issuer = _outside(response)
    return replace(shape, destination=destination, in_response_to=in_response_to, issuer=issuer)


def _outside(root: Element) -> tuple[str, str, str]:
    issuer = maybe(root, assertion("Issuer"))
    return root.get("Destination", ""), root.get("InResponseTo", ""), "" if issuer is None else text_of(issuer)


def _check_elements(root: Element) -> None:
    """One response, one assertion in it, signatures as children of these two, every ID once (I5)."""
    told = 0
    for element in root.iter():
        if not isinstance(element.tag, str):
            raise AuthenticationFailed("the SAML response has other things in it than elements (I5)")
        name = local_name(element.tag)
        if name.startswith("Encrypted"):
            raise AuthenticationFailed("the SAML response has encrypted parts: let the provider send them signed only")
        if name in _ONCE and element.tag != _ONCE[name]:
            raise AuthenticationFailed(f"the SAML response has a {name} of another kind (I5)")
        if name == "Response" and element is not root:
            raise AuthenticationFailed("there is a SAML response in the SAML response (I5)")
        told += name == "Assertion"
    if told != 1:
        raise AuthenticationFailed(f"the SAML response has {told} assertions where one is meant (I5)")
    _check_ids(root)
    _check_places(root)


def _check_ids(root: Element) -> None:
    found = list(_ids(root))
    if len(set(found)) != len(found) or not all(_ID.fullmatch(each) for each in found):
        raise AuthenticationFailed("an ID of the SAML response stands there twice, or is none (I5)")
    for element in (root, only(root, assertion("Assertion"))):
        if element.get("ID") is None:
            raise AuthenticationFailed("the SAML response or its assertion has no ID")


def _ids(root: Element) -> Iterator[str]:
    """Values of every attribute that any code takes for an identifier, in whatever namespace."""
    for element in root.iter():
        for name, value in element.attrib.items():
            if local_name(name).lower() == "id":
                yield value


def _check_places(root: Element) -> None:
    places = (root, only(root, assertion("Assertion")))
    found = list(root.iter(ds("Signature")))
    if len(found) > MAX_SIGNATURES or any(each.getparent() not in places for each in found):
        raise AuthenticationFailed("a signature of the SAML response stands where none is meant (I5)")


def _signatures(element: Element) -> list[Element]:
    found = children(element, ds("Signature"))
    if len(found) > 1:
        raise AuthenticationFailed("one part of the SAML response is signed twice (I5)")
    return found


def _check_status(root: Element) -> None:
    status = only(root, protocol("Status"))
    code = only(status, protocol("StatusCode")).get("Value", "")
    if code != names.SUCCESS:
        nested = [each.get("Value", "") for each in status.iter(protocol("StatusCode"))]
        said = ", ".join(value.rpartition(":")[2][:60] for value in nested[:2])
        raise AuthenticationFailed(f"the identity provider refuses: {said}")
