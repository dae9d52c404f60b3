"""Parts for tests of the archive: an indexed recording, and retention over a folder of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.approvals import Office
from tests.support.recordings import ALICE, STARTED, command, now, recorder
from twisted_hoop.archive import catalogue
from twisted_hoop.archive.catalogue import Kept
from twisted_hoop.archive.indexer import read_on
from twisted_hoop.archive.keeping import compiled
from twisted_hoop.archive.removal import Copies, Remover
from twisted_hoop.archive.retention import Report, Retention, new_report
from twisted_hoop.archive.spool import Spool, place_of
from twisted_hoop.model import Outcome, Peer, Session, Target
from twisted_hoop.recording.library import Library
from twisted_hoop.settings import RetentionSection

DAY = 86_400.0


def session_at(name: str, target: str = "shop", started: float = STARTED, **attributes: str) -> Session:
    """Alice's session with a target."""
    place = Target(target, "postgres", "tcp:db.internal:5432")
    return Session(name, ALICE, place, Peer("192.0.2.7", 40001, True), started, attributes)


@dataclass
class Archive:
    """A folder of recordings, the store that knows them, and a clock that stands."""

    office: Office
    state: Path
    rules: list[RetentionSection] = field(default_factory=list)
    seconds: float = STARTED + 100 * DAY

    @property
    def folder(self) -> Path:
        """Where the recordings are."""
        return self.state / "recordings"

    @property
    def library(self) -> Library:
        """What reads them."""
        return Library(self.folder)

    def now(self) -> float:
        """POSIX seconds."""
        return self.seconds

    def record(self, name: str, *texts: str, target: str = "shop", started: float = STARTED, **attributes: str) -> Path:
        """A closed recording that search knows; its file."""
        place = recorder(self.state)
        recording = place.open(session_at(name, target, started, **attributes))
        for text in texts or ("select 1",):
            recording.write(command(text))
        now(recording.close(Outcome("closed")))
        assert read_on(self.office.database, self.library, name)
        return place.folder / recording.path

    def kept(self, name: str) -> Kept:
        """What the store knows of it."""
        found = self.office.database.read_now(lambda connection: catalogue.get(connection, name))
        assert found is not None
        return found

    def remover(self, copies: Copies | None = None) -> Remover:
        """What deletes."""
        return Remover(self.office.database, self.folder, recorder(self.state).ledger, self.now, copies)

    def retention(self, owner: str = "replica-1", copies: Copies | None = None) -> Retention:
        """The job, as one replica runs it."""
        return Retention(self.office.database, self.remover(copies), lambda: compiled(self.rules), self.now, owner)

    def run(self, dry: bool = False, **more: Any) -> Report:
        """One run of it."""
        return self.retention(**more).run(new_report("i|olga", dry, self.now()))

    def spool(self, most: int = 0, owner: str = "replica-1") -> Spool:
        """What stores and evicts; `most` in MiB."""
        folder, ledger = self.folder, recorder(self.state).ledger
        return Spool(self.office.database, folder, ledger, self.now, owner, place_of(folder), most)


def keeps(name: str, days: float, **more: Sequence[str]) -> RetentionSection:
    """A rule."""
    return RetentionSection.model_validate({"name": name, "keep": days * DAY, **more})
