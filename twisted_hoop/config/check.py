"""What a well-formed configuration must also be: names that are unique, addresses that can be used, no open doors."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

from twisted_hoop.config.agents import check_agents
from twisted_hoop.config.belonging import check_belonging
from twisted_hoop.config.draft import Draft
from twisted_hoop.config.lines import Key, Problem
from twisted_hoop.config.network import check_listener, check_target, is_loopback, problem_with_key, required
from twisted_hoop.config.notify import check_notify
from twisted_hoop.config.own_issuer import check_own_issuer
from twisted_hoop.config.rules import check_masks, check_rules, patterns
from twisted_hoop.config.saml import check_saml
from twisted_hoop.config.secrets import check_secrets
from twisted_hoop.config.tracing import check_tracing
from twisted_hoop.identity.scram_keys import parse_verifier
from twisted_hoop.secrets.secret import problem_with as problem_with_secret
from twisted_hoop.settings import AccountSection, IssuerSection, RetentionSection, StorageSection

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_STORES = ("s3", "gs", "az", "file")
_LISTS = ("issuers", "saml", "accounts", "listeners", "agents", "targets", "rules", "masks", "notify", "retention")


def check(draft: Draft) -> Iterator[Problem]:
    """Everything that is wrong with what is well formed."""
    for section in _LISTS:
        yield from _unique(section, "name", draft)
    yield from _gateway(draft)
    yield from _console(draft)
    yield from _storage(draft.recording.storage)
    yield from check_secrets(draft)
    yield from _unique("issuers", "issuer", draft)
    yield from _unique("saml", "entity_id", draft)
    yield from check_saml(draft)
    yield from check_own_issuer(draft)
    yield from check_tracing(draft)
    yield from _unique("accounts", "token_sha256", draft)
    for number, issuer in draft.issuers:
        yield from _issuer(("issuers", number), issuer, draft)
    for number, account in draft.accounts:
        yield from _account(("accounts", number), account)
    for number, listener in draft.listeners:
        yield from check_listener(("listeners", number), listener, draft)
    for number, target in draft.targets:
        yield from check_target(("targets", number), target, draft.names("agents"))
    yield from check_agents(draft)
    yield from check_belonging(draft)
    yield from check_rules(draft)
    yield from check_masks(draft)
    yield from check_notify(draft)
    for number, kept in draft.retention:
        yield from _retention(("retention", number), kept)


def _unique(section: str, key: str, draft: Draft) -> Iterator[Problem]:
    first: dict[str, int] = {}
    elements = draft.data.get(section)
    for number, element in enumerate(elements if isinstance(elements, list) else []):
        value = element.get(key) if isinstance(element, dict) else None
        if not isinstance(value, str) or not value:
            continue
        if value in first:
            what = f"stands for {section}.{first[value]} already: each must have its own"
            yield Problem((section, number, key), what)
        first.setdefault(value, number)


def _url(text: str) -> tuple[str, str]:
    """(scheme, host) of a URL; both "" for what is none."""
    try:
        url = urlsplit(text)
        return url.scheme, url.hostname or ""
    except ValueError:
        return "", ""


def _gateway(draft: Draft) -> Iterator[Problem]:
    scheme, host = _url(draft.gateway.url)
    if scheme not in ("http", "https") or not host:
        yield Problem(("gateway", "url"), "write a URL, https://hoop.example.com")
    if not draft.gateway.name:
        yield Problem(("gateway", "name"), "write a name: it is the issuer of [[accounts]]")
    if draft.gateway.name in (*draft.names("issuers"), *draft.names("issuers", "issuer")):
        # I4: identity is issuer and subject; accounts have the gateway's name as issuer.
        yield Problem(("gateway", "name"), "an issuer has this name: its subjects could be taken for accounts")


def _console(draft: Draft) -> Iterator[Problem]:
    name = draft.console.issuer
    if not name:
        return
    if name not in draft.names("issuers"):
        yield Problem(("console", "issuer"), "there is no issuer of this name")
    elif not any(issuer.client_id for _, issuer in draft.issuers if issuer.name == name):
        yield Problem(("console", "issuer"), "has no client_id, without which nobody can log in there")


def _storage(section: StorageSection) -> Iterator[Problem]:
    key: Key = ("recording", "storage")
    scheme = section.url.partition("://")[0]
    if section.url and (scheme not in _STORES or not section.url.partition("://")[2].strip("/")):
        yield Problem((*key, "url"), "write s3://bucket/prefix, gs://bucket, az://container or file:///folder")
    if section.endpoint.startswith("http:") and not is_loopback(_url(section.endpoint)[1]):
        # R2: recordings may be encrypted, their names and the requests' signatures are not.
        yield Problem((*key, "endpoint"), "write https: in the clear, anybody on the way sees what is stored")
    if bool(section.access_key) != bool(section.secret_key):
        yield Problem((*key, "secret_key"), "write both access_key and secret_key, or neither")
    for name in ("access_key", "secret_key"):
        value = getattr(section, name)
        if value and (why := problem_with_secret(value)):
            yield Problem((*key, name), why)
    if not section.url and section.spool:
        yield Problem((*key, "spool"), "without a url nothing is stored, and so nothing may leave the folder")


def _issuer(key: Key, issuer: IssuerSection, draft: Draft) -> Iterator[Problem]:
    yield from required((*key, "name"), [issuer.name])
    yield from required((*key, "audience"), issuer.audience)
    if not issuer.jwks and _url(issuer.issuer)[0] not in ("http", "https"):
        yield Problem((*key, "issuer"), "is no URL, so its keys cannot be discovered: write jwks as well")
    for name, value in (("issuer", issuer.issuer), ("jwks", issuer.jwks)):
        if value.startswith("http:") and not is_loopback(_url(value)[1]):
            # I3: keys fetched in the clear are anybody's.
            yield Problem((*key, name), "write https: in the clear, anybody on the way can give us their keys")
    for claim, wanted in issuer.claims.items():
        yield from patterns((*key, "claims", claim), [wanted] if isinstance(wanted, str) else wanted)
    yield from _ranges(key, issuer.sources)
    if not issuer.algorithms:
        yield Problem((*key, "algorithms"), "name at least one")
    if issuer.client_secret and (why := problem_with_secret(issuer.client_secret)):
        yield Problem((*key, "client_secret"), why)
    if issuer.name in draft.names("issuers", "issuer") and issuer.name != issuer.issuer:
        yield Problem((*key, "name"), "is the URL of another issuer: rules could not tell them apart")


def _account(key: Key, account: AccountSection) -> Iterator[Problem]:
    yield from required((*key, "name"), [account.name])
    if not (account.token_sha256 or account.scram or account.ssh_keys):
        yield Problem(key, "write token_sha256, scram or ssh_keys: nobody can log in with this account")
    for number, line in enumerate(account.ssh_keys):
        if why := problem_with_key(line):
            yield Problem((*key, "ssh_keys", number), why)
    if account.scram:
        try:
            parse_verifier(account.scram)
        except ValueError as error:
            yield Problem((*key, "scram"), str(error))
    if account.expires and not _is_time(account.expires):
        yield Problem((*key, "expires"), "write a time with its offset, 2027-01-31T00:00:00Z")
    yield from _ranges(key, account.sources)


def _retention(key: Key, section: RetentionSection) -> Iterator[Problem]:
    """What deletes recordings must mean what it says: a pattern that is none would match nothing, or too much."""
    yield from required((*key, "name"), [section.name])
    for name in ("targets", "groups", "protocols", "tags"):
        yield from patterns((*key, name), getattr(section, name))
    for number, tag in enumerate(section.tags):
        if "=" not in tag:
            yield Problem((*key, "tags", number), "write an attribute and its value, database=shop_test")


def _ranges(key: Key, sources: Iterable[str]) -> Iterator[Problem]:
    for number, text in enumerate(sources):
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            yield Problem((*key, "sources", number), f"{error}: write 10.0.0.0/8 or 2001:db8::/32")


def _is_time(text: str) -> bool:
    """RFC 3339, section 5.6."""
    try:
        return _TIME.fullmatch(text) is not None and datetime.fromisoformat(text.upper()).tzinfo is not None
    except ValueError:
        return False
