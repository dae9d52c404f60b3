"""What the gateway shows a target in place of the client's token. The secret stays here: no step, no entry has it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.settings import TargetSection

FRESH = 60.0
"""Seconds after which a secret is looked up again: tokens of service accounts are replaced on disk."""
_VALUE = re.compile(rb"[!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?")


class Credentials:
    """The header line of one target's credential. `seconds` is a clock that only goes forward."""

    def __init__(self, section: TargetSection, secrets: ISecretStore, seconds: Callable[[], float]) -> None:
        self._section = section
        self._secrets = secrets
        self._seconds = seconds
        self._plain = section.credential in ("none", "certificate")
        self._line = b""
        self._until = 0.0

    def __repr__(self) -> str:
        return f"<Credentials of {self._section.name}>"

    def ready(self) -> bytes | None:
        """The line, with its end (b"" when none is needed); None when it must be looked up first."""
        if self._plain:
            return b""
        return self._line if self._seconds() < self._until else None

    async def look_up(self) -> bytes:
        """The line, looked up anew. Raises SecretUnavailable."""
        if self._plain:
            return b""
        secret = await self._secrets.resolve(self._section.secret)
        self._line = _line(self._section, secret.strip())
        self._until = self._seconds() + FRESH
        return self._line

    def doubt(self) -> None:
        """The target answered 401: the next request reads it anew, where it comes from, as it may have been rotated.

        That request is not sent again: its body is gone.
        """
        self._until = 0.0
        if not self._plain:
            self._secrets.forget(self._section.secret)


def _line(section: TargetSection, secret: str) -> bytes:
    name, value = "authorization", f"Bearer {secret}".encode()
    if section.credential == "basic":
        pair = f"{section.login}:{secret}".encode()
        value = b"Basic " + base64.b64encode(pair)
    elif section.credential == "header":
        name, value = section.header.lower(), secret.encode()
    if not secret or _VALUE.fullmatch(value) is None:
        raise SecretUnavailable(f"the secret of {section.name} cannot stand in a header")
    return name.encode() + b": " + value + b"\r\n"
