"""The timeline."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.support.recordings import command, outcome, recorded
from twisted_hoop.recording.library import entries
from twisted_hoop.recording.replay import timeline

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
known = st.sampled_from(
    [
        "kind",
        "t",
        "text",
        "decision",
        "rule",
        "parameters",
        "principal",
        "peer",
        "chain",
        "started",
        "outcome",
        "sqlstate",
    ]
)


def shown(found: Any, color: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=200,
        highlight=False,
        soft_wrap=True,
        force_terminal=color,
        color_system="standard" if color else None,
    )
    for moment in timeline(found):
        for line in moment.lines:
            console.print(line)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_rows_that_were_recorded_are_shown_r6() -> None:
    """R6: cells are text of the target's."""
    entry = {"kind": "outcome", "t": 1.0, "tag": "SELECT 2", "columns": ["id", "name"]}
    (moment,) = timeline([{**entry, "result": [["1", "a\x1b[2Jb"], ["2", None]]}])
    lines = [line.plain.strip() for line in moment.lines[1:]]
    assert lines == ["id | name", "1 | a\\x1b[2Jb", "2 | NULL"]


def test_a_session_as_a_timeline(tmp_path: Path) -> None:
    path = recorded(
        tmp_path,
        command("select name\nfrom customers", parameters=["7", None], masks=["cards"]),
        outcome(rows=3, masked=2),
        command("drop table customers", decision="deny", rule="no-ddl", approval="a-1"),
        outcome(tag="", sqlstate="42501"),
    )
    text = shown(entries(path))
    for wanted in (
        "session session-0001  2026-11-22 07:00:00+00:00",
        "alice via agent-7 <u-1> of https://issuer.example",
        "from 192.0.2.7 to shop (postgres)",
        "0:00.000  allow   select name",
        "                     from customers",
        "rule readers, parameters [7, NULL], tables [public.customers], masks [cards]",
        "tag SELECT 1, rows 3, bytes 42, masked 2, seconds 0.0015",
        "deny    drop table customers",
        "rule no-ddl, approval a-1",
        "sqlstate 42501",
        "closed",
    ):
        assert wanted in text, text


def test_what_was_refused_is_red() -> None:
    text = shown([{"n": 1, "t": 1.0, "kind": "command", "decision": "deny", "text": "drop table x"}], color=True)
    assert "\x1b[1;31mdrop table x" in text
    text = shown([{"n": 1, "t": 1.0, "kind": "command", "decision": "allow", "text": "select 1"}], color=True)
    assert "\x1b[1;31m" not in text


def test_brackets_are_not_markup() -> None:
    assert "select a[1], '[red]x[/red]'" in shown([{"kind": "command", "text": "select a[1], '[red]x[/red]'"}])


@given(st.lists(st.dictionaries(known | st.text(st.characters(), max_size=5), json_values, max_size=6), max_size=4))
def test_any_entries_are_shown_and_nothing_reaches_the_terminal_r6(found: list[dict[str, Any]]) -> None:
    """R6: whatever an entry holds, wherever."""
    text = shown(found)
    assert all(char == "\n" or char.isprintable() for char in text)


@given(json_values)
def test_any_header_is_shown(value: Any) -> None:
    for name in ("principal", "peer", "chain", "started", "t"):
        shown([{"kind": "open", name: value}])
