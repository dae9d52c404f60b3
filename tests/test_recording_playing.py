"""When to show what."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.model import Entry
from twisted_hoop.recording.playing import Pace, mentions, parse_time, place_in_terminal
from twisted_hoop.recording.streams import stream_entry


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("93", 93.0), ("93.5", 93.5), ("1:33", 93.0), ("0:01:33.25", 93.25), (" 7 ", 7.0)]
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_time(text) >= 0


def test_pauses() -> None:
    assert Pace(2.0, 3.0).pause(1.0, 2.0) == 0.5
    assert Pace(1.0, 3.0).pause(1.0, 100.0) == 3.0
    assert Pace(0.0).pause(1.0, 100.0) == 0.0
    assert Pace().pause(None, 100.0) == 0.0
    assert Pace().pause(2.0, 1.0) == 0.0


def test_what_is_before_the_start_is_not_waited_for() -> None:
    pace = Pace(1.0, 10.0, start=60.0)
    assert pace.pause(1.0, 59.0) == 0.0
    assert pace.pause(59.0, 62.0) == 2.0
    assert pace.pause(62.0, 63.0) == 1.0


def entries(*pieces: tuple[float, bytes]) -> list[dict[str, object]]:
    made = [(at, stream_entry("output", 0, "stdout", data)) for at, data in pieces]
    return [{"n": n, "t": at, "kind": each.kind, **each.data} for n, (at, each) in enumerate(made, 1)]


def test_a_text_is_found_across_pieces_and_colours() -> None:
    found = entries((1.0, b"$ cat x\r\n"), (2.0, b"Permis\x1b[31msion"), (2.5, b" den\x1b["), (3.0, b"0mied\r\n"))
    assert place_in_terminal(found, 0, "permission DENIED") == 3.0
    assert place_in_terminal(found, 0, "cat") == 1.0
    assert place_in_terminal(found, 0, "dog") is None
    assert place_in_terminal(found, 1, "cat") is None


def test_a_line_that_was_typed_is_found() -> None:
    line: list[dict[str, object]] = [{"t": 4.0, "kind": "refused", "channel": 0, "action": "line", "text": "rm -rf x"}]
    assert place_in_terminal(line, 0, "rm -rf") == 4.0


def test_entries_that_mention_something() -> None:
    command = Entry(
        "command", {"text": "SELECT 1", "tables": ["public.Customers"], "approval": {"by": ["bob"]}, "n": 7}
    )
    for text in ("select", "customers", "BOB", "7"):
        assert mentions({"kind": command.kind, **command.data}, text)
    assert not mentions({"kind": command.kind, **command.data}, "drop")
    packed = stream_entry("output", 0, "stdout", b"abc Needle " * 2000)
    assert "zstd" in packed.data
    assert mentions({"kind": "output", **packed.data}, "needle")
