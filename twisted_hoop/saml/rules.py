"""Whether an assertion was made for this gateway, this browser and this moment, and whom it proves. Pure.

Sources: SAML Profiles 2.0, section 4.1.4.3; SAML Core 2.0, sections 2.4.1.2 and 2.5.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.model import Kind, Principal
from twisted_hoop.saml import names
from twisted_hoop.saml.assertion import Assertion
from twisted_hoop.saml.shape import Shape
from twisted_hoop.settings import SamlSection

PROOF = "saml"
_MAX_NAME = 200
_MAX_SUBJECT = 1024
_LEFT_OUT = "/groups.link"
"""End of the attribute Entra ID sends in the place of groups that are too many."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must fit: our own names, and the request this browser was sent away with."""

    entity_id: str
    acs: str
    request: str


def check_outside(shape: Shape, section: SamlSection, expected: Expected) -> None:
    """AuthenticationFailed when the response around the assertion is for somebody else. It can only refuse."""
    if shape.destination != expected.acs and (shape.destination or shape.response_signed):
        raise AuthenticationFailed("the SAML response was sent to another address (I7)")
    if shape.in_response_to != expected.request:
        raise AuthenticationFailed("the SAML response answers another request (I7)")
    if shape.issuer not in ("", section.entity_id):
        raise AuthenticationFailed("the SAML response is another provider's")


def check_assertion(told: Assertion, section: SamlSection, expected: Expected, now: float) -> None:
    """AuthenticationFailed when the assertion is not this provider's, for us, for this request, and for now."""
    if told.issuer != section.entity_id:
        raise AuthenticationFailed("the assertion is another provider's")
    if not told.audiences or any(expected.entity_id not in each for each in told.audiences):
        raise AuthenticationFailed("the assertion is for another audience (I7)")
    if told.confirmation.recipient != expected.acs:
        raise AuthenticationFailed("the assertion is for another recipient (I7)")
    if told.confirmation.in_response_to != expected.request:
        raise AuthenticationFailed("the assertion answers another request (I7)")
    _check_times(told, section.leeway, now)


def _check_times(told: Assertion, leeway: float, now: float) -> None:
    ends = (told.confirmation.until, told.until, told.session_until)
    if any(end is not None and now >= end + leeway for end in ends):
        raise AuthenticationFailed("the assertion has expired (I7)")
    begins = (told.issued, told.begins, told.confirmation.begins)
    if any(begin is not None and begin > now + leeway for begin in begins):
        raise AuthenticationFailed("the assertion is not valid yet")


def principal_of(told: Assertion, section: SamlSection, seal: str, now: float) -> Principal:
    """Whom it proves. `seal` names the settings and the certificate it was judged by, see `provider`."""
    return Principal(
        issuer=section.entity_id,
        subject=_subject(told, section),
        name=_name(told, section),
        groups=_groups(told, section),
        kind=Kind(section.kind),
        proof=PROOF,
        expires=_expires(told, section, now),
        proof_id=seal + hashlib.sha256(told.id.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        max_sessions=section.max_sessions,
    )


def _expires(told: Assertion, section: SamlSection, now: float) -> float:
    """The provider's own end, or ours; for what is accepted within the leeway after it, the end of the leeway."""
    ours, theirs = now + section.max_session, told.session_until
    if theirs is None:
        return ours
    return min(ours, theirs if now < theirs else theirs + section.leeway)


def _subject(told: Assertion, section: SamlSection) -> str:
    """I4: something that stays a person's own: never an address that is given to somebody else next year."""
    if section.subject:
        values = _values(told, section.subject)
        if len(values) != 1:
            raise AuthenticationFailed(f"the assertion has {len(values)} values of the attribute that says who it is")
        subject = values[0]
    elif told.name_format != names.PERSISTENT:
        raise AuthenticationFailed("the assertion's NameID is not persistent, and no attribute is configured (I4)")
    else:
        subject = told.name_id
    if not subject or len(subject) > _MAX_SUBJECT or not subject.isprintable():
        raise AuthenticationFailed("the assertion has no usable subject")
    return subject


def _values(told: Assertion, name: str) -> tuple[str, ...]:
    if name in told.odd:
        raise AuthenticationFailed(f"the assertion's attribute {name[:100]} has values that are no text")
    return told.attributes.get(name, ())


def _groups(told: Assertion, section: SamlSection) -> frozenset[str]:
    """Prefixed, and the configured ones. What cannot be read refuses: fewer groups may mean fewer prohibitions."""
    if not section.groups_attribute:
        return frozenset(section.groups)
    if any(name.endswith(_LEFT_OUT) for name in (*told.attributes, *told.odd)):
        raise AuthenticationFailed("the assertion leaves its groups out: they are too many for the provider")
    found = _values(told, section.groups_attribute)
    if not all(name and name.isprintable() for name in found):
        raise AuthenticationFailed("the assertion's groups have unprintable names")
    return frozenset((*(section.group_prefix + name for name in found), *section.groups))


def _name(told: Assertion, section: SamlSection) -> str:
    values = told.attributes.get(section.name_attribute, ()) if section.name_attribute else ()
    return values[0][:_MAX_NAME] if values and values[0].isprintable() else ""
