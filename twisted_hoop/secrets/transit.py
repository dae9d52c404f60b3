"""A key that stays in HashiCorp Vault or OpenBao: its transit engine encrypts a key of ours. Blocking, for threads.

Source: the transit secrets engine's API: `POST /v1/<mount>/encrypt/<name>` with `plaintext` (base64) answers
`data.ciphertext` (`vault:v1:…`), and `POST /v1/<mount>/decrypt/<name>` is its reverse. Which server, and how we log
in there, is said by `[vault]` and Vault's own environment variables, as for secrets (`vault.py`). It is used when a
gateway starts and when a recording is read: so each use has a log-in of its own, given back right after.
Not through the reactor: the command line reads recordings as well.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import json
import re
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from twisted_hoop.errors import ConfigurationError, SecretUnavailable
from twisted_hoop.secrets.vault import TIMEOUT, is_safe
from twisted_hoop.secrets.vault_tokens import auth_of, given_token, login_path, proof_of
from twisted_hoop.settings import VaultSection

_MOST = 1 << 16
_PLACE = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)+")


class VaultTransit:
    """The key at `place` (`<mount>/<name>`) of the Vault server that `section` or the environment names.

    `root` is where a relative path of `section` starts. ConfigurationError for what is no place.
    """

    def __init__(
        self, place: str, environ: Mapping[str, str], section: VaultSection | None = None, root: Path = Path()
    ) -> None:
        if not _PLACE.fullmatch(place):
            raise ConfigurationError([f"recording.transit_key: {place!r} is not MOUNT/NAME, such as transit/hoop"])
        self.place = place
        self._environ = environ
        self._section = section = section or VaultSection()
        self._address = (section.address or environ.get("VAULT_ADDR", "")).rstrip("/")
        self._namespace = section.namespace or environ.get("VAULT_NAMESPACE", "")
        self._ca = str(root / section.ca) if section.ca else environ.get("VAULT_CACERT", "")

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
        with self._token() as token:
            status, answer = self._post(f"{mount}/{verb}/{name}", body, token, f"{verb} with {place}")
        if status != 200:
            raise SecretUnavailable(f"Vault cannot {verb} with {place}: status {status}")
        return _member(answer, place, member)

    @contextlib.contextmanager
    def _token(self) -> Iterator[str]:
        """The one that was given to us, read at every use; or one of our own, for this use."""
        if self._section.auth == "token":
            yield given_token(self._environ)
            return
        proof = proof_of(self._section, self._environ)
        status, answer = self._post(login_path(self._section), proof, "", "let us log in")
        if status != 200:
            raise SecretUnavailable(f"Vault cannot let us log in: status {status}")
        token, _, _ = auth_of(_object(answer))
        try:
            yield token
        finally:
            with contextlib.suppress(SecretUnavailable):  # it ends by itself, unrenewed
                self._post("auth/token/revoke-self", {}, token, "take back a token")

    def _post(self, path: str, body: dict[str, str], token: str, what: str) -> tuple[int, bytes]:
        """Status and body. Never follows a redirect: the token is for this server. SecretUnavailable names `what`."""
        try:
            return self._posted(f"/v1/{path}", json.dumps(body).encode(), token)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise SecretUnavailable(f"Vault cannot {what}: {type(error).__name__}") from None

    def _posted(self, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        connection, prefix = self._connection()
        headers = {"X-Vault-Request": "true", "Content-Type": "application/json"}
        headers |= {"X-Vault-Token": token} if token else {}
        headers |= {"X-Vault-Namespace": self._namespace} if self._namespace else {}
        try:
            connection.request("POST", prefix + path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(_MOST)
        finally:
            connection.close()

    def _connection(self) -> tuple[http.client.HTTPConnection, str]:
        if not self._address or not is_safe(self._address):
            raise SecretUnavailable("VAULT_ADDR is not set, or neither https nor loopback")
        parts = urllib.parse.urlsplit(self._address)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT), parts.path
        context = ssl.create_default_context(cafile=self._ca or None)
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=context), parts.path


def transit_of(
    place: str, environ: Mapping[str, str], section: VaultSection | None = None, root: Path = Path()
) -> VaultTransit | None:
    """The key in Vault, where `section` or the environment names one."""
    named = environ.get("VAULT_ADDR") or (section is not None and section.address)
    return VaultTransit(place, environ, section, root) if named else None


def _object(answer: bytes) -> dict[str, Any]:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _member(answer: bytes, place: str, member: str) -> str:
    data = _object(answer).get("data")
    value = data.get(member) if isinstance(data, dict) else None
    if not isinstance(value, str) or not value:
        raise SecretUnavailable(f"Vault's answer for {place} has no {member}")
    return value
