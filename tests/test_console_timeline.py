from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.console.timeline import timeline

COMMAND = {"n": 1, "t": 0.5, "kind": "command", "command": 1, "text": "select 1", "decision": "allow", "rule": "usual"}
OUTCOME = {"n": 2, "t": 0.6, "kind": "outcome", "command": 1, "tag": "SELECT 1", "rows": 1, "bytes": 11, "masked": 0}


def test_what_came_of_a_command_stands_with_it() -> None:
    (moment,) = timeline([COMMAND, OUTCOME])
    assert (moment.state, moment.label, moment.text, moment.at) == ("allow", "allowed", "select 1", 0.5)
    assert moment.outcomes == [(True, "SELECT 1, 1 rows, 11 bytes")] and ("rule", "usual") in moment.details


def test_an_outcome_alone_is_shown_alone() -> None:
    (moment,) = timeline([{**OUTCOME, "sqlstate": "22012", "tag": ""}])
    assert moment.outcomes == [(False, "sqlstate 22012, 1 rows, 11 bytes")]


def test_a_status_is_well_for_requests_and_for_programs() -> None:
    """200 is well for a request, and a failure of a program; 0 the other way round."""
    told: list[dict[str, Any]] = [
        {"status": 200},
        {"status": 404},
        {"status": 200, "channel": 1},
        {"status": 0, "channel": 1},
        {"failed": "x"},
    ]
    assert [timeline([{**OUTCOME, **each}])[0].outcomes[0][0] for each in told] == [True, False, False, True, False]


def test_refusals_and_approvals() -> None:
    refused = {
        **COMMAND,
        "kind": "refused",
        "decision": "deny",
        "code": "denied",
        "reason": "not here",
        "approval": None,
    }
    approved = {**COMMAND, "n": 2, "decision": "review", "approval": {"id": "abc", "by": ["bob (x|bob)"]}}
    waits = {"n": 3, "t": 1, "kind": "review", "approval": "abc", "text": "delete"}
    no, yes, waiting = timeline([refused, approved, waits])
    assert (no.state, no.label) == ("refused", "refused") and ("reason", "not here") in no.details
    assert (yes.state, yes.label, yes.approval) == ("review", "approved", "abc")
    assert ("approved by", "bob (x|bob)") in yes.details
    assert (waiting.label, waiting.approval, waiting.text) == ("waits", "abc", "delete")


def test_pieces_of_a_stream_are_joined_and_long_ones_folded() -> None:
    def piece(n: int, text: str, stream: str = "stdout") -> dict[str, Any]:
        return {"n": n, "t": n, "kind": "output", "channel": 0, "stream": stream, "text": text}

    first, other = timeline([piece(1, "a\r\n"), piece(2, "b"), piece(3, "x" * 700, "stderr")])
    assert first.text == "a\nb" and not first.fold and other.fold
    (binary,) = timeline([{"n": 1, "t": 0, "kind": "input", "channel": 0, "stream": "stdin", "base64": "/w=="}])
    assert binary.text == "\\xff"


def test_output_is_read_without_its_escapes_and_input_with_them() -> None:
    """R6: and a line's end that came in two pieces is one."""
    opened = {
        "n": 1,
        "t": 0,
        "kind": "command",
        "command": 1,
        "channel": 0,
        "decision": "allow",
        "terminal": {"rows": 24},
    }
    pieces = ["\x1b[?2004h$ ls\r", "\n\x1b[31mred\x1b[0m\x1b]52;c;AAAA\x07\r\n"]
    streams = [
        {"n": 2, "t": 1, "kind": kind, "channel": 0, "stream": "x", "text": text}
        for kind in ("output", "input")
        for text in pieces
    ]
    shell, drawn, typed = timeline([opened, *streams])
    assert shell.channel == 0 and drawn.text == "$ ls\nred\n"
    assert typed.text == "\\u{1B}[?2004h$ ls\n\\u{1B}[31mred\\u{1B}[0m\\u{1B}]52;c;AAAA\\u{7}\n"


def test_R6_escapes_of_terminals_are_written_out() -> None:
    (moment,) = timeline([{**COMMAND, "text": "x\x1b]52;c;AAAA\x07\u202e", "reason": "\x9b6n"}])
    assert moment.text == "x\\u{1B}]52;c;AAAA\\u{7}\\u{202E}" and ("reason", "\\u{9B}6n") in moment.details


def test_finding() -> None:
    found = timeline([COMMAND, {**COMMAND, "n": 2, "text": "DELETE from x"}], "delete")
    assert [moment.found for moment in found] == [False, True]


def test_the_ends_of_a_session() -> None:
    opened = {
        "n": 0,
        "t": 0.0,
        "kind": "open",
        "principal": {"groups": ["dba"]},
        "policy": "p1",
        "attributes": {"a": "b"},
    }
    closed = {"n": 9, "t": 9.0, "kind": "close", "outcome": "ended", "message": "by olga"}
    first, last = timeline([opened, closed])
    assert (
        first.details == [("groups", "dba"), ("policy", "p1"), ("attributes", "a b")] and last.text == "ended: by olga"
    )


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = "n t kind command text decision approval parameters principal rule outcome message channel stream base64"
names = st.sampled_from([*NAMES.split(), "sqlstate"])
kinds = st.sampled_from(["open", "command", "refused", "review", "outcome", "output", "input", "close", "notice", "x"])


@given(
    st.lists(st.builds(lambda a, k: {**a, "kind": k}, st.dictionaries(names, anything, max_size=8), kinds | anything)),
    st.text(),
)
def test_any_entries_are_moments_without_escapes(entries: list[dict[str, Any]], search: str) -> None:
    """R6: recordings that were damaged or forged as well."""
    for moment in timeline(entries, search):
        texts = [
            moment.text,
            *(part for pair in moment.details for part in pair),
            *(text for _, text in moment.outcomes),
        ]
        assert not any(char in text for text in texts for char in "\x1b\x07\x9b\u202e\r")
