"""What is kept of sessions."""

from __future__ import annotations

from pathlib import Path

from tests.support.composed import ground_of, started_ground
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.gateway.records import Records
from twisted_hoop.model import Outcome
from twisted_hoop.testing import make_session
from twisted_hoop.tracing.recorder import TracedRecorder

TRACING = '[tracing]\nurl = "http://127.0.0.1:9/v1/traces"\n'


def test_without_a_collector_sessions_are_given_the_recorder_itself(loop: Loop, tmp_path: Path) -> None:
    ground = ground_of(loop, tmp_path)
    records = loop.run(lambda: Records(ground))
    traced: object = records.traced
    assert traced is records.recorder
    told = ground.metrics.render()
    assert b"hoop_sessions_unwritten 0.0" in told and b"hoop_index_waiting 0.0" in told


def test_with_one_they_are_given_one_that_makes_spans_as_well(loop: Loop, tmp_path: Path) -> None:
    ground = ground_of(loop, tmp_path, TRACING)
    records = loop.run(lambda: Records(ground))
    assert isinstance(records.traced, TracedRecorder)
    assert b"hoop_spans_dropped 0.0" in ground.metrics.render()


def test_a_session_is_recorded_below_the_state_and_listed(loop: Loop, tmp_path: Path) -> None:
    session = make_session()
    with started_ground(loop, tmp_path) as ground:
        records = loop.run(lambda: Records(ground))
        recording = loop.run(lambda: records.traced.open(session, "v1"))
        loop.run(lambda: records.index.opened(session))
        loop.run(lambda: recording.close(Outcome("closed")))
        loop.run(records.recorder.idle)
        wait_for(lambda: loop.run(lambda: records.index.get(session.id)), "the row of the session")
        loop.run(records.index.settle)
    assert ground.state in records.recorder.folder.parents
    assert [entry["kind"] for entry in records.keeper.shelves.read(session.id)][:1] == ["open"]
