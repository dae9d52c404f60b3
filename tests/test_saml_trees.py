from __future__ import annotations

import pytest

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml.trees import children, local_name, maybe, only, parse, text_of


def test_children_by_tag() -> None:
    root = parse(b"<r xmlns:n='urn:n'><n:a>1</n:a><b/><b/></r>")
    assert [each.text for each in children(root, "{urn:n}a")] == ["1"] and len(children(root, "b")) == 2
    assert only(root, "{urn:n}a").text == "1" and maybe(root, "c") is None
    for tag in ("b", "c"):
        with pytest.raises(AuthenticationFailed, match="where one is meant"):
            only(root, tag)
    with pytest.raises(AuthenticationFailed, match="2 of b"):
        maybe(root, "b")


def test_I5_only_plain_text_is_text() -> None:
    """I5, CVE-2017-11427."""
    assert text_of(parse(b"<r> a b\n</r>")) == "a b" and text_of(parse(b"<r/>")) == ""
    for xml in (b"<r>a<x/>b</r>", b"<r>a<!-- -->b</r>", b"<r>a<?x?>b</r>"):
        with pytest.raises(AuthenticationFailed, match="plain text"):
            text_of(parse(xml))


@pytest.mark.parametrize("xml", [b"", b"<r>", b"<r a='1' a='2'/>", b"<n:r/>", b"<r>\x00</r>", b"<r/><r/>"])
def test_what_is_no_xml_is_refused(xml: bytes) -> None:
    with pytest.raises(AuthenticationFailed):
        parse(xml)


def test_names_without_namespaces() -> None:
    assert local_name("{urn:n}a") == "a" and local_name("b") == "b"
