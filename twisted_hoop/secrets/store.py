"""Where target passwords come from: `env:NAME`, `file:PATH`, `vault:PATH#FIELD`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool
from zope.interface import implementer

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.secrets.files import read_secret_file
from twisted_hoop.secrets.secret import Secret, split_reference
from twisted_hoop.secrets.vault import Vault

TTL = 60.0


@implementer(ISecretStore)
class SecretStore:
    """Resolves references; what was resolved is kept for a minute, or until `forget` (a login failed with it).

    `environ` is given, never read from the process: `os.environ` for the service. `root` is where relative paths start.
    """

    def __init__(
        self,
        reactor: Any,
        environ: Mapping[str, str],
        *,
        root: Path = Path(),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reactor = reactor
        self._environ = environ
        self._root = root
        self._now = now
        self._vault = Vault(reactor, environ)
        self._known: dict[str, tuple[float, Secret]] = {}

    async def resolve(self, reference: str) -> str:
        """The secret behind a reference, or raise SecretUnavailable, which never quotes the secret."""
        known = self._known.get(reference)
        if known is not None and self._now() < known[0]:
            return known[1]
        secret = await self._read(*split_reference(reference))
        self._known[reference] = (self._now() + TTL, secret)
        return secret

    def forget(self, reference: str) -> None:
        """Read it anew next time: it may have been rotated."""
        self._known.pop(reference, None)

    async def _read(self, scheme: str, rest: str) -> Secret:
        if scheme == "env":
            return self._variable(rest)
        if scheme == "file":
            pool = self._reactor.getThreadPool()
            return await deferToThreadPool(self._reactor, pool, read_secret_file, self._root / rest)
        path, _, field = rest.partition("#")
        return await self._vault.read(path, field)

    def _variable(self, name: str) -> Secret:
        value = self._environ.get(name, "")
        if not value:
            raise SecretUnavailable(f"environment variable {name} is not set")
        return Secret(value)
