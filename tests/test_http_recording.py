"""The exchanges of a session share its recording, and its failure."""

from __future__ import annotations

import pytest

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.http.recording import ExchangeRecording
from twisted_hoop.model import Entry
from twisted_hoop.testing.fakes import FakeRecording


def test_outcomes_get_their_time() -> None:
    now = [10.0]
    fake = FakeRecording()
    recording = ExchangeRecording(fake, lambda: now[0], lambda error: None)
    one = recording.of()
    now[0] = 12.5
    one.write(Entry("command", {}))
    one.write(Entry("outcome", {"status": 200}), True)
    assert fake.entries[0].data == {} and fake.entries[1].data == {"status": 200, "seconds": 2.5}
    assert one.id == fake.id and one.barrier() is None


def test_r1_after_a_failure_nothing_is_written_by_any_exchange() -> None:
    """R1."""
    told: list[RecordingFailed] = []
    fake = FakeRecording(after=1)
    recording = ExchangeRecording(fake, lambda: 0.0, told.append)
    first, second = recording.of(), recording.of()
    first.write(Entry("command"))
    for one in (first, second, first):
        with pytest.raises(RecordingFailed):
            one.write(Entry("command"))
    assert len(told) == 1 and len(fake.entries) == 1


def test_r1_a_failure_that_comes_later_is_told_as_well() -> None:
    """R1."""
    told: list[RecordingFailed] = []
    fake = FakeRecording()
    recording = ExchangeRecording(fake, lambda: 0.0, told.append)
    fake.on_failure(RecordingFailed("late"))
    assert len(told) == 1
    with pytest.raises(RecordingFailed):
        recording.of().write(Entry("command"))
