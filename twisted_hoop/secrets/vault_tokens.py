"""The token that Vault knows us by: given to us, or had by logging in and then renewed as long as Vault lets us.

Source: Vault's API of auth methods: `POST /v1/auth/<mount>/login` answers `auth.client_token`, `auth.lease_duration`
(seconds, 0: for ever) and `auth.renewable`; `POST /v1/auth/token/renew-self` and `/revoke-self` are about the token
that is shown. All that a token was given, log-ins at databases above all, ends with it: so it is renewed even when
nobody asks for anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.files import read_credential, read_secret_file, read_token_file
from twisted_hoop.secrets.kept import Flights
from twisted_hoop.secrets.secret import Secret, secret_of
from twisted_hoop.settings import VaultSection
from twisted_hoop.settings.secrets import SERVICE_ACCOUNT

AGAIN = 5.0
"""Seconds until renewing that failed is tried again, or a quarter of what is left."""
_LEAST = 1.0

InThread = Callable[..., Awaitable[Any]]
Post = Callable[[str, object, str], Awaitable[dict[str, Any]]]
"""(path, body, token or "") → the answer's object; raises SecretUnavailable."""


class IsToken(Protocol):
    """Where the token is had from."""

    async def get(self) -> Secret:
        """The token, or SecretUnavailable."""

    async def replaced(self, token: str) -> bool:
        """What was asked with this one is forbidden; whether that is the token's fault, and there is another now."""

    async def stop(self) -> None:
        """It is needed no more."""


class GivenToken:
    """VAULT_TOKEN, or the file VAULT_TOKEN_FILE, read at every use: agents renew it."""

    def __init__(self, in_thread: InThread, environ: Mapping[str, str]) -> None:
        self._in_thread, self._environ = in_thread, environ

    async def get(self) -> Secret:
        """See IsToken."""
        found: Secret = await self._in_thread(given_token, self._environ)
        return found

    async def replaced(self, token: str) -> bool:
        """See IsToken."""
        return False

    async def stop(self) -> None:
        """See IsToken: it is not ours to give back."""


class LoggedInToken:
    """A token of our own, by the method of `section`. `knows` tells whether Vault still knows a token."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        in_thread: InThread,
        environ: Mapping[str, str],
        section: VaultSection,
        post: Post,
        knows: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._reactor, self._in_thread, self._environ = reactor, in_thread, environ
        self._section, self._post, self._knows = section, post, knows
        self._token: Secret | None = None
        self._until = float("inf")
        self._timer: Any = None
        self._flights: Flights[Secret] = Flights()
        self._stopped = False

    async def get(self) -> Secret:
        """See IsToken."""
        if self._token is not None and self._reactor.seconds() < self._until:
            return self._token
        return await self._flights.join("", self._log_in)

    async def replaced(self, token: str) -> bool:
        """See IsToken. One that is still good is kept, for what Vault made for it lives as long as it is renewed."""
        if self._token == token:
            if await self._knows(token):
                return False
            if self._token == token:
                self._drop()
        return True

    async def stop(self) -> None:
        """See IsToken."""
        self._stopped = True
        token = self._token
        self._drop()
        if token is not None:
            try:
                await self._post("auth/token/revoke-self", {}, token)
            except SecretUnavailable as error:
                self.log.warn("the token could not be given back: {why}", why=str(error))

    async def _log_in(self) -> Secret:
        proof = await self._in_thread(proof_of, self._section, self._environ)
        token, life, renewable = auth_of(await self._post(login_path(self._section), proof, ""))
        if self._stopped:
            raise SecretUnavailable("the gateway stops")
        self._token = token
        self._lives(life, renewable)
        return token

    # -- its life -------------------------------------------------------------------------------------------------

    def _lives(self, seconds: float, renewable: bool) -> None:
        self._cancel()
        self._until = self._reactor.seconds() + seconds if seconds else float("inf")
        if seconds and renewable:
            self._timer = self._reactor.callLater(max(seconds * 2 / 3, _LEAST), self._renew)

    def _renew(self) -> None:
        self._timer = None
        if self._token is not None:
            Deferred.fromCoroutine(self._renewed(self._token)).addErrback(
                lambda f: self.log.failure("renewing the token failed", failure=f)
            )

    async def _renewed(self, token: Secret) -> None:
        try:
            _, life, renewable = auth_of(await self._post("auth/token/renew-self", {}, token))
        except SecretUnavailable as error:
            self.log.warn("the token could not be renewed: {why}", why=str(error))
            if self._token == token:
                self._not_renewed(error.passing)
            return
        if self._token == token:
            self._lives(life, renewable)

    def _not_renewed(self, passing: bool) -> None:
        left = self._until - self._reactor.seconds()
        if not passing or left <= _LEAST:
            self._drop()
        else:
            self._timer = self._reactor.callLater(min(AGAIN, max(left / 4, _LEAST)), self._renew)

    def _drop(self) -> None:
        """The next who asks logs in anew."""
        self._token = None
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


def login_path(section: VaultSection) -> str:
    """Where the method of `section` takes what `proof_of` gives."""
    return f"auth/{section.mount or section.auth}/login"


def proof_of(section: VaultSection, environ: Mapping[str, str]) -> dict[str, str]:
    """What we log in with by the method of `section`; SecretUnavailable when there is none. Blocks: files are read."""
    if section.auth == "approle":
        return {"role_id": section.role_id, "secret_id": _own(section.secret_id, environ)}
    if section.auth == "kubernetes":
        path = Path(section.jwt.removeprefix("file:") or f"{SERVICE_ACCOUNT}/token")
        return {"role": section.role, "jwt": str(read_token_file(path))}
    return {"role": section.role, "jwt": _own(section.jwt, environ)}


def _own(reference: str, environ: Mapping[str, str]) -> str:
    """What we prove ourselves with, which cannot come from Vault itself."""
    scheme, _, rest = reference.partition(":")
    if scheme == "env":
        return secret_of(environ.get(rest, ""), f"environment variable {rest}")
    if scheme == "systemd":
        return str(read_credential(environ, rest))
    return str(read_secret_file(Path(rest)))


def given_token(environ: Mapping[str, str]) -> Secret:
    """VAULT_TOKEN, or what the file VAULT_TOKEN_FILE says now; SecretUnavailable without either. Blocks."""
    file = environ.get("VAULT_TOKEN_FILE", "")
    if file:
        return Secret(read_secret_file(Path(file)))
    if not environ.get("VAULT_TOKEN"):
        raise SecretUnavailable("neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set")
    return Secret(environ["VAULT_TOKEN"])


def auth_of(answer: dict[str, Any]) -> tuple[Secret, float, bool]:
    """(token, seconds it lives, whether it may be renewed) of what a login or a renewal answers."""
    auth = answer.get("auth")
    found = auth if isinstance(auth, dict) else {}
    token, life = secret_of(found.get("client_token"), "vault's token"), found.get("lease_duration")
    if isinstance(life, bool) or not isinstance(life, int) or life < 0:
        raise SecretUnavailable("vault does not say how long its token lives")
    if any(not "!" <= c <= "~" for c in token):
        raise SecretUnavailable("vault's token cannot stand in a header")
    return token, float(life), found.get("renewable") is True
