"""Secrets in HashiCorp Vault or OpenBao, key-value engine version 2, over its HTTP API.

Source: the KV v2 API, `GET /v1/<mount>/data/<path>` → `data.data.<field>`. Settings are Vault's own environment
variables: VAULT_ADDR, VAULT_TOKEN or VAULT_TOKEN_FILE, VAULT_NAMESPACE, VAULT_CACERT.
"""

from __future__ import annotations

import ipaddress
import json
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from treq.client import HTTPClient
from treq.content import collect
from twisted.internet.defer import Deferred
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.internet.threads import deferToThreadPool
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS
from twisted.web.http_headers import Headers

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.files import read_secret_file
from twisted_hoop.secrets.secret import Secret

TIMEOUT = 10.0
MAX_BODY = 1024 * 1024
_END = "-----END CERTIFICATE-----"


class Vault:
    """One Vault server, as the environment names it."""

    def __init__(self, reactor: Any, environ: Mapping[str, str]) -> None:
        self._reactor = reactor
        self._environ = environ
        self._address = environ.get("VAULT_ADDR", "").rstrip("/")
        self._client: HTTPClient | None = None

    async def read(self, path: str, field: str) -> Secret:
        """One field of one secret, or SecretUnavailable."""
        if not self._address or not is_safe(self._address):
            raise SecretUnavailable("VAULT_ADDR is not set, or neither https nor loopback")
        whole = Deferred.fromCoroutine(self._fetch(path))
        whole.addTimeout(TIMEOUT, self._reactor)
        try:
            body = await whole
        except SecretUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  whatever a broken server causes; the text could quote the answer
            raise SecretUnavailable(f"vault:{path} cannot be read: {type(error).__name__}") from None
        return _field(body, path, field)

    async def _fetch(self, path: str) -> bytes:
        headers = Headers({"X-Vault-Token": [await self._token()], "X-Vault-Request": ["true"]})
        if self._environ.get("VAULT_NAMESPACE"):
            headers.addRawHeader("X-Vault-Namespace", self._environ["VAULT_NAMESPACE"])
        url = f"{self._address}/v1/{api_path(path)}"
        response = await self._http().get(url, headers=headers, allow_redirects=False, unbuffered=True)
        body = bytearray()

        def take(data: bytes) -> None:
            body.extend(data)
            if len(body) > MAX_BODY:
                raise SecretUnavailable(f"vault:{path} is too large")

        await collect(response, take)
        if response.code != 200:
            raise SecretUnavailable(f"vault:{path} cannot be read: status {response.code}")
        return bytes(body)

    async def _token(self) -> str:
        """Read at every use: agents renew the file."""
        file = self._environ.get("VAULT_TOKEN_FILE", "")
        if file:
            pool = self._reactor.getThreadPool()
            return await deferToThreadPool(self._reactor, pool, read_secret_file, Path(file))
        if not self._environ.get("VAULT_TOKEN"):
            raise SecretUnavailable("neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set")
        return Secret(self._environ["VAULT_TOKEN"])

    def _http(self) -> HTTPClient:
        if self._client is None:
            policy = _policy(self._environ.get("VAULT_CACERT", ""))
            self._client = HTTPClient(Agent(self._reactor, policy, connectTimeout=TIMEOUT))
        return self._client


def api_path(path: str) -> str:
    """`secret/shop` → `secret/data/shop`; a path that has a `data` part already is taken as it is."""
    mount, *rest = path.split("/")
    return path if "data" in rest[:-1] else "/".join((mount, "data", *rest))


def _field(body: bytes, path: str, field: str) -> Secret:
    try:
        value = json.loads(body)["data"]["data"][field]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SecretUnavailable(f"vault:{path} has no field {field}") from None
    if not isinstance(value, str) or not value:
        raise SecretUnavailable(f"vault:{path}#{field} is no text")
    return Secret(value)


def _policy(ca: str) -> BrowserLikePolicyForHTTPS:
    if not ca:
        return BrowserLikePolicyForHTTPS()
    try:
        blocks = Path(ca).read_text(encoding="ascii").split(_END)[:-1]
        roots = [Certificate.loadPEM((block + _END).encode("ascii")) for block in blocks]
    except Exception:  # noqa: BLE001  OpenSSL's own error types are many
        raise SecretUnavailable(f"VAULT_CACERT {ca} is not a readable CA bundle") from None
    return BrowserLikePolicyForHTTPS(trustRootFromCertificates(roots))


def is_safe(address: str) -> bool:
    """https, or http to this machine's loopback: a token is sent there."""
    try:
        parts = urllib.parse.urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and loopback))
