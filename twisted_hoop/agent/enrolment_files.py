"""What an agent shows its gateway, on the agent's side: a key of its own with a certificate, or a workload's tokens.

Key and certificate are one file, replaced whole: there is never one without the other. Each certificate is for a fresh
key. The join token is used when it was not used before: a new one, put where the old one was, enrols anew.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool
from zope.interface import implementer

from twisted_hoop.agent.settings import AgentOwnSection
from twisted_hoop.agent.trust import EXTENSION, SKEW
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.file_modes import open_to_others
from twisted_hoop.identity.ssh_certificates import USER, Certificate, parse_certificate
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key, parse_private_key
from twisted_hoop.interfaces import IAgentCredentials
from twisted_hoop.model import AgentLogin

FILE = "identity"
"""The agent's key and certificate, in its state folder."""
_LARGEST = 64 * 1024
_COMMAND_SECONDS = 30.0
_AGAIN = 10.0
"""Seconds before a token that did not change is shown again."""
_END = b"-----END OPENSSH PRIVATE KEY-----\n"


def make_credentials(
    section: AgentOwnSection, reactor: Any, environ: Mapping[str, str], now: Callable[[], float] = time.time
) -> IAgentCredentials:
    """What an agent of that configuration has to show."""
    if section.token or section.token_command:
        made: IAgentCredentials = WorkloadCredentials(section, reactor, environ, now)
    else:
        made = CertifiedCredentials(section, reactor, environ, now)
    return made


@dataclass(frozen=True, slots=True)
class Identity:
    """What is kept: key, certificate, and the digest of the join token that they began with."""

    key: PrivateKey
    certificate: Certificate
    joined: str = ""


@implementer(IAgentCredentials)
class CertifiedCredentials:
    """See the module and IAgentCredentials. `now` gives POSIX time."""

    def __init__(
        self, section: AgentOwnSection, reactor: Any, environ: Mapping[str, str], now: Callable[[], float]
    ) -> None:
        self._section, self._reactor, self._environ, self._now = section, reactor, environ, now
        self._path = Path(section.state) / FILE
        self._kept: Identity | None = None
        self._read = False
        self._next = new_private_key()
        self._due: float | None = None
        self._shown = ""

    async def current(self) -> AgentLogin:
        """See IAgentCredentials."""
        token = await self._in_thread(self._look)
        kept, tried = self._kept, self._shown
        fresh = bool(token) and (kept is None or kept.joined != _digest(token))
        # A token that was refused stands in the way of a certificate every other time only.
        if fresh and (kept is None or tried != token):
            self._shown = token
            return AgentLogin(token=token)
        self._shown = ""
        if kept is None:
            raise AuthenticationFailed("there is neither a certificate nor a join token: hoop agents join-token")
        return AgentLogin("", kept.key, kept.certificate)

    def public_key(self) -> str:
        """See IAgentCredentials: the next key, which a new certificate is for."""
        return self._next.public.line

    def renew_at(self) -> float | None:
        """See IAgentCredentials: when two thirds of the certificate's life are over."""
        return self._due

    async def renewed(self, certificate: str) -> None:
        """See IAgentCredentials."""
        made = self._fit(certificate)
        joined = _digest(self._shown) if self._shown else self._kept.joined if self._kept is not None else ""
        kept = Identity(self._next, made, joined)
        await self._in_thread(lambda: write_identity(self._path, kept))
        self._kept, self._next, self._shown = kept, new_private_key(), ""
        life = made.valid_before - made.valid_after - SKEW
        self._due = self._now() + life * 2 / 3  # by our own clock, which may differ from the gateway's

    def _fit(self, line: str) -> Certificate:
        kind, _, rest = line.strip().partition(" ")
        made = parse_certificate(base64.b64decode(rest.partition(" ")[0], validate=True))
        if made.kind.decode() != kind or made.type != USER or made.key.blob != self._next.public.blob:
            raise ValueError("the certificate is not for this agent's key")
        if EXTENSION not in made.extensions or f"agent {self._section.name} " not in made.key_id:
            raise ValueError("the certificate is not one of this agent")
        return made

    def _look(self) -> str:
        """The join token, if there is one; and once, what was kept. Blocks."""
        if not self._read:
            self._kept = read_identity(self._path)
            self._read = True
            if self._kept is not None:
                made = self._kept.certificate
                self._due = made.valid_after + SKEW + (made.valid_before - made.valid_after - SKEW) * 2 / 3
        try:
            return _token(self._section.join_token, self._environ, private=True) if self._section.join_token else ""
        except AuthenticationFailed:
            if self._kept is None:
                raise
            return ""  # it was for the first start, and may be gone

    def _in_thread(self, work: Callable[[], Any]) -> Any:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)


@implementer(IAgentCredentials)
class WorkloadCredentials:
    """Tokens of an issuer, read anew each time. See the module and IAgentCredentials."""

    def __init__(
        self, section: AgentOwnSection, reactor: Any, environ: Mapping[str, str], now: Callable[[], float]
    ) -> None:
        self._section, self._reactor, self._environ, self._now = section, reactor, environ, now
        self._due: float | None = None

    async def current(self) -> AgentLogin:
        """See IAgentCredentials."""
        token: str = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._token)
        now = self._now()
        ends = _end_of(token)
        self._due = None if ends is None else max(ends - max((ends - now) * 0.25, 10.0), now + _AGAIN)
        return AgentLogin(token=token)

    def public_key(self) -> str:
        """See IAgentCredentials: none, as tokens need no certificate."""
        return ""

    def renew_at(self) -> float | None:
        """See IAgentCredentials: when a quarter of the token's time is left."""
        return self._due

    async def renewed(self, certificate: str) -> None:
        """See IAgentCredentials."""
        raise ValueError("this agent asks for no certificates")

    def _token(self) -> str:
        """Blocks."""
        if self._section.token_command:
            return _printed(self._section.token_command)
        return _token(self._section.token, self._environ, private=False)


def _token(reference: str, environ: Mapping[str, str], private: bool) -> str:
    """What `env:NAME` or `file:PATH` holds, or a token that was written itself. Blocks."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        found = environ.get(name, "")
    elif kind == "file":
        found = _file(Path(name), private)
    else:
        found = reference
    if not found.strip():
        raise AuthenticationFailed(f"{kind}:{name} holds no token")
    return found.strip()


def _file(path: Path, private: bool) -> str:
    """R11: a join token that others can read is theirs. A workload's token has the mode its platform gave it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            if private and open_to_others(os.fstat(descriptor).st_mode, descriptor):
                raise AuthenticationFailed(f"{path} is open to others: chmod 600 {path}")
            return file.read(_LARGEST).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a token"
        raise AuthenticationFailed(f"{path} cannot be read: {why}") from None


def _printed(command: list[str]) -> str:
    """What the program prints, which is never shown. Blocks."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=_COMMAND_SECONDS, check=True)  # noqa: S603  configured, no shell
        token = done.stdout.decode("ascii").strip()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise AuthenticationFailed(f"{command[0]} gives no token: {type(error).__name__}") from None
    if not token:
        raise AuthenticationFailed(f"{command[0]} prints no token")
    return token


def _end_of(token: str) -> float | None:
    """When a JWT says it ends; it is the gateway that believes it, or not."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        ends = float(found["exp"])
    except (IndexError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return ends if 0 < ends < 2**53 else None


def read_identity(path: Path) -> Identity | None:
    """What was kept; None when there is nothing. AuthenticationFailed for a file that cannot be used. Blocks."""
    if not path.exists():
        return None
    text = _file(path, private=True).encode()
    pem, end, rest = text.partition(_END)
    lines = rest.decode().splitlines()
    try:
        key = parse_private_key(pem + end)
        certificate = parse_certificate(base64.b64decode(lines[0].split()[1], validate=True))
        if certificate.key.blob != key.public.blob:
            raise ValueError("the certificate is not the key's")
    except (ValueError, IndexError) as error:
        raise AuthenticationFailed(f"{path} cannot be used: {error}; remove it to enrol anew") from None
    return Identity(key, certificate, lines[1] if len(lines) > 1 else "")


def write_identity(path: Path, identity: Identity) -> None:
    """Keep it: whole or not at all, mode 0600. OSError. Blocks."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(identity.key.openssh() + f"{identity.certificate.line}\n{identity.joined}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
