"""Recorded terminals on the operator's own: played with their pauses, or exported for other players."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from twisted_hoop.cli.exits import CommandFailed
from twisted_hoop.cli.output import json_line
from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording.asciicast import Event, asciicast, events, first_terminal, has_terminal, plain_text
from twisted_hoop.recording.escapes import visible
from twisted_hoop.recording.player import Player
from twisted_hoop.recording.playing import BEFORE, Pace, place_in_terminal
from twisted_hoop.recording.terminal_text import RESET

Entries = Iterable[dict[str, Any]]
KEYED = 200_000
"""Events of a recording that keys can move in; a longer one, held in memory for that, is only played."""


def find_terminal(entries: Entries) -> int | None:
    """The first channel that had a terminal, None when there was none."""
    with suppress(RecordingDamaged):  # told when it is shown, after what is good
        return next((int(entry["channel"]) for entry in entries if has_terminal(entry)), None)
    return None


def play_terminal(read: Callable[[], Entries], channel: int, pace: Pace, find: str = "") -> None:
    """Write a channel's output to stdout as it was seen, safe to look at (R6).

    What came before the pace's start, or before `find` was seen, is written at once, so that the screen is right.
    CommandFailed when `find` was never seen. `read` gives the entries, from the first, each time.
    """
    if find:
        place = place_in_terminal(read(), channel, find)
        if place is None:
            raise CommandFailed(f"{visible(find)} was not seen in this terminal")
        pace = replace(pace, start=max(place - BEFORE, pace.start))
    if sys.stdin.isatty() and sys.stdout.isatty() and pace.speed:
        found = list(islice(events(read(), channel), KEYED + 1))
        if len(found) <= KEYED:
            from twisted_hoop.cli.keys import play_with_keys

            play_with_keys(Player(found, pace))
            return
    _play(events(read(), channel), pace)


def _play(shown: Iterable[Event], pace: Pace) -> None:
    """Without keys: into a file, a pipe, or as fast as it goes."""
    last: float | None = None
    try:
        for event in shown:
            if event.code != "o":
                continue
            if pause := pace.pause(last, event.time):
                sys.stdout.flush()
                time.sleep(pause)
            last = event.time
            sys.stdout.write(event.data)
            sys.stdout.flush()
    finally:
        sys.stdout.write(RESET)
        sys.stdout.flush()


def exported(entries: Entries, form: str, channel: int | None) -> Iterator[str]:
    """The pieces of a file in format "asciicast", "text" or "jsonl". CommandFailed when there is nothing to export."""
    if form == "jsonl":
        return (json_line(entry) + "\n" for entry in entries)
    found = list(entries)
    chosen = first_terminal(found) if channel is None else channel
    if chosen is None:
        raise CommandFailed("nothing was written to a terminal or an output in this session; try --format jsonl")
    return (line + "\n" for line in asciicast(found, chosen)) if form == "asciicast" else plain_text(found, chosen)
