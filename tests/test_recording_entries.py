"""What stands in the frames."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import session
from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.model import Kind, Principal
from twisted_hoop.recording import framing
from twisted_hoop.recording.entries import (
    MAX_MESSAGE,
    Head,
    Statement,
    decode,
    describe,
    head_to_sign,
    shorten,
    to_sign,
)


def test_the_header_names_everybody_and_keeps_no_credential() -> None:
    value = json.loads(describe(session(), "hoop-test", "abc", "k" * 64))
    assert value["principal"]["chain"] == [{"issuer": "hoop", "subject": "agent-7"}]
    assert value["principal"]["groups"] == ["dev", "ops"]
    assert (value["target"], value["peer"]["address"], value["policy"]) == ("shop", "192.0.2.7", "abc")
    assert "proof_id" not in value["principal"]
    assert (value["format"], value["cipher"], value["key"]) == (2, "AES-256-GCM", "k" * 64)


def test_what_an_exchanged_token_narrowed_is_there() -> None:
    """So that what was recorded can be judged again by other rules; who has no limits leaves no trace of any."""
    assert not {"targets", "within"} & json.loads(describe(session(), "h", "p", "k"))["principal"].keys()
    agent = Principal("hoop", "agent-7", groups=frozenset({"ai"}), kind=Kind.MACHINE, proof="bound")
    found = session()
    narrow = replace(found, principal=replace(found.principal, within=(agent,), targets=frozenset({"shop"})))
    told = json.loads(describe(narrow, "h", "p", "k"))["principal"]
    assert told["targets"] == ["shop"]
    assert told["within"] == [
        {"issuer": "hoop", "subject": "agent-7", "groups": ["ai"], "kind": "machine", "chain": []}
    ]


@given(st.binary(max_size=300))
def test_any_body_is_a_signed_head_or_damaged(body: bytes) -> None:
    try:
        Head.parse(body, 9)
    except RecordingDamaged as error:
        assert error.offset == 9


def test_a_head_is_read_as_it_was_signed() -> None:
    head = Head("session-0001", 12, 3, "0" * 64, 1.5, "k" * 16)
    assert Head.parse(b"s" * 64 + head.signed()) == (b"s" * 64, head)
    assert head_to_sign(head.signed()) != to_sign(head.signed())


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
