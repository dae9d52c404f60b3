"""One recording for all bridges of a session: what fails for one has failed for all (R1)."""

from __future__ import annotations

import pytest

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Entry
from twisted_hoop.recording.shared import SharedRecording
from twisted_hoop.testing.fakes import FakeRecording


def test_R1_one_failure_is_everybodys_and_told_once() -> None:
    inner, told = FakeRecording("s", after=1), list[RecordingFailed]()
    recording = SharedRecording(inner, told.append)
    recording.write(Entry("a"))
    for _ in range(3):
        with pytest.raises(RecordingFailed):
            recording.write(Entry("b"))
    assert len(told) == 1 and recording.id == "s" and recording.barrier() is None


def test_R1_a_failure_that_nobody_was_writing() -> None:
    inner, told = FakeRecording("s"), list[RecordingFailed]()
    recording = SharedRecording(inner, told.append)
    inner.on_failure(RecordingFailed("late"))
    with pytest.raises(RecordingFailed):
        recording.write(Entry("a"))
    assert len(told) == 1 and inner.entries == []
