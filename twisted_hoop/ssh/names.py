"""User names as clients type them: `login%target`, or a bare name on a connection that is to jump. Pure.

A name is a wish and never an identity: who somebody is says the log-in alone. What is ambiguous is refused (S20).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from twisted_hoop.errors import UnknownTarget
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import TargetSection

SEPARATOR = "%"
LONGEST = 256
"""Bytes of a user name that are looked at."""
# As useradd(8) has it, and upper case, which some directories give; no separator, no path, no blank, no escape (S19).
_LOGIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?")
_TARGET = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_BARE = re.compile(r"[^%\x00-\x20\x7f]{1,256}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user name asks for. Without a `target`, the connection only jumps; without a `login`, the target's own."""

    login: str = ""
    target: str = ""


def parse_name(user: bytes) -> Wish:
    """The wish of a user name on the gateway's own port, or raise UnknownTarget: `login%target`, `%target` or `name`.

    `%` occurs once at most, so that no name means one thing to us and another to who reads it next (S20).
    """
    text = _decoded(user)
    login, separator, target = text.partition(SEPARATOR)
    if not separator:
        if _BARE.fullmatch(text) is None:
            raise UnknownTarget("the user name is none: write LOGIN%TARGET")
        return Wish()
    if SEPARATOR in target or _TARGET.fullmatch(target) is None or (login and _LOGIN.fullmatch(login) is None):
        raise UnknownTarget("the user name is none: write LOGIN%TARGET, with one %")
    return Wish(login, target)


def parse_login(user: bytes) -> str:
    """The account named behind a jump, where the target is known already; raise UnknownTarget."""
    text = _decoded(user)
    if _LOGIN.fullmatch(text) is None:
        raise UnknownTarget("the user name is no account's")
    return text


def login_at(section: TargetSection, asked: str) -> str:
    """The account a session gets at the target; raise UnknownTarget for one that is not offered."""
    if asked in ("", section.login):
        if not section.login:
            raise UnknownTarget(f"target {section.name} has no account of its own: name one")
        return section.login
    if section.logins and Patterns(section.logins).matches(asked):
        return asked
    raise UnknownTarget(f"account {asked} of target {section.name} is not offered")


def _decoded(user: bytes) -> str:
    if len(user) > LONGEST:
        raise UnknownTarget("the user name is too long")
    try:
        return user.decode()
    except UnicodeDecodeError:
        raise UnknownTarget("the user name is not UTF-8") from None
