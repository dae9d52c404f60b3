"""Streams of events as commands read them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.cli.events import PAUSE, parse, watch
from twisted_hoop.cli.exits import REFUSED, UNREACHABLE, CommandFailed


def test_events_comments_and_what_is_not_ours() -> None:
    lines = ["retry: 3000", "", ": well", "", "event: approval", 'data: {"id":"a"}', "", "data: [1]", "", "data: {", ""]
    assert list(parse([*lines, 'data: {"b":', "data: 1}", ""])) == [("approval", {"id": "a"}), ("message", {"b": 1})]


@given(st.lists(st.text()))
def test_anything_is_events_or_nothing(lines: list[str]) -> None:
    for name, data in parse(lines):
        assert isinstance(name, str) and isinstance(data, dict)


def broken(*lines: str) -> Iterator[str]:
    yield from lines
    raise CommandFailed("broken", UNREACHABLE)


def test_a_stream_that_breaks_is_opened_again() -> None:
    streams = [broken("data: {}", ""), broken('data: {"n":2}', "")]
    pauses: list[float] = []

    def stream(path: str) -> Iterator[str]:
        if not streams:
            raise CommandFailed("no more of that", REFUSED)
        return streams.pop(0)

    found = watch(stream, "/x", pauses.append)
    assert [next(found) for _ in range(4)] == [("begin", {}), ("message", {}), ("begin", {}), ("message", {"n": 2})]
    with pytest.raises(CommandFailed, match="no more"):
        next(found)
    assert pauses == [PAUSE, PAUSE]


def test_who_cannot_be_reached_at_first_is_not_waited_for() -> None:
    def stream(path: str) -> Iterator[str]:
        raise CommandFailed("nobody there", UNREACHABLE)

    with pytest.raises(CommandFailed, match="nobody"):
        next(watch(stream, "/x", lambda _: None))
