"""What [own_issuer] must also be: an issuer nobody else is, services that are no targets, actors that are described."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from twisted_hoop.config.draft import Draft
from twisted_hoop.config.lines import Key, Problem
from twisted_hoop.config.network import is_loopback, required
from twisted_hoop.config.rules import patterns
from twisted_hoop.settings import ActorSection

_LISTS = ("issuers", "subjects", "groups", "for_groups")


def check_own_issuer(draft: Draft) -> Iterator[Problem]:
    """Everything of this kind that is wrong."""
    section, key = draft.own_issuer, ("own_issuer",)
    if section.enabled:
        yield from _address(draft)
    targets = draft.names("targets")
    for number, audience in enumerate(section.audiences):
        place: Key = (*key, "audiences", number)
        yield from required(place, [audience])
        if audience in targets:
            yield Problem(place, "is a target here: nobody could tell which of the two a token is for")
        if audience.rstrip("/") == draft.gateway.url.rstrip("/"):
            yield Problem(place, "is this gateway itself: remove it, its tokens are for it without that")
    names: set[str] = set()
    for number, actor in enumerate(section.actors):
        yield from _actor((*key, "actors", number), actor, names)


def _address(draft: Draft) -> Iterator[Problem]:
    url = draft.gateway.url.rstrip("/")
    if url.startswith("http:") and not is_loopback(_host(url)):
        # I3: others fetch the keys from there.
        yield Problem(("gateway", "url"), "write https: it is an issuer, and keys fetched in the clear are anybody's")
    others = (*draft.names("issuers", "issuer"), *draft.names("saml", "entity_id"))
    if url in (other.rstrip("/") for other in others):
        # I4: its tokens would be taken for another's, and another's for its own.
        yield Problem(("own_issuer", "enabled"), "an issuer has the address of [gateway] url: remove it")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _actor(key: Key, actor: ActorSection, names: set[str]) -> Iterator[Problem]:
    yield from required((*key, "name"), [actor.name])
    if actor.name in names:
        yield Problem((*key, "name"), "stands for another one already: each must have its own")
    names.add(actor.name)
    if not (actor.issuers or actor.subjects or actor.groups):
        yield Problem(key, "write issuers, subjects or groups: everybody could act for everybody else")
    for name in _LISTS:
        yield from patterns((*key, name), getattr(actor, name))
