"""Entries as JSON: whatever is in them, one line, with their own three members."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Entry
from twisted_hoop.recording.encoding import encode

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=40)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.text(st.characters(), max_size=12).filter(lambda name: name not in ("n", "t", "kind"))


@given(st.dictionaries(names, values, max_size=5))
def test_any_data_becomes_one_line_of_json(data: dict[str, Any]) -> None:
    body = encode(3, 1_250_000, Entry("command", data))
    value = json.loads(body)
    assert (value["n"], value["t"], value["kind"]) == (3, 1.25, "command")
    assert not any(byte < 0x20 for byte in body)


def test_control_characters_are_escaped_and_come_back_r7() -> None:
    """R7: nothing in a text can end an entry or begin another one."""
    text = 'select \'\x00\n\r\x1b]52;c;x\x07\u2028","kind":"close"'
    body = encode(1, 0, Entry("command", {"text": text}))
    assert b"\n" not in body
    assert json.loads(body) == {"n": 1, "t": 0.0, "kind": "command", "text": text}


def test_what_is_not_utf_8_is_written_out() -> None:
    entry = Entry("command", {"raw": b"caf\xe9", "lone": "\ud800", "set": frozenset({"b", "a"}), "huge": 1 << 70})
    value = json.loads(encode(1, 0, entry))
    assert value["raw"] == "caf\\xe9"
    assert value["lone"] == "\\ud800"
    assert value["set"] == ["a", "b"]
    assert value["huge"] == str(1 << 70)


def test_a_megabyte_of_sql_is_written_whole() -> None:
    text = "select '" + "ä" * (1 << 20) + "'"
    assert json.loads(encode(1, 0, Entry("command", {"text": text})))["text"] == text


def test_data_cannot_take_the_place_of_number_time_or_kind() -> None:
    with pytest.raises(RecordingFailed, match="kind"):
        encode(1, 0, Entry("command", {"kind": "close"}))


def test_what_cannot_be_written_at_all_is_a_failed_recording() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(RecordingFailed):
        encode(1, 0, Entry("command", {"loop": loop}))


@pytest.mark.parametrize("name", ["n", "t", "kind"])
def test_each_of_the_three_names_is_kept(name: str) -> None:
    with pytest.raises(RecordingFailed, match="may not be called"):
        encode(1, 0, Entry("command", {"text": "select 1", name: "mine"}))


@given(st.integers(1, 1 << 40), st.integers(0, 10**15), st.text(st.characters(codec="utf-8"), max_size=20))
def test_number_time_and_kind_come_back(number: int, micros: int, kind: str) -> None:
    """Also without data, and whatever the kind is called."""
    value = json.loads(encode(number, micros, Entry(kind)))
    assert (value["n"], value["kind"]) == (number, kind)
    assert value["t"] == micros / 1_000_000
    assert set(value) == {"n", "t", "kind"}


@given(st.integers(0, 10**12), st.sampled_from([{}, {"command": 3}]))
def test_how_long_a_command_took_stands_with_its_data(micros: int, data: dict[str, Any]) -> None:
    value = json.loads(encode(1, 0, Entry("outcome", data), micros))
    assert value == {"n": 1, "t": 0.0, "kind": "outcome", "seconds": micros / 1_000_000, **data}
