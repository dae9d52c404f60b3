"""A signed assertion → values. Nothing is judged here but that each thing stands there once and can be read (I5).

Sources: SAML Core 2.0, sections 2.3 to 2.7; SAML Profiles 2.0, section 4.1.4.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml import names
from twisted_hoop.saml.names import assertion as saml
from twisted_hoop.saml.times import posix_time
from twisted_hoop.saml.trees import Element, children, local_name, maybe, only, text_of

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_CONDITIONS = frozenset((saml("AudienceRestriction"), saml("OneTimeUse"), saml("ProxyRestriction")))


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Who may show the assertion, where, until when (POSIX), and for which request."""

    recipient: str
    in_response_to: str
    until: float
    begins: float | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a provider says of somebody. Times are POSIX, None where it says nothing.

    `audiences` has one set for each restriction: all must be met. `session_until` is the earliest of its statements.
    `odd` are attributes with values that are no plain text.
    """

    id: str
    issuer: str
    issued: float
    name_id: str
    name_format: str
    confirmation: Confirmation
    begins: float | None
    until: float | None
    audiences: tuple[frozenset[str], ...]
    session_until: float | None
    attributes: Mapping[str, tuple[str, ...]]
    odd: frozenset[str]


def read_assertion(node: Element) -> Assertion:
    """The values of an assertion that was verified, or AuthenticationFailed."""
    if node.get("Version") != "2.0":
        raise AuthenticationFailed("the assertion is of another version than 2.0")
    issuer, subject, conditions = (only(node, saml(each)) for each in ("Issuer", "Subject", "Conditions"))
    name_id = only(subject, saml("NameID"))
    attributes, odd = _attributes(node)
    return Assertion(
        id=node.get("ID", ""),
        issuer=_issuer(issuer),
        issued=posix_time(node.get("IssueInstant", ""), "IssueInstant"),
        name_id=text_of(name_id),
        name_format=name_id.get("Format", ""),
        confirmation=_confirmation(subject),
        begins=_time(conditions, "NotBefore"),
        until=_time(conditions, "NotOnOrAfter"),
        audiences=_audiences(conditions),
        session_until=_session_until(node),
        attributes=attributes,
        odd=odd,
    )


def _issuer(element: Element) -> str:
    if element.get("Format") not in (None, names.ENTITY):
        raise AuthenticationFailed("the assertion's issuer is no entity")
    return text_of(element)


def _time(element: Element, name: str) -> float | None:
    value = element.get(name)
    return None if value is None else posix_time(value, name)


def _confirmation(subject: Element) -> Confirmation:
    """The one bearer confirmation: others would each open the door in another place."""
    found = [each for each in children(subject, saml("SubjectConfirmation")) if each.get("Method") == names.BEARER]
    if len(found) != 1:
        raise AuthenticationFailed(f"the assertion has {len(found)} bearer confirmations where one is meant (I5)")
    data = only(found[0], saml("SubjectConfirmationData"))
    until = _time(data, "NotOnOrAfter")
    if until is None:
        raise AuthenticationFailed("the assertion may be shown for ever")
    return Confirmation(data.get("Recipient", ""), data.get("InResponseTo", ""), until, _time(data, "NotBefore"))


def _audiences(conditions: Element) -> tuple[frozenset[str], ...]:
    """SAML Core section 2.5.1.1: a condition nobody understands leaves it open whether the assertion is valid."""
    unknown = [each for each in conditions if each.tag not in _CONDITIONS]
    if unknown:
        raise AuthenticationFailed(f"the assertion has a condition that is not known: {local_name(unknown[0].tag)}")
    restrictions = children(conditions, saml("AudienceRestriction"))
    return tuple(frozenset(text_of(each) for each in children(one, saml("Audience"))) for one in restrictions)


def _session_until(node: Element) -> float | None:
    statements = children(node, saml("AuthnStatement"))
    if not statements:
        raise AuthenticationFailed("the assertion does not say that anybody logged in")
    times = (_time(each, "SessionNotOnOrAfter") for each in statements)
    return min((each for each in times if each is not None), default=None)


def _attributes(node: Element) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """By name. A name that stands there several times has all values: some providers write one each."""
    found: dict[str, tuple[str, ...]] = {}
    odd: set[str] = set()
    statement = maybe(node, saml("AttributeStatement"))
    for each in children(statement, saml("Attribute")) if statement is not None else ():
        name = each.get("Name", "")
        values = [value for value in children(each, saml("AttributeValue")) if value.get(_NIL) not in ("true", "1")]
        if len(children(each, saml("AttributeValue"))) != len(each) or any(len(value) for value in values):
            odd.add(name)
            continue
        found[name] = (*found.get(name, ()), *(text_of(value) for value in values))
    return found, frozenset(odd)
