"""All that is done behind the recorder, started and stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import succeed

from tests.support.approvals import Office
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.recordings import command, recorded, recorder
from twisted_hoop.archive.keeper import Keeper
from twisted_hoop.settings import Settings


def test_what_was_recorded_is_found(office: Office, loop: Loop, tmp_path: Path) -> None:
    keeper = Keeper(loop.reactor, office.database, recorder(tmp_path), Settings, office.time, "replica-1", succeed)
    recorded(tmp_path, command("select 1"))
    told: dict[str, Any] = {}
    keeper.watched(lambda name, text, read: told.update({name: read}))
    loop.run(keeper.start)
    loop.run(lambda: keeper.opened("session-0001"))
    loop.run(lambda: keeper.closed("session-0001"))
    page = wait_for(lambda: loop.run(lambda: keeper.index.search("select", 10)).items, "the command")
    assert page[0].session == "session-0001"
    wait_for(lambda: told["hoop_index_waiting"]() == 0, "nothing to wait")
    assert told["hoop_storage_failing"]() == 0 and told["hoop_recordings_stored"]() == 0
    loop.run(keeper.stop)
