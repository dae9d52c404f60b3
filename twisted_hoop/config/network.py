"""Listeners and targets: addresses that can be used, no open doors, no key that means nothing to the protocol."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from twisted_hoop.config.draft import Draft, closest
from twisted_hoop.config.lines import Key, Problem
from twisted_hoop.config.rules import patterns
from twisted_hoop.config.secrets import check_target_secret
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.secrets.secret import makes_logins
from twisted_hoop.settings import ListenerSection, TargetSection
from twisted_hoop.transport.bindings import TcpBinding, UnixBinding
from twisted_hoop.transport.names import client_place, server_binding

WAYS_IN = {
    "postgres": {"token", "oauth", "scram"},
    "ssh": {"token", "certificate", "key", "device"},
    "http": {"token"},
    "api": {"token"},
}
"""Protocol → ways to log in there."""
_EXAMPLES = {"postgres": "tcp:db.internal:5432 or unix:/run/postgresql/.s.PGSQL.5432", "ssh": "tcp:web-1.internal:22"}


def check_listener(key: Key, listener: ListenerSection, draft: Draft) -> Iterator[Problem]:
    """What is wrong with one of `[[listeners]]`."""
    yield from _pair(key, listener)
    try:
        binding = server_binding(listener.endpoint)
    except ValueError as error:
        yield Problem((*key, "endpoint"), f"{error}: write tcp:5432:interface=127.0.0.1 or unix:/run/hoop.sock")
        return
    local = isinstance(binding, UnixBinding) or (isinstance(binding, TcpBinding) and is_loopback(binding.interface))
    if listener.protocol == "ssh":
        if listener.certificate:
            yield Problem((*key, "certificate"), "is of no use to SSH: its keys stand in [ssh]")
    elif not listener.certificate:
        yield from _in_the_clear(key, listener, local)
    if listener.protocol == "agent":
        yield from _agents_log_in(key, listener)
    elif listener.protocol != "api":
        yield from _ways_to_log_in(key, listener, draft)


def _in_the_clear(key: Key, listener: ListenerSection, local: bool) -> Iterator[Problem]:
    if not local:
        what = "is missing: only a listener on loopback or a unix socket may do without, for tokens cross the wire"
        yield Problem((*key, "certificate"), f"{what}; write certificate and key, or interface=127.0.0.1")
    elif listener.tls == "required":
        what = 'is required, and there is no certificate: write certificate and key, or tls = "optional"'
        yield Problem((*key, "tls"), what)


def _ways_to_log_in(key: Key, listener: ListenerSection, draft: Draft) -> Iterator[Problem]:
    issuers = draft.names("issuers")
    for way in sorted(set(listener.auth) - WAYS_IN[listener.protocol]):
        yield Problem((*key, "auth"), f"{way} is no way to log in over {listener.protocol}")
    if "oauth" in listener.auth and not issuers:
        yield Problem((*key, "auth"), "oauth needs [[issuers]]: clients are told where to get a token")
    if listener.protocol == "ssh":
        yield from _ways_over_ssh(key, listener, draft)
    if listener.issuer and listener.issuer not in issuers:
        yield Problem((*key, "issuer"), f"no issuer has this name. {closest(listener.issuer, issuers)}".strip())


def _agents_log_in(key: Key, listener: ListenerSection) -> Iterator[Problem]:
    for name in ("auth", "issuer"):
        if getattr(listener, name):
            yield Problem((*key, name), "says nothing to agents: how each proves itself stands in [[agents]]")


def _ways_over_ssh(key: Key, listener: ListenerSection, draft: Draft) -> Iterator[Problem]:
    clients = [issuer.name for _, issuer in draft.issuers if issuer.client_id]
    if "device" in listener.auth and not clients:
        yield Problem((*key, "auth"), "device needs an issuer with client_id, which gives the codes")
    if listener.issuer in draft.names("issuers") and listener.issuer not in clients:
        yield Problem((*key, "issuer"), "has no client_id, without which it gives no device codes")


def check_target(key: Key, target: TargetSection, agents: Iterable[str] = ()) -> Iterator[Problem]:
    """What is wrong with one of `[[targets]]`; `agents` are the names of `[[agents]]`."""
    yield from _pair(key, target)
    try:
        place = client_place(target.endpoint)
        if place is not None and place.agent and place.agent not in agents:
            near = closest(place.agent, agents)
            yield Problem((*key, "endpoint"), f"no agent is called {place.agent}: write [[agents]]. {near}".strip())
    except ValueError as error:
        example = "tcp:db.internal:5432 or unix:/run/postgresql/.s.PGSQL.5432"
        yield Problem(
            (*key, "endpoint"), f"{error}: write {example if target.protocol == 'postgres' else 'tcp:web-1:22'}"
        )
    yield from check_target_secret(key, target)
    yield from required((*key, "groups"), target.groups)
    yield from _requests(key, target)
    yield from _CHECKS[target.protocol](key, target)


def _requests(key: Key, target: TargetSection) -> Iterator[Problem]:
    yield from required((*key, "request_groups"), target.request_groups)
    if target.request_groups and not target.request_approvers:
        yield Problem((*key, "request_approvers"), "is missing: name the groups of which people may grant access")
    if target.request_groups:
        return
    for name in ("request_approvers", "request_approvals", "request_longest", "request_reason"):
        if name in target.model_fields_set:
            yield Problem((*key, name), "says nothing without request_groups: write that, or remove it")


def _ssh_target(key: Key, target: TargetSection) -> Iterator[Problem]:
    if not target.host_keys and not target.host_ca:
        yield Problem((*key, "host_keys"), "is missing: write the keys of the target (ssh-keyscan), or host_ca (S17)")
    for name in ("host_keys", "host_ca"):
        for number, line in enumerate(getattr(target, name)):
            if why := problem_with_key(line):
                yield Problem((*key, name, number), why)
    if not target.login and not target.logins:
        yield Problem((*key, "login"), "is missing: write the account the gateway logs in as, or logins")
    if target.login_with != "certificate" and not target.secret:
        yield Problem((*key, "secret"), f"is missing: the {target.login_with} the gateway logs in with")
    for name in ("logins", "names", "env"):
        yield from patterns((*key, name), getattr(target, name))


def _postgres_target(key: Key, target: TargetSection) -> Iterator[Problem]:
    if not target.login and not makes_logins(target.secret):
        yield Problem((*key, "login"), "is missing: write the role the gateway logs in as")
    if not target.database and not [name for name in target.databases if name != "*"]:
        yield Problem((*key, "database"), "is missing: write the database for clients that name none")
    if "*" in target.databases and len(target.databases) > 1:
        yield Problem((*key, "databases"), '"*" means any, so the others say nothing: write one or the other')
    for number, oid in enumerate(target.allow_functions):
        if not 0 < oid < 2**32:
            yield Problem((*key, "allow_functions", number), "an OID is a number from 1 to 4294967295")


def _http_target(key: Key, target: TargetSection) -> Iterator[Problem]:
    wanted = {"bearer": ("secret",), "basic": ("login", "secret"), "header": ("header", "secret")}
    needed = wanted.get(target.credential, ("certificate",) if target.credential == "certificate" else ())
    for name in needed:
        if not getattr(target, name):
            yield Problem((*key, name), f"is missing: credential = {target.credential!r} needs it")
    for name in ("secret", "header", "login"):
        if getattr(target, name) and name not in needed:
            yield Problem((*key, name), f"is of no use with credential = {target.credential!r}")
    if target.header.lower() in _NEVER:
        yield Problem((*key, "header"), "is about the connection and carries no credential")
    yield from patterns((*key, "names"), target.names)


def _kubernetes_target(key: Key, target: TargetSection) -> Iterator[Problem]:
    yield from _http_target(key, target)
    if target.credential == "none":
        yield Problem((*key, "credential"), 'is missing: write "bearer" with secret, or "certificate"')
    yield from patterns((*key, "impersonate_groups"), target.impersonate_groups)
    if target.impersonate and (why := problem_with_template(target.impersonate)):
        yield Problem((*key, "impersonate"), why)
    if "impersonate_groups" in target.model_fields_set and not target.impersonate:
        yield Problem((*key, "impersonate_groups"), "says nothing without impersonate: write that, or remove it")


def problem_with_template(template: str) -> str:
    """Why a template of user names cannot be used; "" when it can: somebody must be named who is always the same."""
    rest = template.replace("{subject}", "").replace("{issuer}", "").replace("{name}", "")
    if "{" in rest or "}" in rest:
        return "knows {subject}, {issuer} and {name}"
    if "{subject}" not in template and "{name}" not in template:
        return "makes everybody the same user: write {subject} in it"
    return "names nobody but the cluster's own" if template.strip().lower().startswith("system:") else ""


_NEVER = ("host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "expect")
_CHECKS = {"postgres": _postgres_target, "ssh": _ssh_target, "http": _http_target, "kubernetes": _kubernetes_target}


def _pair(key: Key, section: ListenerSection | TargetSection) -> Iterator[Problem]:
    if section.certificate and not section.key:
        yield Problem((*key, "key"), "is missing: a certificate needs its private key")
    if section.key and not section.certificate:
        yield Problem((*key, "certificate"), "is missing: a private key needs its certificate")


def problem_with_key(line: str) -> str:
    """Why a line is no SSH public key (RFC 4253, section 6.6, in OpenSSH's text form); "" when it is one."""
    try:
        parse_line(line)
    except ValueError as error:
        return f"{error}: write it as ssh-keygen does, ssh-ed25519 AAAA…"
    return ""


def required(key: Key, values: Iterable[str]) -> Iterator[Problem]:
    """A problem when a value is empty."""
    if any(not value.strip() for value in values):
        yield Problem(key, "is empty: write something, or remove it")


def is_loopback(host: str) -> bool:
    """Whether a host is this one: `localhost`, 127.0.0.0/8 or ::1. No name is looked up."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
