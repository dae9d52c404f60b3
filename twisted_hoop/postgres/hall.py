"""One PostgreSQL target as the gateway offers it: its door, and what is known of each of its databases."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted_hoop.errors import UnknownTarget
from twisted_hoop.postgres.catalogue_source import CatalogueSource
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.target import TargetDoor
from twisted_hoop.settings import MaskSection, TargetSection
from twisted_hoop.sql.reader import SqlReader
from twisted_hoop.targets import target_of_section


class Hall:
    """See the module. `masks` are those of this target, `key` the gateway's masking key, `memory` a folder."""

    def __init__(
        self,
        reactor: Any,
        section: TargetSection,
        door: TargetDoor,
        sql: SqlReader,
        masks: Sequence[MaskSection],
        key: bytes,
        memory: Path,
    ) -> None:
        self.section = section
        self.door = door
        self.target = target_of_section(section)
        self._reactor = reactor
        self._sql = sql
        self._masks = tuple(masks)
        self._key = key
        self._memory = memory
        self._sources: dict[str, CatalogueSource] = {}

    def same(self, section: TargetSection, masks: Sequence[MaskSection]) -> bool:
        """Whether a reload leaves this target as it is."""
        return section == self.section and tuple(masks) == self._masks

    def database(self, asked: str) -> str:
        """The database a client gets; raises UnknownTarget for one that is not offered."""
        own = self.section.database or self.section.name
        if asked in ("", own):
            return own
        if asked in self.section.databases or "*" in self.section.databases:
            return asked
        raise UnknownTarget(f"database {asked} of target {self.section.name} is not offered")

    def source(self, database: str) -> CatalogueSource:
        """What is known of one database; made when it is first asked for."""
        source = self._sources.get(database)
        if source is None:
            knowledge = Knowledge(self._sql, self._masks, self._key, self.section.read_only)
            name = hashlib.sha256(f"{self.section.name}/{database}".encode()).hexdigest()[:32]
            source = CatalogueSource(self._reactor, self.door, database, knowledge, self._memory / f"{name}.json")
            self._sources[database] = source
        return source
