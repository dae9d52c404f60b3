"""HashiCorp Vault or OpenBao over its HTTP API: the server, and secrets of its key-value engine, version 2.

Source: the KV v2 API, `GET /v1/<mount>/data/<path>` → `data.data.<field>`. Where it is stands in `[vault]`, or else in
Vault's own environment variables: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT; for its token see `vault_tokens.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.asking import MAX_BODY, Asker, Trust, is_safe, refused
from twisted_hoop.secrets.secret import Secret, secret_of
from twisted_hoop.secrets.vault_tokens import GivenToken, IsToken, LoggedInToken
from twisted_hoop.settings import VaultSection

__all__ = ["MAX_BODY", "TIMEOUT", "Vault", "api_path", "is_safe"]

TIMEOUT = 10.0
_FORBIDDEN = 403


class Vault:
    """One Vault server. `environ` is given, never read from the process."""

    def __init__(
        self,
        reactor: Any,
        environ: Mapping[str, str],
        section: VaultSection | None = None,
        timeout: float = TIMEOUT,
        root: Path = Path(),
    ) -> None:
        self._section = section = section or VaultSection()
        self._reactor = reactor
        self._address = (section.address or environ.get("VAULT_ADDR", "")).rstrip("/")
        self._namespace = section.namespace or environ.get("VAULT_NAMESPACE", "")
        ca = str(root / section.ca) if section.ca else environ.get("VAULT_CACERT", "")
        self._asker = Asker(reactor, lambda: _trust(ca), timeout, "vault")
        self._token: IsToken = (
            GivenToken(self._in_thread, environ)
            if section.auth == "token"
            else LoggedInToken(reactor, self._in_thread, environ, section, self._post, self._knows)
        )

    async def read(self, path: str, field: str) -> Secret:
        """One field of one secret of the key-value engine, or SecretUnavailable."""
        answer = await self.call("GET", api_path(path), what=f"vault:{path}")
        data = answer.get("data")
        fields = data.get("data") if isinstance(data, dict) else None
        if not isinstance(fields, dict) or field not in fields:
            raise SecretUnavailable(f"vault:{path} has no field {field}")
        return secret_of(fields[field], f"vault:{path}#{field}")

    async def call(self, method: str, path: str, body: object = None, *, what: str) -> dict[str, Any]:
        """What `/v1/<path>` answers with our token, {} for nothing. Raises SecretUnavailable; `what` stands in it.

        A token of our own that Vault does not know any more, as after a restart, is replaced, once.
        """
        token = await self._token.get()
        status, answer = await self._send(method, path, body, token)
        if status == _FORBIDDEN and await self._token.replaced(token):
            status, answer = await self._send(method, path, body, await self._token.get())
        return _object(what, status, answer)

    async def stop(self) -> None:
        """Give back the token, if it is ours, and with it all that hangs on it."""
        await self._token.stop()

    async def _post(self, path: str, body: object, token: str) -> dict[str, Any]:
        """Of `vault_tokens.py`: with that token, or with none."""
        return _object(f"vault: {path}", *await self._send("POST", path, body, token))

    async def _knows(self, token: str) -> bool:
        """Whether a token is one that Vault knows; what it may do is another question."""
        status, _ = await self._send("GET", "auth/token/lookup-self", None, token)
        return status != _FORBIDDEN

    async def _send(self, method: str, path: str, body: object, token: str) -> tuple[int, bytes]:
        if not self._address or not is_safe(self._address):
            raise SecretUnavailable("VAULT_ADDR is not set, or neither https nor loopback")
        headers = {"X-Vault-Request": "true"}
        if token:
            headers["X-Vault-Token"] = token
        if self._namespace:
            headers["X-Vault-Namespace"] = self._namespace
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode() if body is not None else b""
        return await self._asker.ask(method, f"{self._address}/v1/{path}", headers, data)

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        return await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *arguments)


def api_path(path: str) -> str:
    """`secret/shop` → `secret/data/shop`; a path that has a `data` part already is taken as it is."""
    mount, *rest = path.split("/")
    return path if "data" in rest[:-1] else "/".join((mount, "data", *rest))


def _object(what: str, status: int, answer: bytes) -> dict[str, Any]:
    """The JSON object of an answer that is a success. What else it says is never told: it could quote a secret."""
    if status == 204:
        return {}
    if status != 200:
        raise refused(f"{what} cannot be had", status)
    try:
        found = json.loads(answer) if answer else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SecretUnavailable(f"{what}: the answer is no JSON object")
    return found


def _trust(ca: str) -> Trust:
    if not ca:
        return Trust()
    try:
        return Trust(Path(ca).read_text(encoding="ascii"))
    except (OSError, ValueError):
        raise SecretUnavailable(f"VAULT_CACERT {ca} is not a readable CA bundle") from None
