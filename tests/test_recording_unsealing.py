"""Segments as readers see them: what belongs just here, or RecordingDamaged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import sealed_body
from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording.framing import BULK, SEALED, Frame
from twisted_hoop.recording.segments import HEAD, Segments
from twisted_hoop.recording.unsealing import SegmentHead, Unsealer

KEY, ROOT = bytes(range(32)), b"r" * 32


def frame(body: bytes) -> Frame:
    return Frame(9, SEALED, body, b"")


def sealed(*lines: bytes, first: int = 1, worth: bool = False) -> bytes:
    return sealed_body(Segments(KEY, ROOT), first, len(lines), 2_500_000, b"\n".join(lines), worth)


@pytest.mark.parametrize("worth", [False, True])
def test_entries_come_out_as_they_went_in(worth: bool) -> None:
    body = sealed(*[b'{"n":%d,"text":"select 1"}' % n for n in range(1, 200)], worth=worth)
    found = Unsealer(KEY, ROOT).entries(frame(body))
    assert [entry["n"] for entry in found] == list(range(1, 200))
    head = SegmentHead.parse(frame(body))
    assert (head.number, head.first, head.count, head.seconds) == (1, 1, 199, 2.5)


def test_every_byte_counts() -> None:
    """One byte changed in the head or behind it: nothing comes out."""
    body = sealed(b'{"n":1}')
    for at in range(len(body)):
        with pytest.raises(RecordingDamaged):
            Unsealer(KEY, ROOT).entries(frame(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]))


def test_a_segment_opens_in_its_recording_and_at_its_place_only() -> None:
    """Bound to the header's chain value, which names the session, and to its own number."""
    body = sealed(b'{"n":1}')
    other = HEAD.pack(2, 1, 1, 2_500_000, 0) + body[HEAD.size :]
    for key, root, moved in ((KEY, b"s" * 32, body), (bytes(32), ROOT, body), (KEY, ROOT, other)):
        with pytest.raises(RecordingDamaged, match="does not open"):
            Unsealer(key, root).entries(frame(moved))


def test_other_entries_than_the_head_says() -> None:
    for body in (sealed_body(Segments(KEY, ROOT), 1, 2, 0, b'{"n":1}', False), sealed(b"[1]"), sealed(b"{")):
        with pytest.raises(RecordingDamaged):
            Unsealer(KEY, ROOT).entries(frame(body))


def test_bytes_behind_the_json_come_back_to_their_entries() -> None:
    lines = [b'{"n":1,"kind":"output","zstd":3}', b'{"n":2,"kind":"notice","raw":9}', b'{"n":3,"kind":"input","raw":2}']
    body = sealed_body(Segments(KEY, ROOT), 1, 3, 0, b"\n".join(lines) + b"\0abcde", False)
    found = Unsealer(KEY, ROOT).entries(frame(body))
    assert [entry.get("zstd") for entry in found] == ["YWJj", None, None]
    assert [(entry.get("raw"), entry.get("base64")) for entry in found] == [(None, None), (9, None), (None, "ZGU=")]
    for behind in (b"", b"\0abcd", b"\0abcdef"):
        wrong = sealed_body(Segments(KEY, ROOT), 1, 3, 0, b"\n".join(lines) + behind, False)
        with pytest.raises(RecordingDamaged, match="other bytes"):
            Unsealer(KEY, ROOT).entries(frame(wrong))


@given(st.binary(max_size=120))
def test_any_body_is_entries_or_damaged(body: bytes) -> None:
    with pytest.raises(RecordingDamaged) as caught:
        Unsealer(KEY, ROOT).entries(frame(body))
    assert caught.value.offset == 9


def bulk(line: bytes, kind: int = BULK) -> Frame:
    heads, body, _ = Segments(KEY, ROOT).seal(ROOT, 1, 1, 0, line + b" " * 5000, False, True)
    return Frame(9, kind, heads[5:] + body, b"")


def test_a_bulk_segment_holds_streams_alone_and_opens_as_one_only() -> None:
    """R4: who changes the kind of a frame and chains it anew hides no command behind it."""
    assert Unsealer(KEY, ROOT).entries(bulk(b'{"n":1,"kind":"output"}'))[0]["kind"] == "output"
    with pytest.raises(RecordingDamaged, match="does not open"):
        Unsealer(KEY, ROOT).entries(bulk(b'{"n":1,"kind":"output"}', SEALED))
    with pytest.raises(RecordingDamaged, match="other entries than its kind"):
        Unsealer(KEY, ROOT).entries(bulk(b'{"n":1,"kind":"command"}'))
