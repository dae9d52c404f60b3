"""What stands in the frames."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import session
from twisted_hoop.errors import RecordingDamaged, RecordingFailed
from twisted_hoop.model import Entry
from twisted_hoop.recording import framing
from twisted_hoop.recording.entries import MAX_MESSAGE, Statement, decode, describe, encode, shorten

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
    body = encode(3, 1.25, Entry("command", data))
    value = json.loads(body)
    assert (value["n"], value["t"], value["kind"]) == (3, 1.25, "command")
    assert not any(byte < 0x20 for byte in body)


def test_control_characters_are_escaped_and_come_back_r7() -> None:
    """R7: nothing in a text can end an entry or begin another one."""
    text = 'select \'\x00\n\r\x1b]52;c;x\x07\u2028","kind":"close"'
    body = encode(1, 0.0, Entry("command", {"text": text}))
    assert b"\n" not in body
    assert json.loads(body) == {"n": 1, "t": 0.0, "kind": "command", "text": text}


def test_what_is_not_utf_8_is_written_out() -> None:
    entry = Entry("command", {"raw": b"caf\xe9", "lone": "\ud800", "set": frozenset({"b", "a"}), "huge": 1 << 70})
    value = json.loads(encode(1, 0.0, entry))
    assert value["raw"] == "caf\\xe9"
    assert value["lone"] == "\\ud800"
    assert value["set"] == ["a", "b"]
    assert value["huge"] == str(1 << 70)


def test_a_megabyte_of_sql_is_written_whole() -> None:
    text = "select '" + "ä" * (1 << 20) + "'"
    assert json.loads(encode(1, 0.0, Entry("command", {"text": text})))["text"] == text


def test_data_cannot_take_the_place_of_number_time_or_kind() -> None:
    with pytest.raises(RecordingFailed, match="kind"):
        encode(1, 0.0, Entry("command", {"kind": "close"}))


def test_what_cannot_be_written_at_all_is_a_failed_recording() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(RecordingFailed):
        encode(1, 0.0, Entry("command", {"loop": loop}))


def test_the_header_names_everybody_and_keeps_no_credential() -> None:
    value = json.loads(describe(session(), "hoop-test", "abc"))
    assert value["principal"]["chain"] == [{"issuer": "hoop", "subject": "agent-7"}]
    assert value["principal"]["groups"] == ["dev", "ops"]
    assert (value["target"], value["peer"]["address"], value["policy"]) == ("shop", "192.0.2.7", "abc")
    assert "proof_id" not in value["principal"]


@given(st.binary(max_size=300))
def test_any_final_body_is_a_statement_or_damaged(body: bytes) -> None:
    try:
        Statement.parse(body, 9)
    except RecordingDamaged as error:
        assert error.offset == 9


@given(st.binary(max_size=60), st.sampled_from([framing.HEADER, framing.ENTRY, framing.FINAL]))
def test_any_frame_is_an_entry_or_damaged(body: bytes, kind: int) -> None:
    try:
        assert isinstance(decode(framing.Frame(9, kind, body, b"")), dict)
    except RecordingDamaged as error:
        assert error.offset == 9


@given(st.text(st.characters(), max_size=3000))
def test_any_message_fits_the_final_frame(message: str) -> None:
    statement = Statement("x" * 64, "failed", shorten(message), 1, "0" * 64, 1.0, "k" * 16)
    assert len(shorten(message)) <= MAX_MESSAGE
    assert 64 + len(statement.signed()) <= framing.MAX_FINAL
