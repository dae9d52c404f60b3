"""The secret itself, and what a reference to one looks like. Pure.

    env:NAME  file:PATH  systemd:NAME  vault:PATH#FIELD  k8s:NAMESPACE/NAME#KEY  aws-sm:NAME_OR_ARN[#FIELD]
    vault:MOUNT/creds/ROLE  vault:MOUNT/static-creds/ROLE  aws-rds-iam:[REGION]      user and password, or a token
    vault-ssh:MOUNT/ROLE                                                             who signs SSH keys

References are configuration: none ever comes from a client. What may stand in one is narrow all the same, so that a
slip cannot become another path of an API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from twisted_hoop.errors import SecretUnavailable

MAX_SECRET = 64 * 1024
"""Bytes of one secret: a key or a chain of certificates fits."""
_SEGMENT = r"(?!\.\.?(?:[/#]|$))[A-Za-z0-9_.-]+"
_PATH = rf"{_SEGMENT}(?:/{_SEGMENT})*"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]"
_ARN = rf"arn:aws[a-z-]*:secretsmanager:({_REGION}):[0-9]{{12}}:secret:[A-Za-z0-9/_+=.@-]{{1,512}}"

_PLAIN = {
    "env": (re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "write env:NAME"),
    "file": (re.compile(r"[^\0]+"), "write file:PATH"),
    "systemd": (re.compile(r"(?!\.\.?$)[A-Za-z0-9_.@:-]+"), "write systemd:NAME, as in LoadCredential=NAME:PATH"),
    "vault": (
        re.compile(rf"{_SEGMENT}/{_PATH}#[A-Za-z0-9_.-]+"),
        "write vault:PATH#FIELD, where PATH is the mount and the path in it",
    ),
    "k8s": (
        re.compile(rf"{_LABEL}/{_LABEL}(?:\.{_LABEL})*#(?!\.\.?$)[A-Za-z0-9._-]{{1,253}}"),
        "write k8s:NAMESPACE/NAME#KEY",
    ),
    "aws-sm": (
        re.compile(rf"(?:{_ARN}|[A-Za-z0-9/_+=.@-]{{1,512}})(?:#[A-Za-z0-9_.-]+)?"),
        "write aws-sm:NAME, aws-sm:NAME#FIELD for a field of its JSON, or an ARN in the name's place",
    ),
}
_LOGINS = {
    "vault": (
        re.compile(rf"{_PATH}/(?:static-)?creds/{_SEGMENT}"),
        "write vault:MOUNT/creds/ROLE, vault:MOUNT/static-creds/ROLE or vault:PATH#FIELD",
    ),
    "aws-rds-iam": (re.compile(rf"(?:{_REGION})?"), "write aws-rds-iam: or aws-rds-iam:REGION"),
}
_SIGNERS = {"vault-ssh": (re.compile(rf"{_PATH}/{_SEGMENT}"), "write vault-ssh:MOUNT/ROLE")}


class Secret(str):
    """A string that does not show itself in a repr, and so in no traceback or log of values (R11)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('…')"


@dataclass(frozen=True, slots=True)
class Login:
    """What the gateway logs in with at a target."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r}, Secret('…'))"


def problem_with(reference: str) -> str:
    """Why a reference can never be resolved, or "". Never quotes it: it may be a password in the wrong place (R11)."""
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in _PLAIN:
        return "a secret reference starts with env:, file:, systemd:, vault:, k8s: or aws-sm:"
    pattern, advice = _PLAIN[scheme]
    return "" if pattern.fullmatch(rest) else advice


def problem_with_login(reference: str) -> str:
    """The same for where a log-in at a database may come from: a secret, or what makes log-ins."""
    scheme, _, rest = reference.partition(":")
    if scheme not in _LOGINS or "#" in rest:
        return problem_with(reference)
    pattern, advice = _LOGINS[scheme]
    return "" if pattern.fullmatch(rest) else advice


def problem_with_signer(reference: str) -> str:
    """The same for what signs SSH keys."""
    scheme, _, rest = reference.partition(":")
    if scheme not in _SIGNERS:
        return "is of no use: the gateway signs a certificate for each session, or Vault does: vault-ssh:MOUNT/ROLE"
    pattern, advice = _SIGNERS[scheme]
    return "" if pattern.fullmatch(rest) else advice


def makes_logins(reference: str) -> bool:
    """Whether user and password both come from there."""
    return reference.startswith("vault:") and "#" not in reference


def split_reference(reference: str) -> tuple[str, str]:
    """(scheme, rest), or SecretUnavailable."""
    problem = problem_with(reference)
    if problem:
        raise SecretUnavailable(problem)
    scheme, _, rest = reference.partition(":")
    return scheme, rest


def secret_of(value: object, what: str) -> Secret:
    """What a provider gave, if it can be a secret; `what` names it in errors. Raises SecretUnavailable.

    A NUL would end it early in most protocols, so that less than the secret were shown to the target.
    """
    if not isinstance(value, str) or not value:
        raise SecretUnavailable(f"{what} is no text")
    if "\0" in value:
        raise SecretUnavailable(f"{what} has a NUL in it")
    if len(value) > MAX_SECRET or (not value.isascii() and len(value.encode("utf-8", "replace")) > MAX_SECRET):
        raise SecretUnavailable(f"{what} is larger than {MAX_SECRET} bytes")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise SecretUnavailable(f"{what} is no text") from None
    return Secret(value)


def login_of(user: object, password: object, what: str) -> Login:
    """A log-in that somebody made for us; neither half may have control characters, which could write packets."""
    name, secret = secret_of(user, f"{what}: the user"), secret_of(password, f"{what}: the password")
    if any(not c.isprintable() for c in name + secret):
        raise SecretUnavailable(f"{what} gave a log-in with control characters")
    if len(name.encode()) > 63:  # PostgreSQL cuts names there, and would log in as somebody else
        raise SecretUnavailable(f"{what} gave a user name of more than 63 bytes")
    return Login(str(name), secret)
