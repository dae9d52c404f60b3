from __future__ import annotations

import base64
import urllib.parse
import zlib

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.support.saml import NOW, PERSISTENT
from twisted_hoop.saml.request import metadata_xml, request_url, request_xml
from twisted_hoop.saml.rules import Expected

EXPECTED = Expected("https://hoop/saml/a/metadata", "https://hoop/saml/a/acs", "_1")


def test_a_request_says_who_asks_and_where_to_answer() -> None:
    root = etree.fromstring(request_xml(EXPECTED, "https://idp/sso?x=1&y=2", True, NOW))
    assert root.tag == "{urn:oasis:names:tc:SAML:2.0:protocol}AuthnRequest"
    assert (root.get("ID"), root.get("Version"), root.get("IssueInstant")) == ("_1", "2.0", "2027-01-15T08:00:00Z")
    assert root.get("Destination") == "https://idp/sso?x=1&y=2"
    assert root.get("AssertionConsumerServiceURL") == EXPECTED.acs and root.get("ProtocolBinding").endswith("HTTP-POST")
    assert root[0].text == EXPECTED.entity_id and root[1].get("Format") == PERSISTENT
    assert len(etree.fromstring(request_xml(EXPECTED, "https://idp/sso", False, NOW))) == 1


def test_it_travels_deflated_in_the_address() -> None:
    for sso in ("https://idp/sso", "https://idp/sso?idpid=C01"):
        url = request_url(EXPECTED, sso, True, "relay+/=", NOW)
        assert url.startswith(sso + ("&" if "?" in sso else "?"))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        assert query["RelayState"] == ["relay+/="]
        xml = zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), wbits=-15).decode()
        assert xml == request_xml(EXPECTED, sso, True, NOW)


def test_metadata() -> None:
    root = etree.fromstring(metadata_xml(EXPECTED.entity_id, EXPECTED.acs, True).encode())
    assert root.get("entityID") == EXPECTED.entity_id
    descriptor = root[0]
    assert descriptor.get("WantAssertionsSigned") == "true" and descriptor[0].text == PERSISTENT
    assert descriptor[1].get("Location") == EXPECTED.acs


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc", "Cn")), max_size=40))
def test_any_address_is_written_as_one(text: str) -> None:
    expected = Expected(text, text, "_1")
    root = etree.fromstring(request_xml(expected, text, False, NOW))
    assert root.get("Destination") == root.get("AssertionConsumerServiceURL") == (root[0].text or "") == text
    assert etree.fromstring(metadata_xml(text, text, False).encode()).get("entityID") == text
