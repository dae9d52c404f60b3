"""Logging in by device code (RFC 8628): a link and a code for a person, a token for us once they agreed.

The token then goes through the one door like every other (I8): this module proves nobody.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred

from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable, SecretUnavailable
from twisted_hoop.identity.fetch import Fetcher, is_safe
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.settings import IssuerSection

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LONGEST = 300.0
"""Seconds a login may take, whatever the issuer allows: a connection waits for it."""
_INTERVAL = 5.0
_SLOWER = 5.0
_MAX_TEXT = 500
_KNOWN = 300.0


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the issuer gave: the link and code to show, and how long and how often to ask. Seconds."""

    code: str = field(repr=False)
    user_code: str
    link: str
    complete_link: str
    seconds: float
    interval: float


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an issuer gives codes and tokens, and whether the client's secret goes into the form."""

    codes: str
    tokens: str
    secret_in_form: bool


class DeviceFlow:
    """The client of one issuer. `secrets` resolves the client's secret, if it has one."""

    def __init__(
        self, section: IssuerSection, reactor: Any, secrets: ISecretStore, fetcher: Fetcher | None = None
    ) -> None:
        self._section = section
        self._reactor = reactor
        self._secrets = secrets
        self._fetcher = fetcher if fetcher is not None else Fetcher(reactor, section.ca)
        self._known: tuple[float, _Place] | None = None

    async def start(self) -> DeviceCode:
        """A fresh code (section 3.1 and 3.2), or IssuerUnavailable."""
        place = await self._place()
        form = {"scope": self._section.scope}
        status, answer = await self._post(place.codes, form, place)
        if status != 200:
            raise IssuerUnavailable(f"issuer {self._section.name} gives no device code: {_error(answer) or status}")
        try:
            return _code(answer, self._section.issuer)
        except ValueError as error:
            raise IssuerUnavailable(f"issuer {self._section.name}: {error}") from None

    async def tokens(self, code: DeviceCode) -> tuple[str, ...]:
        """Wait for the person. The JWTs that were given, access token first; AuthenticationFailed when there are none.

        Asks every `interval` seconds, slower when told so or when the issuer does not answer (section 3.5).
        """
        place = await self._place()
        deadline, interval = self._reactor.seconds() + code.seconds, code.interval
        form = {"grant_type": GRANT, "device_code": code.code}
        while True:
            await _pause(self._reactor, interval)
            if self._reactor.seconds() >= deadline:
                raise AuthenticationFailed("nobody confirmed the device code in time")
            try:
                status, answer = await self._post(place.tokens, form, place)
            except IssuerUnavailable:
                interval += _SLOWER
                continue
            if status == 200:
                return _jwts(answer)
            error = _error(answer)
            if error == "slow_down":
                interval += _SLOWER
            elif error != "authorization_pending":
                raise AuthenticationFailed(f"the device code came to nothing: {error or status}")

    async def _place(self) -> _Place:
        """From the discovery document, which must be this very issuer's (RFC 8414, section 3.3); known for a while."""
        now = self._reactor.seconds()
        if self._known is None or now >= self._known[0]:
            self._known = (now + _KNOWN, await self._discovered())
        return self._known[1]

    async def _discovered(self) -> _Place:
        issuer = self._section.issuer
        url = issuer.rstrip("/") + "/.well-known/openid-configuration"
        document = _object(await self._fetcher.get(url))
        if document.get("issuer") != issuer:
            raise IssuerUnavailable(f"{url} speaks for another issuer (I3)")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return _Place(
            _endpoint(document, "device_authorization_endpoint", issuer),
            _endpoint(document, "token_endpoint", issuer),
            isinstance(methods, list) and "client_secret_basic" not in methods,
        )

    async def _post(self, url: str, form: Mapping[str, str], place: _Place) -> tuple[int, dict[str, Any]]:
        section = self._section
        secret = await self._secret()
        whole, authorization = {"client_id": section.client_id, **form}, ""
        if secret and place.secret_in_form:
            whole["client_secret"] = secret
        elif secret:
            authorization = _basic(section.client_id, secret)
        status, body = await self._fetcher.post(url, whole, authorization)
        if status >= 500:
            raise IssuerUnavailable(f"{url} answers with status {status}")
        return status, _object(body) if status == 200 else _object_or_none(body)

    async def _secret(self) -> str:
        reference = self._section.client_secret
        try:
            return await self._secrets.resolve(reference) if reference else ""
        except SecretUnavailable as error:
            raise IssuerUnavailable(f"the client's secret at issuer {self._section.name}: {error}") from None


def _basic(name: str, secret: str) -> str:
    """RFC 6749, section 2.3.1: both parts are encoded as in forms."""
    pair = f"{urllib.parse.quote_plus(name)}:{urllib.parse.quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise IssuerUnavailable("the issuer's answer is no JSON object")
    return value


def _object_or_none(body: bytes) -> dict[str, Any]:
    try:
        return _object(body)
    except IssuerUnavailable:
        return {}


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str:
    found = document.get(name)
    if not isinstance(found, str) or not is_safe(found) or (issuer.startswith("https:") and found[:6] != "https:"):
        raise IssuerUnavailable(f"the issuer's discovery names no usable {name}")
    return found


def _code(answer: Mapping[str, Any], issuer: str) -> DeviceCode:
    """RFC 8628, section 3.2. ValueError for what cannot be shown at a terminal, or leads to a script."""
    link = _text(answer, "verification_uri")
    complete = _text(answer, "verification_uri_complete") if answer.get("verification_uri_complete") else ""
    for each in filter(None, (link, complete)):
        if not is_safe(each) or (issuer.startswith("https:") and not each.startswith("https:")):
            raise ValueError("the verification link is neither https nor loopback")
    seconds = _number(answer, "expires_in", LONGEST)
    interval = _number(answer, "interval", _INTERVAL)
    return DeviceCode(
        _text(answer, "device_code", _MAX_TEXT * 8),
        _text(answer, "user_code"),
        link,
        complete,
        min(seconds, LONGEST),
        max(interval, 1.0),
    )


def _text(answer: Mapping[str, Any], name: str, longest: int = _MAX_TEXT) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not (value.isascii() and value.isprintable()):
        raise ValueError(f"{name} is missing, too long, or not plain text")
    return value


def _number(answer: Mapping[str, Any], name: str, default: float) -> float:
    value = answer.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e6:
        raise ValueError(f"{name} is no number of seconds")
    return float(value)


def _error(answer: Mapping[str, Any]) -> str:
    found = answer.get("error")
    return "".join(c for c in found[:100] if c.isprintable()) if isinstance(found, str) else ""


def _jwts(answer: Mapping[str, Any]) -> tuple[str, ...]:
    given = (answer.get("access_token"), answer.get("id_token"))
    found = tuple(token for token in given if isinstance(token, str) and token.count(".") == 2)
    if not found:
        raise AuthenticationFailed("the issuer gave no JWT for the device code")
    return found


def _pause(reactor: Any, seconds: float) -> Deferred[None]:
    """A wait that ends its timer when it is cancelled."""
    timer: list[Any] = []
    waited: Deferred[None] = Deferred(lambda _: timer[0].cancel())
    timer.append(reactor.callLater(seconds, waited.callback, None))
    return waited
