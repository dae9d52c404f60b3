from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from tests.support.saml import ACS, ENTITY, NOW, REQUEST, SP, section_of, told
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.model import Kind, Principal
from twisted_hoop.saml.assertion import Assertion, read_assertion
from twisted_hoop.saml.rules import Expected, check_assertion, check_outside, principal_of
from twisted_hoop.saml.shape import Shape

EXPECTED = Expected(SP, ACS, REQUEST)
SEAL = "5" * 32
OUTSIDE = Shape("_r", "_a", True, True, ACS, REQUEST, ENTITY)


def said(**changed: Any) -> Assertion:
    return read_assertion(etree.fromstring(told(**changed).assertion()))


def principal(section: dict[str, Any] | None = None, **changed: Any) -> Principal:
    return principal_of(said(**changed), section_of(**(section or {})), SEAL, NOW)


def test_what_is_for_us_passes() -> None:
    check_outside(OUTSIDE, section_of(), EXPECTED)
    check_outside(replace(OUTSIDE, issuer=""), section_of(), EXPECTED)
    check_outside(replace(OUTSIDE, response_signed=False, destination=""), section_of(), EXPECTED)
    check_assertion(said(), section_of(), EXPECTED, NOW)
    check_assertion(said(audiences=["https://other", SP]), section_of(), EXPECTED, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"destination": ""},
        {"destination": ACS + "/"},
        {"in_response_to": ""},
        {"in_response_to": REQUEST.upper()},
        {"issuer": ENTITY + "/"},
    ],
)
def test_I7_the_outside_must_fit(changed: dict[str, str]) -> None:
    """I7."""
    with pytest.raises(AuthenticationFailed):
        check_outside(replace(OUTSIDE, **changed), section_of(), EXPECTED)  # type: ignore[arg-type]


def test_I7_every_restriction_of_audience_must_name_us() -> None:
    """I7: SAML Core section 2.5.1.4: restrictions are all to be met, of audiences one."""
    both = replace(said(), audiences=(frozenset({SP}), frozenset({"https://other"})))
    with pytest.raises(AuthenticationFailed, match="audience"):
        check_assertion(both, section_of(), EXPECTED, NOW)


def test_times_hold_with_leeway() -> None:
    """I7: to the second, on either side."""
    for moment, well in ((NOW + 89.9, True), (NOW + 90, False), (NOW - 30, True), (NOW - 35.1, False)):
        given = said(issued=NOW - 5)
        if well:
            check_assertion(given, section_of(), EXPECTED, moment)
        else:
            with pytest.raises(AuthenticationFailed, match=r"expired|not valid yet"):
                check_assertion(given, section_of(), EXPECTED, moment)
    with pytest.raises(AuthenticationFailed, match="expired"):
        check_assertion(said(session_until=NOW - 60), section_of(), EXPECTED, NOW)


def test_how_long_a_log_in_counts() -> None:
    assert principal().expires == NOW + 28800 and principal({"max_session": "5m"}).expires == NOW + 300
    assert principal(session_until=NOW + 60).expires == NOW + 60
    assert principal(session_until=NOW + 99999).expires == NOW + 28800
    assert principal(session_until=NOW - 10).expires == NOW + 20  # taken within the leeway


def test_I4_who_it_is() -> None:
    """I4: a persistent NameID, or an attribute with exactly one value."""
    assert principal().subject == "u-4711" and principal().key == f"{ENTITY}|u-4711"
    assert principal({"subject": "name"}).subject == "Ann"
    for section, changed in (
        ({}, {"name_format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"}),
        ({}, {"name_format": ""}),
        ({}, {"subject": ""}),
        ({}, {"subject": "x" * 1025}),
        ({}, {"subject": "a\u202eb"}),
        ({"subject": "groups"}, {}),
        ({"subject": "nothing"}, {}),
    ):
        with pytest.raises(AuthenticationFailed):
            principal(section, **changed)


def test_groups() -> None:
    assert principal({"group_prefix": "p:", "groups": ["all"]}).groups == {"p:dba", "p:staff", "all"}
    assert principal({"groups_attribute": ""}).groups == frozenset()
    assert principal(attributes={}).groups == frozenset()
    for attributes in (
        {"groups": ["a", ""]},
        {"groups": ["a\u200bb"]},
        {"http://x/claims/groups.link": ["https://graph"]},
    ):
        with pytest.raises(AuthenticationFailed):
            principal(attributes=attributes)


def test_what_people_see() -> None:
    assert principal({"kind": "machine"}).kind is Kind.MACHINE and principal({"max_sessions": 3}).max_sessions == 3
    assert principal().name == "Ann" and principal({"name_attribute": ""}).name == ""
    assert (
        principal(attributes={"name": ["a\u202eb"]}).name == ""
        and len(principal(attributes={"name": ["a" * 999]}).name) == 200
    )


def test_the_proof_names_settings_and_assertion() -> None:
    assert principal().proof_id.startswith(SEAL) and len(principal().proof_id) == 64
    assert principal().proof_id != principal(assertion_id="_assertion-2").proof_id
