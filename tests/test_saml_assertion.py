from __future__ import annotations

import pytest
from lxml import etree

from tests.support.saml import ACS, ENTITY, NOW, PERSISTENT, REQUEST, SP, told
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml.assertion import Assertion, Confirmation, read_assertion


def read(xml: str) -> Assertion:
    return read_assertion(etree.fromstring(xml))


def refused(xml: str) -> str:
    with pytest.raises(AuthenticationFailed) as caught:
        read(xml)
    return str(caught.value)


def test_what_an_assertion_says() -> None:
    found = read(told(session_until=NOW + 3600).assertion())
    assert (found.id, found.issuer, found.issued) == ("_assertion-1", ENTITY, NOW)
    assert (found.name_id, found.name_format) == ("u-4711", PERSISTENT)
    assert found.confirmation == Confirmation(ACS, REQUEST, NOW + 60, None)
    assert (found.begins, found.until, found.session_until) == (NOW - 5, NOW + 60, NOW + 3600)
    assert found.audiences == (frozenset({SP}),)
    assert found.attributes == {"groups": ("dba", "staff"), "name": ("Ann",)} and found.odd == frozenset()


def test_what_it_leaves_out() -> None:
    found = read(told(session_until=None, until=None, begins=None, audiences=[], attributes={}).assertion())
    assert (found.session_until, found.until, found.begins) == (None, None, None)
    assert found.audiences == () and found.attributes == {}


def test_attributes_as_providers_write_them() -> None:
    """Keycloak writes one attribute for each group; a nil value is none; values that are no text are odd."""
    again = '<saml:Attribute Name="groups"><saml:AttributeValue>more</saml:AttributeValue></saml:Attribute>'
    nil = '<saml:Attribute Name="none"><saml:AttributeValue xsi:nil="true"/></saml:Attribute>'
    odd = '<saml:Attribute Name="odd"><saml:AttributeValue><x/></saml:AttributeValue></saml:Attribute>'
    other = '<saml:Attribute Name="other"><saml:Other>x</saml:Other></saml:Attribute>'
    found = read(told(statement=again + nil + odd + other).assertion())
    assert found.attributes["groups"] == ("dba", "staff", "more") and found.attributes["none"] == ()
    assert found.odd == {"odd", "other"}


def test_of_several_statements_the_earliest_end_counts() -> None:
    xml = told(session_until=NOW + 60).assertion()
    second = '<saml:AuthnStatement AuthnInstant="2027-01-15T08:00:00Z" SessionNotOnOrAfter="2027-01-15T08:00:30Z"/>'
    assert read(xml.replace("<saml:AuthnStatement", second + "<saml:AuthnStatement", 1)).session_until == NOW + 30


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ('Version="2.0"', 'Version="1.1"', "another version"),
        ("<saml:Issuer>", '<saml:Issuer Format="urn:x">', "no entity"),
        ("<saml:Conditions", "<saml:Conditions/><saml:Conditions", "2 of Conditions"),
        ("<saml:Subject>", "<saml:Subject/><saml:Subject>", "2 of Subject"),
        ("<saml:NameID", "<saml:NameID>x</saml:NameID><saml:NameID", "2 of NameID"),
        (
            "<saml:SubjectConfirmation ",
            '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"/><saml:SubjectConfirmation ',
            "2 bearer",
        ),
        ("cm:bearer", "cm:holder-of-key", "0 bearer"),
        ("<saml:AuthnStatement", "<saml:Other", "XML"),
        ("<saml:AudienceRestriction>", "<saml:Condition/><saml:AudienceRestriction>", "not known: Condition"),
        ("T08:00:00Z", "T08:00:00", "no time"),
        (' NotOnOrAfter="2027-01-15T08:01:00Z"/>', "/>", "for ever"),
    ],
)
def test_what_it_must_not_be(before: str, after: str, why: str) -> None:
    xml = told().assertion().replace(before, after)
    if why == "XML":
        xml = told().assertion()
        start, end = xml.index("<saml:AuthnStatement"), xml.index("<saml:AttributeStatement")
        assert "anybody logged in" in refused(xml[:start] + xml[end:])
    else:
        assert why in refused(xml)
