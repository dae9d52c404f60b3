"""Namespaces and identifiers of SAML 2.0 and XML Signature, and the algorithms that are believed."""

from __future__ import annotations

ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
ENCRYPTION = "http://www.w3.org/2001/04/xmlenc#"

SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
INCLUSIVE_NAMESPACES = f"{{{EXCLUSIVE}}}InclusiveNamespaces"

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SIGNATURE_METHODS = frozenset(_MORE + f"{kind}-sha{size}" for kind in ("rsa", "ecdsa") for size in (256, 384, 512))
"""RFC 6931, sections 2.3.2 to 2.3.6. Nothing with SHA-1, no HMAC, no DSA."""
DIGEST_METHODS = frozenset((ENCRYPTION + "sha256", _MORE + "sha384", ENCRYPTION + "sha512"))


def assertion(name: str) -> str:
    """The tag of an element of assertions."""
    return f"{{{ASSERTION}}}{name}"


def protocol(name: str) -> str:
    """The tag of an element of the protocol."""
    return f"{{{PROTOCOL}}}{name}"


def signature(name: str) -> str:
    """The tag of an element of XML Signature."""
    return f"{{{SIGNATURE}}}{name}"
