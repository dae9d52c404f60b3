"""Recorded terminals as asciicast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from avt._avt import Vt
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import recorded
from twisted_hoop.model import Entry
from twisted_hoop.recording.asciicast import asciicast, events, first_terminal, has_terminal, plain_text
from twisted_hoop.recording.library import entries
from twisted_hoop.recording.streams import resize_entry, stream_entry

TERMINAL = {"term": "xterm-256color", "columns": 100, "rows": 30}


def shell(*more: dict[str, Any]) -> list[dict[str, Any]]:
    begin = [
        {"kind": "open", "n": 0, "t": 0.0, "session": "s-1", "target": "web-1", "started": 1_795_330_800.0},
        {"kind": "command", "n": 1, "t": 2.0, "channel": 4, "action": "shell", "text": "", "terminal": TERMINAL},
    ]
    return [*begin, *more]


def out(seconds: float, data: bytes, stream: str = "stdout", channel: int = 4) -> dict[str, Any]:
    return {"t": seconds, "kind": "output", **stream_entry("output", channel, stream, data).data}


def cast(found: list[dict[str, Any]], channel: int = 4) -> tuple[dict[str, Any], list[list[Any]]]:
    header, *lines = (json.loads(line) for line in asciicast(found, channel))
    return header, lines


def test_a_terminal_as_asciicast_v3() -> None:
    header, lines = cast(
        shell(
            out(2.5, b"$ "),
            {"kind": "command", "t": 4.0, "channel": 4, "action": "line", "text": "ls"},
            out(4.25, "é\r\n".encode()),
            {"kind": "resize", "t": 5.0, "channel": 4, "columns": 120, "rows": 40},
            out(5.0, b"other channel", channel=5),
            {"kind": "refused", "t": 5.5, "channel": 4, "action": "line", "text": "rm x"},
            {"kind": "outcome", "t": 6.0, "channel": 4, "command": 1, "status": 3, "stdout": 9},
        )
    )
    assert header == {
        "version": 3,
        "term": {"cols": 100, "rows": 30, "type": "xterm-256color"},
        "timestamp": 1_795_330_802,
        "title": "s-1 on web-1",
    }
    assert lines == [
        [0.5, "o", "$ "], [1.5, "m", "ls"], [0.25, "o", "é\r\n"], [0.75, "r", "120x40"], [0.5, "m", "refused: rm x"],
        [0.5, "x", "3"],
    ]  # fmt: skip


def test_a_command_without_a_terminal() -> None:
    command = {"kind": "command", "t": 1.0, "channel": 0, "action": "exec", "text": "uptime\x1b"}
    typed = {"kind": "input", "t": 1.5, **stream_entry("input", 0, "stdin", b"in").data}
    header, lines = cast([command, typed, out(2.0, b"up", channel=0), out(2.0, b"err", "stderr", 0)], 0)
    assert header["command"] == "uptime\\x1b" and header["term"] == {"cols": 80, "rows": 24}
    assert lines == [[0.5, "i", "in"], [0.5, "o", "up"], [0.0, "o", "err"]]


def test_characters_cut_in_two_by_packets() -> None:
    euro = "€".encode()
    found = shell(out(3.0, euro[:1]), out(3.0, b"E", "stderr"), out(3.5, euro[1:]), out(4.0, b"\xff"))
    assert "".join(line[2] for line in cast(found)[1]) == "E€�"


def test_played_back_the_screen_is_what_the_person_saw(tmp_path: Path) -> None:
    """Written to a recording's file, exported, and drawn by asciinema's own terminal."""
    pieces = [
        b"\x1b[2J\x1b[Hhello\r\n",
        b"\x1b[31mwor",
        b"ld\x1b[0m\x1b]0;title\x07\r\n",
        b"\x1b[1;6H!",
        "\x1b[5;1Hé".encode(),
    ]
    command = Entry("command", {"channel": 4, "action": "shell", "text": "", "terminal": TERMINAL})
    path = recorded(
        tmp_path, command, *(stream_entry("output", 4, "stdout", piece) for piece in pieces), resize_entry(4, 90, 20)
    )
    found = list(entries(path))
    header, lines = cast(found)
    played, original = Vt(100, 30), Vt(100, 30)
    for line in lines:
        if line[1] == "o":
            played.feed_str(line[2])
        elif line[1] == "r":
            played.resize(*map(int, line[2].split("x")))
    original.feed_str(b"".join(pieces).decode())
    original.resize(90, 20)
    assert [row.text for row in played.view()] == [row.text for row in original.view()]
    assert header["timestamp"] == 1_795_330_800


def test_escapes_that_could_harm_are_not_exported_r6() -> None:
    """R6: in what is played, and in what is told of it."""
    found = shell(out(3.0, b"a\x1b]52;c;QUJD"), out(3.1, b"\x07b\x1b[6n"),
                  {"kind": "command", "t": 4.0, "channel": 4, "action": "line", "text": "x\x1b]0;t\x07"})  # fmt: skip
    assert [line[2] for line in cast(found)[1]] == ["a", "b", "x\\x1b]0;t\\x07"]


def test_which_channel_is_meant() -> None:
    assert first_terminal(shell(out(1.0, b"x", channel=2))) == 4
    assert first_terminal([out(1.0, b"x", channel=2)]) == 2
    assert first_terminal([{"kind": "command"}]) is None
    assert has_terminal({"kind": "terminal", "channel": 1, "columns": 80, "rows": 24})
    assert not has_terminal({"kind": "command", "channel": 1})


def test_plain_text() -> None:
    found = shell(out(1.0, b"\x1b[31mred\x1b[0m\r\n"), out(2.0, b"err\r\n", "stderr"))
    assert "".join(plain_text(found, 4)) == "red\nerr\n"


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dictionaries(st.text(max_size=4), st.integers())
)
KEYS = st.sampled_from(
    [
        "kind",
        "t",
        "channel",
        "stream",
        "text",
        "base64",
        "columns",
        "rows",
        "terminal",
        "action",
        "status",
        "operation",
        "started",
    ]
)
KINDS = st.sampled_from(["open", "output", "input", "resize", "terminal", "command", "refused", "outcome"])


@given(st.lists(st.tuples(st.dictionaries(KEYS, VALUES), KINDS), max_size=6))
def test_any_entries_make_a_cast(found: list[tuple[dict[str, Any], str]]) -> None:
    """What is in a recording was written by a target and a client."""
    every = [{**entry, "kind": kind, "channel": 4} for entry, kind in found]
    header, lines = cast(every)
    assert header["version"] == 3 and header["term"]["cols"] > 0
    assert all(line[0] >= 0 and line[1] in "oirmx" and isinstance(line[2], str) for line in lines)
    assert len(list(events(every, 4))) == len(lines)
    assert first_terminal(every) in (None, 4)
