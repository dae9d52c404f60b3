"""Retention in a thread, asked for and by itself."""

from __future__ import annotations

import pytest

from tests.support.archive import Archive, keeps
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.archive.job import Job
from twisted_hoop.errors import LimitExceeded


def job(archive: Archive, loop: Loop, every: float = 3600.0) -> Job:
    archive.rules = [keeps("all", 1)]
    return Job(loop.reactor, archive.office.database, archive.retention(), archive.now, every)


def test_asked_for(archive: Archive, loop: Loop) -> None:
    archive.record("session-0001")
    one = job(archive, loop)

    def twice() -> str:
        found = one.begin("i|olga", dry=False)
        with pytest.raises(LimitExceeded):
            one.begin("i|olga", dry=True)
        return str(found["id"])

    ident = loop.run(twice)
    report = wait_for(lambda: (r := loop.run(lambda: one.run(ident))) and r["state"] == "done" and r, "the report")
    assert (report["deleted"], report["by"]) == (1, "i|olga")
    assert [each["id"] for each in loop.run(one.runs)] == [ident]
    loop.run(one.stop)


def test_by_itself(archive: Archive, loop: Loop) -> None:
    archive.record("session-0001")
    one = job(archive, loop, every=0.05)
    loop.run(one.start)
    wait_for(lambda: archive.kept("session-0001").state == "deleted", "the deletion")
    loop.run(one.stop)
