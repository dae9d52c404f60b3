"""A key that stays in HashiCorp Vault or OpenBao: its transit engine encrypts a key of ours. Blocking, for threads.

Source: the transit secrets engine's API: `POST /v1/<mount>/encrypt/<name>` with `plaintext` (base64) answers
`data.ciphertext` (`vault:v1:…`), and `POST /v1/<mount>/decrypt/<name>` is its reverse. Settings are Vault's own
environment variables, as for secrets (`vault.py`). Not through the reactor: the command line reads recordings as well.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import re
import ssl
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

from twisted_hoop.errors import ConfigurationError, SecretUnavailable
from twisted_hoop.secrets.files import read_secret_file
from twisted_hoop.secrets.vault import TIMEOUT, is_safe

_MOST = 1 << 16
_PLACE = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)+")


class VaultTransit:
    """The key at `place` (`<mount>/<name>`) of the Vault server the environment names."""

    def __init__(self, place: str, environ: Mapping[str, str]) -> None:
        if not _PLACE.fullmatch(place):
            raise ConfigurationError([f"recording.transit_key: {place!r} is not MOUNT/NAME, such as transit/hoop"])
        self.place = place
        self._environ = environ

    def encrypt(self, key: bytes) -> str:
        """What Vault makes of some bytes, or SecretUnavailable."""
        return self._ask("encrypt", self.place, {"plaintext": base64.b64encode(key).decode()}, "ciphertext")

    def decrypt(self, sealed: str, place: str) -> bytes:
        """The bytes again, or SecretUnavailable; `place` is the key they were encrypted with."""
        if not _PLACE.fullmatch(place):
            raise SecretUnavailable("the name of the key in Vault is none")
        found = self._ask("decrypt", place, {"ciphertext": sealed}, "plaintext")
        try:
            return base64.b64decode(found, validate=True)
        except (ValueError, binascii.Error):
            raise SecretUnavailable(f"Vault's answer for {place} is not base64") from None

    def _ask(self, verb: str, place: str, body: dict[str, str], member: str) -> str:
        mount, _, name = place.rpartition("/")
        try:
            status, answer = self._post(f"/v1/{mount}/{verb}/{name}", json.dumps(body).encode())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise SecretUnavailable(f"Vault cannot {verb} with {place}: {type(error).__name__}") from None
        if status != 200:
            raise SecretUnavailable(f"Vault cannot {verb} with {place}: status {status}")
        return _member(answer, place, member)

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Never follows a redirect: the token is for this server."""
        connection, prefix = self._connection()
        headers = {"X-Vault-Token": self._token(), "X-Vault-Request": "true", "Content-Type": "application/json"}
        if self._environ.get("VAULT_NAMESPACE"):
            headers["X-Vault-Namespace"] = self._environ["VAULT_NAMESPACE"]
        try:
            connection.request("POST", prefix + path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(_MOST)
        finally:
            connection.close()

    def _connection(self) -> tuple[http.client.HTTPConnection, str]:
        address = self._environ.get("VAULT_ADDR", "").rstrip("/")
        if not address or not is_safe(address):
            raise SecretUnavailable("VAULT_ADDR is not set, or neither https nor loopback")
        parts = urllib.parse.urlsplit(address)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT), parts.path
        context = ssl.create_default_context(cafile=self._environ.get("VAULT_CACERT") or None)
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=context), parts.path

    def _token(self) -> str:
        """Read at every use: agents renew the file."""
        file = self._environ.get("VAULT_TOKEN_FILE", "")
        if file:
            return read_secret_file(Path(file))
        if not self._environ.get("VAULT_TOKEN"):
            raise SecretUnavailable("neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set")
        return self._environ["VAULT_TOKEN"]


def transit_of(place: str, environ: Mapping[str, str]) -> VaultTransit | None:
    """The key in Vault, where the environment names one."""
    return VaultTransit(place, environ) if environ.get("VAULT_ADDR") else None


def _member(answer: bytes, place: str, member: str) -> str:
    try:
        value = json.loads(answer)["data"][member]
    except (ValueError, KeyError, TypeError, RecursionError):
        value = None
    if not isinstance(value, str) or not value:
        raise SecretUnavailable(f"Vault's answer for {place} has no {member}")
    return value
