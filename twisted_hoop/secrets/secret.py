"""The secret itself, and what a reference to one looks like. Pure."""

from __future__ import annotations

import re

from twisted_hoop.errors import SecretUnavailable

_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VAULT = re.compile(r"([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+)#([A-Za-z0-9_.-]+)")


class Secret(str):
    """A string that does not show itself in a repr, and so in no traceback or log of values (R11)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('…')"


def problem_with(reference: str) -> str:
    """Why a reference can never be resolved, or "". Never quotes it: it may be a password in the wrong place (R11)."""
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in ("env", "file", "vault"):
        return "a secret reference starts with env:, file: or vault:"
    if scheme == "env" and _ENVIRONMENT.fullmatch(rest) is None:
        return "write env:NAME"
    if scheme == "file" and (not rest or "\0" in rest):
        return "write file:PATH"
    if scheme == "vault" and (_VAULT.fullmatch(rest) is None or ".." in rest.split("#")[0].split("/")):
        return "write vault:PATH#FIELD, where PATH is the mount and the path in it"
    return ""


def split_reference(reference: str) -> tuple[str, str]:
    """(scheme, rest), or SecretUnavailable."""
    problem = problem_with(reference)
    if problem:
        raise SecretUnavailable(problem)
    scheme, _, rest = reference.partition(":")
    return scheme, rest
