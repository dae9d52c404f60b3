"""What [tracing] must also be: an address spans may be sent to, and a reference for what proves who sends them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from twisted_hoop.config.draft import Draft
from twisted_hoop.config.lines import Problem
from twisted_hoop.config.network import is_loopback
from twisted_hoop.secrets.secret import problem_with


def check_tracing(draft: Draft) -> Iterator[Problem]:
    """Everything of this kind that is wrong."""
    section = draft.tracing
    if section.url and not _safe(section.url):
        # R11: who did what when, and the header that proves who sends it, are not for everybody on the way.
        yield Problem(("tracing", "url"), "write https, but for this machine itself: http://127.0.0.1:4318/v1/traces")
    if section.authorization and (why := problem_with(section.authorization)):
        yield Problem(("tracing", "authorization"), why)


def _safe(text: str) -> bool:
    try:
        url = urlsplit(text)
        host = url.hostname or ""
    except ValueError:
        return False
    return bool(host) and (url.scheme == "https" or (url.scheme == "http" and is_loopback(host)))
