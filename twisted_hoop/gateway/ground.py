"""What every part of a gateway stands on: its settings, its folder, its name, its store, its secrets, its metrics."""

from __future__ import annotations

import os
import secrets as random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.recording.files import private_folder
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.settings import Settings
from twisted_hoop.store.database import Database
from twisted_hoop.store.once import Once
from twisted_hoop.store.secret_leases import SecretLeases


class Ground:
    """See the module. Makes the state folder and the masking key; the store is not opened before it is started.

    `settings` are those in force, which a reload replaces: who is given them for longer than a call is given
    `in_force`. `lost` is told of sessions whose log-in at their target is about to end, and why. `ident` names this
    process among the replicas; `number` it among the workers of its machine, from 0, and `alone` tells that it has
    none beside it.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        reactor: Any,
        environ: Mapping[str, str],
        lost: Callable[[str, str], None],
        number: int | None = None,
    ) -> None:
        self.path, self.settings, self.reactor, self.environ = path, settings, reactor, environ
        self.alone, self.number = number is None, number or 0
        self.ident, self.started = random.token_hex(8), time.time()
        self.state = private_folder(Path(settings.gateway.state))
        self.masking_key = masking_key(self.state)
        self.metrics = Metrics()
        self.database = Database(settings.store.url or f"sqlite:///{self.state / 'store.db'}", reactor)
        self.once = Once(self.database, time.time)
        self.secrets = self._secrets(lost)

    def in_force(self) -> Settings:
        """The settings now."""
        return self.settings

    def replace(self, settings: Settings) -> None:
        """Others are in force; `[vault]` needs a restart."""
        self.secrets.replace(settings.secrets)
        self.settings = settings

    def _secrets(self, lost: Callable[[str, str], None]) -> SecretStore:
        settings = self.settings
        store = SecretStore(
            self.reactor,
            self.environ,
            root=self.path.parent,
            secrets=settings.secrets,
            vault=settings.vault,
            book=SecretLeases(self.database, time.time, self.ident),
            lost=lost,
        )
        watch, leases = self.metrics.watch, store.leases
        watch("hoop_secret_leases", "Log-ins that Vault made, held now.", lambda: len(leases))
        watch("hoop_secret_leases_unrevoked", "Those left to end by themselves.", lambda: leases.unrevoked)
        return store


def masking_key(state: Path) -> bytes:
    """The key that makes hashes join-preserving; made once, mode 0600, whole before it has its name."""
    path = state / "masking.key"
    if not path.exists():
        made = state / f"masking.key.{os.getpid()}"
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(random.token_bytes(32))
        try:
            os.link(made, path)  # fails when another process was first: its key is the one
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()
