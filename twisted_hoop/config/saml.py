"""What [[saml]] must also be: addresses over TLS, and names nobody else's subjects could be taken for."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from twisted_hoop.config.draft import Draft
from twisted_hoop.config.lines import Key, Problem
from twisted_hoop.config.network import is_loopback, required
from twisted_hoop.settings import SamlSection


def check_saml(draft: Draft) -> Iterator[Problem]:
    """Everything of this kind that is wrong."""
    for number, provider in draft.saml:
        key = ("saml", number)
        yield from required((*key, "certificate"), [provider.certificate])
        yield from _names(key, provider, draft)
        yield from _address(key, provider.sso_url)
        yield from _ranges(key, provider.sources)
        if not draft.console.enabled:
            yield Problem(key, "needs the pages of [console], which is not enabled")


def _names(key: Key, provider: SamlSection, draft: Draft) -> Iterator[Problem]:
    """I4: identity is issuer and subject, so no two may have one issuer, under whatever name rules know it by."""
    entity = provider.entity_id
    taken = {draft.gateway.name, *draft.names("issuers"), *draft.names("issuers", "issuer")}
    if entity in taken or entity in draft.names("saml"):
        yield Problem((*key, "entity_id"), "an issuer has this name: one's subjects could be taken for the other's")
    if provider.name in taken:
        yield Problem((*key, "name"), "an issuer has this name: rules and people could not tell them apart")
    if "|" in entity or not entity.isprintable():
        yield Problem((*key, "entity_id"), "is no entity id: `|` and control characters are in none")


def _address(key: Key, url: str) -> Iterator[Problem]:
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname or ""
    except ValueError:
        scheme = host = ""
    if scheme not in ("http", "https") or not host or "#" in url or not url.isprintable() or " " in url:
        yield Problem((*key, "sso_url"), "write the address requests are sent to, https://login.example.com/sso")
    elif scheme == "http" and not is_loopback(host):
        # I7: in the clear, anybody on the way sees the request that an answer must fit, and sends people elsewhere.
        yield Problem((*key, "sso_url"), "write https: in the clear, anybody on the way can send people elsewhere")


def _ranges(key: Key, sources: list[str]) -> Iterator[Problem]:
    for number, text in enumerate(sources):
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            yield Problem((*key, "sources", number), f"{error}: write 10.0.0.0/8 or 2001:db8::/32")
