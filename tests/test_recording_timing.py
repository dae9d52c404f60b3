"""How long commands took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from tests.support.recordings import recorder, session
from twisted_hoop.model import Entry
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.timing import MOST, Timing


def command(**more: Any) -> Entry:
    return Entry("command", {"text": "select 1", **more})


def test_entries_of_no_numbered_command_are_left_alone() -> None:
    timing = Timing()
    timing.began(command(), 0)
    assert timing.took(Entry("outcome", {"tag": "x"}), 1_000_000) == -1


def seconds(timing: Timing, now: float, **more: Any) -> object:
    took = timing.took(Entry("outcome", {**more}), int(now * 1_000_000))
    return None if took < 0 else took / 1_000_000


def test_an_outcome_has_the_time_since_its_command() -> None:
    timing = Timing()
    for number, at in ((1, 1.0), (2, 1.5)):
        timing.began(command(command=number), int(at * 1_000_000))
    assert seconds(timing, 2.25, command=1) == 1.25
    assert seconds(timing, 3.0, command=2) == 1.5
    assert seconds(timing, 3.5, command=2) == 2.0  # a second statement of the same text
    assert seconds(timing, 4.0, command=3) is None


def test_channels_and_operations_are_commands_of_their_own() -> None:
    timing = Timing()
    timing.began(command(channel=0, command=1), 0)
    timing.began(command(channel=1, command=1), 1_000_000)
    timing.began(command(channel=1, command=1, operation=1), 2_000_000)
    assert seconds(timing, 4.0, channel=1, command=1, operation=1) == 2.0
    assert seconds(timing, 4.0, channel=0, command=1) == 4.0
    assert seconds(timing, 4.0, channel=1, command=1) == 3.0


def test_a_time_that_is_known_is_kept_and_a_clock_put_back_gives_none_below_zero() -> None:
    timing = Timing()
    timing.began(command(command=1), 5_000_000)
    assert seconds(timing, 6.0, command=1, seconds=0.25) is None  # it says so itself
    assert seconds(timing, 4.0, command=1) == 0.0


def test_commands_without_an_outcome_take_no_memory_without_bound() -> None:
    timing = Timing()
    for number in range(10 * MOST):
        timing.began(command(command=number), 0)
    assert len(timing._began) == MOST
    assert seconds(timing, 1.0, command=10 * MOST - 1) == 1.0
    assert seconds(timing, 2.0, command=10 * MOST - 2) == 2.0
    assert seconds(timing, 3.0, command=10 * MOST - 1) is None  # it had its outcome, and others came in between
    assert seconds(timing, 1.0, command=0) is None


def test_it_stands_in_the_recording(tmp_path: Path) -> None:
    clock = Clock()
    recording = recorder(tmp_path, clock).open(session())
    recording.write(command(command=1))
    for number, lazy in enumerate((True, False), 1):
        clock.advance(0.125)
        recording.write(Entry("outcome", {"command": 1, "tag": f"SELECT {number}"}), lazy)
    found = list(Library(tmp_path / "recordings").read("session-0001"))
    assert [(each["t"], each.get("seconds")) for each in found[1:]] == [(0.0, None), (0.125, 0.125), (0.25, 0.25)]
