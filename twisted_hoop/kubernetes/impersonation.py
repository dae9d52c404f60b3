"""Who the target is told the client is, and what clients may not tell it. Pure.

The gateway's own headers are set last, behind everything of the client's that looks like them, and asserted (K1, K2).
Source: Kubernetes documentation, "User impersonation"; header names of extras are lower case, percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.messages import Headers
from twisted_hoop.model import Principal, Session
from twisted_hoop.policy.patterns import Patterns

_PREFIXES = (b"impersonate-", b"x-remote-", b"x-forwarded-", b"x-hoop-")
_NAMES = frozenset({b"forwarded", b"x-real-ip", b"impersonate"})
_OURS = b"impersonate-"
_ODD = re.compile(r"[\x00-\x1f\x7f]")
EXTRA = b"impersonate-extra-hoop-"
"""Extras: `hoop-principal`, `hoop-session`, and `hoop-actor` once for each link of the delegation chain."""


def stripped(headers: Headers) -> Headers:
    """What of a client's headers may go on: by prefix, in any case, with underscores for hyphens (K2)."""
    return tuple(pair for pair in headers if not _is_forbidden(pair[0]))


def _is_forbidden(name: bytes) -> bool:
    plain = name.lower().replace(b"_", b"-")
    return plain.startswith(_PREFIXES) or plain in _NAMES


class Impersonation:
    """How one target is told who asks. `template` is TargetSection.impersonate, "" for not at all."""

    def __init__(self, template: str, groups: Iterable[str]) -> None:
        self._template = template
        self._groups = Patterns(groups)
        self._known: dict[str, tuple[Session, Headers]] = {}

    def headers(self, session: Session) -> Headers:
        """The headers for that session. Raises ProtocolError (403) for somebody who cannot be impersonated."""
        if not self._template:
            return ()
        found = self._known.get(session.id)
        if found is None or found[0] is not session:
            if len(self._known) >= 1024:
                self._known.clear()
            found = self._known[session.id] = (session, self._headers(session))
        return found[1]

    def _headers(self, session: Session) -> Headers:
        principal = session.principal
        user = user_of(self._template, principal)
        groups = sorted(filter(self._may_pass, principal.groups))
        extras = [(b"principal", principal.key), (b"session", session.id)]
        extras += [(b"actor", f"{actor.issuer}|{actor.subject}") for actor in principal.chain]
        return (
            (b"impersonate-user", user.encode()),
            *((b"impersonate-group", group.encode()) for group in groups),
            *((EXTRA + name, quote(value, safe="|:/ @").encode()) for name, value in extras),
        )

    def _may_pass(self, group: str) -> bool:
        """Groups of `system:` are the cluster's own (`system:masters` is its root): never taken from an issuer."""
        return not is_system(group) and _is_plain(group) and self._groups.matches(group)


def user_of(template: str, principal: Principal) -> str:
    """The user a principal is to the cluster. Raises ProtocolError for one of `system:`, and for what is no name."""
    user = template.format(issuer=principal.issuer, subject=principal.subject, name=principal.name)
    if is_system(user) or not _is_plain(user):
        raise ProtocolError("you cannot be impersonated: your name is none, or belongs to the cluster", code="403")
    return user


def is_system(name: str) -> bool:
    """Whether a name belongs to the cluster itself, with white space and case that some reader may not mind."""
    return name.strip().lower().startswith("system:")


def _is_plain(name: str) -> bool:
    return bool(name) and name == name.strip() and not _ODD.search(name)


def with_impersonation(headers: Headers, own: Headers) -> Headers:
    """The headers that are sent: ours last. AssertionError when anything else looks like ours (K1, K2)."""
    kept = stripped(headers)
    whole = (*kept, *own)
    told = tuple(pair for pair in whole if _is_forbidden(pair[0]))
    if told != own or any(not name.startswith(_OURS) for name, _ in own):
        raise AssertionError("impersonation is not what the gateway set")
    return whole
