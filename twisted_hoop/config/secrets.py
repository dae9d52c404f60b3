"""Where secrets come from: `[vault]`, `[secrets]`, and which references may stand where."""

from __future__ import annotations

from collections.abc import Iterator

from twisted_hoop.config.draft import Draft
from twisted_hoop.config.lines import Key, Problem
from twisted_hoop.secrets.asking import is_safe
from twisted_hoop.secrets.secret import makes_logins, problem_with, problem_with_login, problem_with_signer
from twisted_hoop.settings import TargetSection, VaultSection
from twisted_hoop.transport.connect import TcpPlace
from twisted_hoop.transport.names import client_place

_NEEDED = {
    "token": (),
    "kubernetes": ("role",),
    "approle": ("role_id", "secret_id"),
    "jwt": ("role", "jwt"),
}
_OPTIONAL = {"kubernetes": ("mount", "jwt"), "approle": ("mount",), "jwt": ("mount",)}
_OWN = ("env", "file", "systemd")
"""Schemes that need no Vault: what the gateway proves itself to Vault with."""


def check_secrets(draft: Draft) -> Iterator[Problem]:
    """What is wrong with `[vault]` and `[secrets]`."""
    yield from _vault(draft.vault)
    endpoint = draft.secrets.aws.endpoint
    if endpoint and not is_safe(endpoint):
        yield Problem(("secrets", "aws", "endpoint"), "write https: secrets come back from there")


def _vault(section: VaultSection) -> Iterator[Problem]:
    if section.address and not is_safe(section.address):
        # R11: the token goes there, and secrets come back.
        yield Problem(("vault", "address"), "write https://host:port; plain http is for loopback alone")
    needed = _NEEDED[section.auth]
    for name in needed:
        if not getattr(section, name):
            yield Problem(("vault", name), f"is missing: auth = {section.auth!r} needs it")
    known = {*needed, *_OPTIONAL.get(section.auth, ())}
    for name in ("mount", "role", "role_id", "secret_id", "jwt"):
        value = getattr(section, name)
        if value and name not in known:
            yield Problem(("vault", name), f"says nothing with auth = {section.auth!r}: remove it")
        elif value and name in ("secret_id", "jwt"):
            yield from _proof(name, value, section.auth)


def _proof(name: str, value: str, auth: str) -> Iterator[Problem]:
    schemes = ("file",) if auth == "kubernetes" else _OWN
    if problem_with(value) or value.partition(":")[0] not in schemes:
        yield Problem(("vault", name), f"write {' or '.join(f'{scheme}:…' for scheme in schemes)}")


def check_target_secret(key: Key, target: TargetSection) -> Iterator[Problem]:
    """Whether a target's secret is of a kind that it can use. Never quotes it (R11)."""
    if why := problem_with_target_secret(target):
        yield Problem((*key, "secret"), why)
    elif makes_logins(target.secret) and target.login:
        yield Problem((*key, "login"), "is of no use: what makes log-ins gives the role as well")
    elif target.secret.startswith("aws-rds-iam:"):
        yield from _rds(key, target)
    if "lease" in target.model_fields_set and not makes_logins(target.secret):
        yield Problem((*key, "lease"), "says nothing without a secret that makes log-ins, vault:database/creds/ROLE")


def problem_with_target_secret(target: TargetSection) -> str:
    """Why its reference can never be followed, or ""."""
    if not target.secret:
        return ""
    if target.protocol == "postgres":
        return problem_with_login(target.secret)
    if target.protocol == "ssh" and target.login_with == "certificate":
        return problem_with_signer(target.secret)
    return problem_with(target.secret)


def _rds(key: Key, target: TargetSection) -> Iterator[Problem]:
    if target.tls == "disable":
        # The token crosses as it is: whoever reads it logs in with it.
        yield Problem((*key, "tls"), "aws-rds-iam: needs TLS: the token is shown as a password in the clear")
    try:
        place = client_place(target.endpoint)
    except ValueError:
        return  # told of elsewhere
    if place is None or not isinstance(place.where, TcpPlace):
        yield Problem((*key, "endpoint"), "aws-rds-iam: signs host and port: write tcp:HOST:PORT")
