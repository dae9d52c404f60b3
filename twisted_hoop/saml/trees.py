"""XML as lxml reads it, with everything off that a stranger's document might switch on. Behind `envelope.unpack`."""

from __future__ import annotations

from typing import Any

from lxml import etree

from twisted_hoop.errors import AuthenticationFailed

Element = Any
"""An element of lxml, which has no types of its own."""


def hardened_parser() -> Any:
    """No entities, no document types, no network, libxml2's own limits on, and nothing dropped silently (I6)."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=False,
    )


def parse(data: bytes) -> Element:
    """The root of a document, or AuthenticationFailed."""
    try:
        return etree.fromstring(data, parser=hardened_parser())
    except (etree.XMLSyntaxError, ValueError):
        raise AuthenticationFailed("the SAML response is no XML with namespaces") from None


def children(element: Element, tag: str) -> list[Element]:
    """The children of a tag."""
    return [child for child in element if child.tag == tag]


def only(element: Element, tag: str) -> Element:
    """The one child of a tag; AuthenticationFailed for none and for several (I5)."""
    found = children(element, tag)
    if len(found) != 1:
        raise AuthenticationFailed(f"the SAML response has {len(found)} of {local_name(tag)} where one is meant (I5)")
    return found[0]


def maybe(element: Element, tag: str) -> Element | None:
    """The one child of a tag, or None; AuthenticationFailed for several."""
    return only(element, tag) if children(element, tag) else None


def text_of(element: Element) -> str:
    """The whole text of an element that has nothing but text, without white space around it.

    I5, CVE-2017-11427: of an element with anything else in it, the text would be whatever stands before that.
    """
    if len(element):
        raise AuthenticationFailed(f"the SAML response's {local_name(element.tag)} is not plain text (I5)")
    return (element.text or "").strip()


def local_name(tag: Any) -> str:
    """The name without its namespace."""
    return str(tag).rpartition("}")[2]
