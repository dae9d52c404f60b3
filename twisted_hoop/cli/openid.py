"""What `hoop login` needs of an OpenID provider: discovery, device flow (RFC 8628), refreshing (RFC 6749, 6)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request

import click

from twisted_hoop.cli.client import is_loopback, make_opener
from twisted_hoop.cli.exits import REFUSED, UNAUTHENTICATED, UNREACHABLE, CommandFailed

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LONGEST_ANSWER = 1 << 20
_SLOWER = 5.0  # seconds, RFC 8628, section 3.5


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client at an issuer."""

    issuer: str
    client_id: str
    scope: str = "openid"
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """What the person is shown; `interval` and `expires_in` are seconds."""

    device_code: str
    user_code: str
    where: str
    complete: str
    interval: float
    expires_in: float


def discover(client: Client) -> dict[str, Any]:
    """The provider's metadata (OpenID Connect Discovery 1.0, section 4), whose issuer must be the one asked (I3)."""
    found = _send(client, f"{client.issuer.rstrip('/')}/.well-known/openid-configuration", None)
    if found.get("issuer") != client.issuer:
        raise CommandFailed(f"{client.issuer} calls itself {found.get('issuer')!r}", UNAUTHENTICATED)
    return found


def begin(client: Client, metadata: Mapping[str, Any]) -> Code:
    """Ask for a code to show (section 3.1)."""
    endpoint = metadata.get("device_authorization_endpoint")
    if not isinstance(endpoint, str):
        raise CommandFailed(f"{client.issuer} offers no log-in by device code; use --token-file", REFUSED)
    answer = _send(client, endpoint, {"client_id": client.client_id, "scope": client.scope})
    try:
        where = page(answer["verification_uri"])
        return Code(
            str(answer["device_code"]),
            str(answer["user_code"]),
            where,
            page(answer.get("verification_uri_complete") or where),
            max(1.0, float(answer.get("interval", 5))),
            float(answer["expires_in"]),
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise CommandFailed(f"{endpoint} does not answer as RFC 8628 says: {fault}") from fault


def page(url: Any) -> str:
    """The address of a web page; ValueError for what would open something else on this machine: a file, a program."""
    text = str(url)
    parts = urlsplit(text)
    usual = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not (usual and parts.hostname and text.isprintable() and " " not in text):
        raise ValueError("its page to log in at is no https address")
    return text


def wait(
    client: Client, metadata: Mapping[str, Any], code: Code, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """The token response, once the person has agreed (sections 3.4 and 3.5); CommandFailed when they have not."""
    body = {"grant_type": GRANT, "device_code": code.device_code, "client_id": client.client_id}
    interval, left = code.interval, code.expires_in
    while left > 0:
        sleep(interval)
        left -= interval
        answer = _send(client, _token_endpoint(metadata), body, may_fail=True)
        error = answer.get("error")
        if error is None:
            return answer
        if error == "slow_down":
            interval += _SLOWER
        elif error != "authorization_pending":
            raise CommandFailed(f"the log-in was refused: {answer.get('error_description') or error}", UNAUTHENTICATED)
    raise CommandFailed("nobody logged in before the code expired; run hoop login again", UNAUTHENTICATED)


def refresh(client: Client, refresh_token: str) -> dict[str, Any]:
    """A new token response for a refresh token; CommandFailed when the issuer wants a new log-in."""
    body = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": client.client_id}
    answer = _send(client, _token_endpoint(discover(client)), body, may_fail=True)
    if "error" in answer:
        raise CommandFailed(f"the log-in is over ({answer['error']}): run hoop login", UNAUTHENTICATED)
    return answer


def _token_endpoint(metadata: Mapping[str, Any]) -> str:
    endpoint = metadata.get("token_endpoint")
    if not isinstance(endpoint, str):
        raise CommandFailed("the issuer names no token endpoint")
    return endpoint


def _send(client: Client, url: str, form: Mapping[str, str] | None, may_fail: bool = False) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise CommandFailed(f"{url} is not https: nothing is sent there")
    body = urlencode(form).encode() if form is not None else None
    request = Request(url, body, {"Accept": "application/json"})  # noqa: S310 - the scheme was checked
    try:
        with make_opener(parts, client.ca).open(request, timeout=30.0) as answer:
            return _object(answer.read(_LONGEST_ANSWER), url)
    except HTTPError as fault:
        if may_fail and fault.code == 400:
            return _object(fault.read(_LONGEST_ANSWER), url)
        raise CommandFailed(f"{url} answers {fault.code}", UNAUTHENTICATED) from None
    except (URLError, OSError) as fault:
        raise CommandFailed(f"{url}: {getattr(fault, 'reason', fault)}", UNREACHABLE) from fault


def _object(data: bytes, url: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise CommandFailed(f"{url} does not answer with a JSON object")
    return value


def usable_token(answer: Mapping[str, Any], wanted: str = "") -> str:
    """The token a gateway can read: the one named ("access_token", "id_token"), else whichever is a JWT."""
    for name in (wanted,) if wanted else ("access_token", "id_token"):
        token = answer.get(name)
        if isinstance(token, str) and (wanted or token.count(".") == 2):
            return token
    raise click.ClickException("the issuer gave no token in the form of a JWT: ask for an audience it issues them for")
