"""A development OpenID provider: hands out tokens for the people of the demo to whoever asks. NEVER for production.

Speaks discovery, JWKS, the authorization code flow with PKCE for browsers (see codes.py), the device flow (RFC 8628)
that psql 18 knows, token exchange (RFC 8693) for delegation, and the password and client-credentials grants. It listens
on loopback unless told otherwise.
"""

from __future__ import annotations

import html
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from twisted_hoop.demo.codes import CodeError, Codes
from twisted_hoop.demo.keyring import AUDIENCE, PEOPLE, KeyRing, algorithm_of, mint, mint_with, open_keyring

__all__ = ["DevelopmentIssuer", "mint", "start_issuer"]

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
CODE_GRANT = "authorization_code"
GRANTS = ("password", "client_credentials", CODE_GRANT, DEVICE_GRANT, EXCHANGE_GRANT)
DEVICE_LIFETIME = 600

Form = Mapping[str, str]
Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a browser is sent next."""

    url: str


class OAuthError(Exception):
    """An error answer of the token endpoint (RFC 6749 section 5.2)."""


@dataclass
class DeviceRequest:
    """A device that waits for somebody to say who they are."""

    user_code: str
    ends: float
    who: str = ""


class DevelopmentIssuer:
    """The provider without its web server. `approve_as` answers every device request at once in that name."""

    def __init__(
        self, ring: KeyRing, *, approve_as: str = "", lifetime: float = 3600.0, now: Callable[[], float] = time.time
    ) -> None:
        self.ring = ring
        self.approve_as = approve_as
        self._lifetime = lifetime
        self._now = now
        self._devices: dict[str, DeviceRequest] = {}
        self.codes = Codes(now)

    def configuration(self) -> dict[str, Any]:
        """The discovery document (OpenID Connect Discovery 1.0 section 3, RFC 8628 section 4)."""
        base = self.ring.issuer
        return {
            "issuer": base,
            "jwks_uri": f"{base}/jwks",
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "device_authorization_endpoint": f"{base}/device",
            "grant_types_supported": list(GRANTS),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({algorithm_of(key) for key in self.ring.keys.values()}),
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        }

    def device(self) -> dict[str, Any]:
        """Start a device flow (RFC 8628 section 3.2)."""
        now = self._now()
        self._devices = {code: device for code, device in self._devices.items() if device.ends > now}
        code, user_code = secrets.token_urlsafe(24), secrets.token_hex(4).upper()
        self._devices[code] = DeviceRequest(user_code, now + DEVICE_LIFETIME, self.approve_as)
        page = f"{self.ring.issuer}/activate"
        return {
            "device_code": code,
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={user_code}",
            "expires_in": DEVICE_LIFETIME,
            "interval": 1,
        }

    def activate(self, user_code: str, who: str) -> bool:
        """Answer a waiting device; False when there is none, or nobody of that name."""
        waiting = [device for device in self._devices.values() if device.user_code == user_code and not device.who]
        if not waiting or who not in PEOPLE:
            return False
        waiting[0].who = who
        return True

    def token(self, form: Form) -> dict[str, Any]:
        """The token endpoint's answer, or OAuthError."""
        grant = form.get("grant_type", "")
        actor = form.get("actor") or None
        if grant == "password":
            return self._answer(form.get("username", ""), actor)
        if grant == "client_credentials":
            return self._answer(form.get("client_id", ""), actor)
        if grant == CODE_GRANT:
            return self._of_code(form)
        if grant == DEVICE_GRANT:
            return self._answer(self._device_owner(form.get("device_code", "")), None)
        if grant == EXCHANGE_GRANT:
            return self._answer(self._own(form, "subject_token"), self._own(form, "actor_token"))
        raise OAuthError("unsupported_grant_type")

    def _answer(self, who: str, actor: str | None) -> dict[str, Any]:
        if who not in PEOPLE or (actor is not None and not all(name in PEOPLE for name in actor.split(","))):
            raise OAuthError("invalid_grant")
        token = mint_with(self.ring, who, actor, self._lifetime)
        return {"access_token": token, "token_type": "Bearer", "expires_in": int(self._lifetime), "scope": "openid"}

    def _of_code(self, form: Form) -> dict[str, Any]:
        try:
            given = self.codes.take(form)
        except CodeError as error:
            raise OAuthError("invalid_grant") from error
        answer = self._answer(given.who, None)
        extra = {"nonce": given.nonce or None, "aud": given.client_id}
        return {**answer, "id_token": mint_with(self.ring, given.who, None, self._lifetime, **extra)}

    def _device_owner(self, code: str) -> str:
        device = self._devices.get(code)
        if device is None or device.ends <= self._now():
            raise OAuthError("expired_token")
        if not device.who:
            raise OAuthError("authorization_pending")
        return self._devices.pop(code).who

    def _own(self, form: Form, name: str) -> str:
        """The subject of one of our own tokens."""
        try:
            kid = jwt.get_unverified_header(form.get(name, ""))["kid"]
            key = self.ring.keys[kid]
            claims = jwt.decode(form[name], key.public_key(), [algorithm_of(key)], audience=AUDIENCE)
        except (jwt.InvalidTokenError, KeyError):
            raise OAuthError("invalid_grant") from None
        return str(claims["sub"])


class _Endpoint(Resource):
    """One path: the given function answers it."""

    isLeaf = True

    def __init__(self, methods: str, answer: Callable[[Form], Answer | str | Elsewhere]) -> None:
        Resource.__init__(self)
        self.allowedMethods = tuple(method.encode("ascii") for method in methods.split())
        self._answer = answer

    def render(self, request: Request) -> bytes:
        if request.method not in (*self.allowedMethods, b"HEAD"):
            request.setResponseCode(405)
            return b""
        answer = self._answer(_form(request))
        if isinstance(answer, Elsewhere):
            request.redirect(answer.url.encode("ascii"))
            return b""
        if isinstance(answer, str):
            request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
            return answer.encode("utf-8")
        request.setResponseCode(answer[0])
        request.setHeader(b"Content-Type", b"application/json")
        request.setHeader(b"Cache-Control", b"no-store")
        return json.dumps(answer[1]).encode("ascii")


def make_site(issuer: DevelopmentIssuer) -> Site:
    """The web server's root."""

    def token(form: Form) -> Answer:
        try:
            return 200, issuer.token(form)
        except OAuthError as error:
            return 400, {"error": str(error)}

    def activate(form: Form) -> str:
        done = "who" in form and issuer.activate(form.get("user_code", ""), form["who"])
        return "<p>Done. You may close this page." if done else _page(form.get("user_code", ""))

    def authorize(form: Form) -> Answer | str | Elsewhere:
        try:
            asked = issuer.codes.asked(form)
        except CodeError as error:
            return 400, {"error": "invalid_request", "error_description": str(error)}
        if form.get("who") not in PEOPLE:
            return _people(form)
        return Elsewhere(issuer.codes.give(asked, form["who"]))

    root, well_known = Resource(), Resource()
    root.putChild(b".well-known", well_known)
    well_known.putChild(b"openid-configuration", _Endpoint("GET", lambda _: (200, issuer.configuration())))
    root.putChild(b"jwks", _Endpoint("GET", lambda _: (200, dict(issuer.ring.jwks()))))
    root.putChild(b"authorize", _Endpoint("GET POST", authorize))
    root.putChild(b"token", _Endpoint("POST", token))
    root.putChild(b"device", _Endpoint("POST", lambda _: (200, issuer.device())))
    root.putChild(b"activate", _Endpoint("GET POST", activate))
    return Site(root)


async def start_issuer(
    reactor: Any,
    folder: Path | str,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    tls: tuple[Path, Path] | None = None,
    approve_as: str = "",
    lifetime: float = 3600.0,
) -> tuple[DevelopmentIssuer, IListeningPort]:
    """Serve the folder's key ring; `port` 0 takes a free one. `tls` is (certificate, key), as psql's OAuth needs it.

    The issuer's URL is `issuer.ring.issuer`; it is remembered in the folder, so that `mint` signs for it.
    """
    ring = open_keyring(folder)
    issuer = DevelopmentIssuer(ring, approve_as=approve_as, lifetime=lifetime)
    kind = f"ssl:{port}:certKey={_quoted(tls[0])}:privateKey={_quoted(tls[1])}" if tls else f"tcp:{port}"
    listening = await serverFromString(reactor, f"{kind}:interface={host}").listen(make_site(issuer))
    address: Any = listening.getHost()
    name = "localhost" if tls else host
    ring.issuer = open_keyring(folder, f"{'https' if tls else 'http'}://{name}:{address.port}").issuer
    return issuer, listening


def _quoted(path: Path) -> str:
    return str(quoteStringArgument(str(path)))


def _form(request: Request) -> dict[str, str]:
    arguments: Mapping[bytes, list[bytes]] = request.args or {}
    form = {name.decode("utf-8", "replace"): values[0].decode("utf-8", "replace") for name, values in arguments.items()}
    user = request.getUser()
    return {"client_id": user.decode("utf-8", "replace"), **form} if user else form


_STYLE = (
    "<style>body{font:16px system-ui;max-width:28rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}"
    "button{font:inherit;padding:.5em 1em;margin:.2em}input{font:inherit}</style>"
)


def _page(user_code: str) -> str:
    code = html.escape(user_code, quote=True)
    field = f'<input name="user_code" value="{code}" aria-label="Code shown by the device">'
    return _asking(f"<p>Code: {field}")


def _people(form: Form) -> str:
    """Everything that was asked goes along with the answer."""
    kept = (f'<input type="hidden" name="{html.escape(n)}" value="{html.escape(v)}">' for n, v in form.items())
    return _asking("".join(kept))


def _asking(fields: str) -> str:
    buttons = " ".join(f'<button name="who" value="{name}">{name}</button>' for name in PEOPLE)
    words = "<h1>Who are you?</h1><p>A development issuer: it believes everybody."
    return f'<!doctype html><title>Who are you?</title>{_STYLE}<form method="post">{words}{fields}<p>{buttons}</form>'
