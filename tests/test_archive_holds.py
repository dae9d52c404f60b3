"""Legal holds."""

from __future__ import annotations

import pytest

from tests.support.archive import Archive
from tests.support.loop import Loop
from tests.support.recordings import ALICE
from twisted_hoop.archive.holds import Holds, holding


@pytest.mark.parametrize(("kind", "value"), [("session", "session-0001"), ("principal", ALICE.key), ("target", "shop")])
def test_what_is_held_until_it_is_lifted(archive: Archive, loop: Loop, kind: str, value: str) -> None:
    archive.record("session-0001")
    archive.record("session-0002", target="other")
    holds = Holds(archive.office.database, archive.now)

    def held(name: str) -> bool:
        return archive.office.database.read_now(lambda connection: holding(connection, archive.kept(name)))

    assert not held("session-0001")
    made = loop.run(lambda: holds.add(kind, value, "case 1", "i|olga"))
    assert held("session-0001") and held("session-0002") == (kind == "principal")
    assert loop.run(lambda: holds.lift(made.id, "closed", "i|oscar"))
    assert not held("session-0001") and not loop.run(lambda: holds.lift(made.id, "again", "i|oscar"))
    assert loop.run(holds.all) == []
    (found,) = loop.run(lambda: holds.all(lifted=True))
    assert (found.by_key, found.reason, found.lifted_by, found.lifted_reason) == (
        "i|olga", "case 1", "i|oscar", "closed",
    )  # fmt: skip
