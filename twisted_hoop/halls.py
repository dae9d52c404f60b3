"""The targets that are offered, by name: made from the settings, replaced by a reload."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import re2

from twisted_hoop.errors import UnknownTarget
from twisted_hoop.identity.scram_keys import SaltedPasswords
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.postgres.hall import Hall
from twisted_hoop.postgres.target import TargetDoor
from twisted_hoop.settings import MaskSection, Settings, TargetSection
from twisted_hoop.sql.reader import SqlReader
from twisted_hoop.transport import ReloadingContext, client_context, client_endpoint


class Halls:
    """See the module. A session whose hall was replaced is ended by the warden: its masks are not those in force."""

    def __init__(self, reactor: Any, settings: Settings, secrets: ISecretStore, key: bytes, memory: Path) -> None:
        self._reactor = reactor
        self._secrets = secrets
        self._key = key
        self._memory = memory
        self._sql = SqlReader(cache_size=1024)
        self._salted = SaltedPasswords()
        self._halls: dict[str, Hall] = {}
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """New targets and masks; what did not change keeps what is known of it."""
        self._halls = {s.name: self._hall(s, settings.masks) for s in settings.targets}

    def find(self, name: str) -> Hall:
        """The hall of that target, or raise UnknownTarget."""
        hall = self._halls.get(name)
        if hall is None:
            raise UnknownTarget(f"there is no target {name!r}")
        return hall

    def _hall(self, section: TargetSection, masks: list[MaskSection]) -> Hall:
        mine = [m for m in masks if not m.targets or any(re2.fullmatch(p, section.name) for p in m.targets)]
        known = self._halls.get(section.name)
        if known is not None and known.same(section, mine):
            return known
        endpoint = client_endpoint(self._reactor, section.endpoint)
        door = TargetDoor(self._reactor, section, endpoint, self._secrets, _context(section), self._salted)
        return Hall(self._reactor, section, door, self._sql, mine, self._key, self._memory)


def _context(section: TargetSection) -> Callable[[], ssl.SSLContext] | None:
    mode = section.tls
    if mode == "disable":
        return None
    return ReloadingContext(
        lambda: client_context(mode, section.ca, section.certificate, section.key),
        section.ca,
        section.certificate,
        section.key,
    )
