"""From a form's field to bytes that an XML parser may see (I6). No XML security code runs before this is passed.

What bombs are made of is refused by its first two characters, `<!` and `<?`: document types, entities, CDATA,
comments and processing instructions. In XML they stand for nothing else, so every parser agrees; and what is cut in
two by a comment (CVE-2017-11427) never reaches one. Sizes are counted by expat, in one pass, without building a tree.
Both parsers are told that it is UTF-8: left to themselves they guess UTF-16 from a NUL, in which `<!` reads otherwise.
Source: XML 1.0, sections 2.4 to 2.8; SAML Bindings 2.0, section 3.5.4.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from xml.parsers import expat

from twisted_hoop.errors import AuthenticationFailed

MAX_BYTES = 256 * 1024
MAX_DEPTH = 24
MAX_ELEMENTS = 5000
MAX_ATTRIBUTES = 32
MAX_NAMESPACES = 32
"""Declarations of namespaces that are in force at one place: canonical XML looks at all of them for every element."""
MAX_FORM = MAX_BYTES * 4 // 3 + 16 * 1024
"""Characters of the field: base64, perhaps in lines."""

_DECLARATION = re.compile(
    rb"""<\?xml\s+version\s*=\s*["']1\.0["'](\s+encoding\s*=\s*["'][Uu][Tt][Ff]-8["'])?"""
    rb"""(\s+standalone\s*=\s*["'](yes|no)["'])?\s*\?>"""
)


def unpack(sent: str) -> bytes:
    """The XML in a field of a form, or AuthenticationFailed: UTF-8, of bounded size, depth and breadth, and plain."""
    if len(sent) > MAX_FORM:
        raise AuthenticationFailed("the SAML response is too large (I6)")
    data = _decoded(sent)
    if len(data) > MAX_BYTES:
        raise AuthenticationFailed("the SAML response is too large (I6)")
    _check_plain(data)
    _check_sizes(data)
    return data


def _decoded(sent: str) -> bytes:
    """Lines are joined, as RFC 2045 writes base64; nothing else that is no base64 is passed over."""
    try:
        return binascii.a2b_base64(sent.replace("\r", "").replace("\n", "").encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        raise AuthenticationFailed("the SAML response is not base64") from None


def _check_plain(data: bytes) -> None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # in no XML, but in every UTF-16 of it (I6; XML 1.0, section 2.2 and appendix F)
        raise AuthenticationFailed("the SAML response is not UTF-8")
    declaration = _DECLARATION.match(data)
    rest = data[declaration.end() :] if declaration else data
    if b"<!" in rest or b"<?" in rest:
        raise AuthenticationFailed("the SAML response has a document type, a comment or a processing instruction (I6)")


@dataclass(slots=True)
class _Sizes:
    """Counts while expat reads. `scopes` are the namespaces each open element declares."""

    elements: int = 0
    namespaces: int = 0
    scopes: list[int] = field(default_factory=list)

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        declared = sum(each.partition(":")[0] == "xmlns" for each in attributes)
        self.elements += 1
        self.namespaces += declared
        self.scopes.append(declared)
        deep = len(self.scopes) > MAX_DEPTH or self.namespaces > MAX_NAMESPACES
        if deep or self.elements > MAX_ELEMENTS or len(attributes) > MAX_ATTRIBUTES:
            raise AuthenticationFailed("the SAML response is too deep, or has too many parts (I6)")

    def closed(self, name: str) -> None:
        self.namespaces -= self.scopes.pop()


def _check_sizes(data: bytes) -> None:
    sizes = _Sizes()
    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler = sizes.opened
    parser.EndElementHandler = sizes.closed
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise AuthenticationFailed(f"the SAML response is no XML: {expat.ErrorString(error.code)}") from None
