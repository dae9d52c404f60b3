"""Tokens of `hoop login`, kept by gateway in the user's own configuration folder, files of mode 0600."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twisted_hoop.cli.exits import UNAUTHENTICATED, CommandFailed
from twisted_hoop.cli.openid import Client, refresh, usable_token

EARLY = 30.0
"""Seconds before its end at which a token counts as over."""


@dataclass(frozen=True, slots=True)
class Login:
    """One log-in: `use` says which token of the issuer's answer is shown to the gateway, "" for whichever is a JWT."""

    url: str
    issuer: str
    client_id: str
    scope: str
    ca: str
    use: str
    token: str
    refresh_token: str
    expires: float

    @property
    def client(self) -> Client:
        """Who asked."""
        return Client(self.issuer, self.client_id, self.scope, self.ca)


def make_login(url: str, client: Client, use: str, answer: Mapping[str, Any]) -> Login:
    """A log-in from a token response."""
    token = usable_token(answer, use)
    again = str(answer.get("refresh_token") or "")
    expires = _expiry(token)
    return Login(url, client.issuer, client.client_id, client.scope, client.ca, use, token, again, expires)


def fresh(login: Login) -> Login:
    """The same log-in with a token that is good for a while; refreshed and stored when need be."""
    if login.expires - time.time() > EARLY:
        return login
    if not login.refresh_token:
        raise CommandFailed(f"the log-in at {login.url} is over: run hoop login", UNAUTHENTICATED)
    answer = {"refresh_token": login.refresh_token, **refresh(login.client, login.refresh_token)}
    renewed = make_login(login.url, login.client, login.use, answer)
    store(renewed)
    return renewed


def stored(url: str) -> Login | None:
    """The log-in at the gateway of this URL, or None."""
    try:
        return Login(**json.loads(_file(url).read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as fault:
        raise CommandFailed(f"{_file(url)} cannot be read ({fault}): run hoop login") from fault


def store(login: Login) -> Path:
    """Keep it; the file is never readable by others, not even while it is written (R11)."""
    path = _file(login.url)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(login), file)
    draft.replace(path)
    return path


def forget(url: str) -> bool:
    """Remove it; whether there was one."""
    path = _file(url)
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def _file(url: str) -> Path:
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "hoop"
    return folder / f"login-{hashlib.sha256(url.rstrip('/').encode()).hexdigest()[:16]}.json"


def _expiry(token: str) -> float:
    """`exp` of a JWT, unverified: only to know when to ask for another."""
    try:
        body = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return 0.0
