"""Frames and their chain."""

from __future__ import annotations

import io
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import split
from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording import framing

bodies = st.lists(
    st.tuples(st.sampled_from([framing.HEADER, framing.SEALED, framing.SIGNED, framing.FINAL]), st.binary(max_size=300))
)


def written(frames: list[tuple[int, bytes]]) -> bytes:
    chain, whole = framing.ROOT, framing.MAGIC
    for kind, body in frames:
        frame, chain = framing.seal(chain, kind, body)
        whole += frame
    return whole


def read(data: bytes) -> list[framing.Frame]:
    return list(framing.frames(io.BytesIO(data)))


def test_a_frame_is_length_kind_body_and_chain_value() -> None:
    frame, chain = framing.seal(framing.ROOT, framing.HEADER, b"{}")
    assert frame == b"\x00\x00\x00\x02H{}" + chain
    assert chain == sha256(sha256(b"HOOPREC2\n").digest() + b"\x00\x00\x00\x02H{}").digest()


@given(bodies)
def test_what_is_written_is_read_with_its_offsets(frames: list[tuple[int, bytes]]) -> None:
    data = written(frames)
    found = read(data)
    assert [(frame.kind, frame.body) for frame in found] == frames
    assert [frame.end for frame in found[:-1]] == [frame.offset for frame in found[1:]]


@given(bodies, st.data())
def test_a_file_cut_anywhere_is_torn_at_the_frame_that_was_cut(
    frames: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    whole = written(frames)
    cut = data.draw(st.integers(len(framing.MAGIC), len(whole)))
    ends = [len(framing.MAGIC)]
    for part in split(whole)[1:]:
        ends.append(ends[-1] + len(part))
    if cut in ends:
        assert len(read(whole[:cut])) == ends.index(cut)
        return
    with pytest.raises(framing.Torn) as caught:
        read(whole[:cut])
    assert caught.value.offset == max(end for end in ends if end < cut)


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_frames_or_damaged_and_nothing_else(data: bytes, magic: bool) -> None:
    try:
        read(framing.MAGIC + data if magic else data)
    except RecordingDamaged as error:
        assert 0 <= error.offset <= len(framing.MAGIC) + len(data)


def test_a_length_that_promises_more_than_the_file_holds_does_not_allocate_it() -> None:
    import tracemalloc

    tracemalloc.start()
    with pytest.raises(framing.Torn):
        read(framing.MAGIC + framing.HEAD.pack(framing.MAX_BODY, framing.SEALED) + b"x" * 100)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("magic", "kind"),
    [(framing.MAGIC, framing.ENTRY), (framing.MAGIC_1, framing.SEALED), (framing.MAGIC_1, framing.SIGNED)],
)
def test_a_kind_of_another_version_is_refused_and_not_passed_over(magic: bytes, kind: int) -> None:
    frame, _chain = framing.seal(framing.root_of(magic), kind, b"{}")
    with pytest.raises(RecordingDamaged, match="no frame of this version"):
        read(magic + frame)


@given(st.binary(max_size=200), st.lists(st.text(max_size=80), max_size=3))
def test_the_final_frame_is_found_from_the_end(statement: bytes, texts: list[str]) -> None:
    data = written([(framing.ENTRY, text.encode()) for text in texts] + [(framing.FINAL, statement)])
    assert framing.find_final(data) == statement


@given(st.lists(st.text(alphabet=st.characters(min_codepoint=32, codec="utf-8"), max_size=80), max_size=4))
def test_no_text_in_an_entry_looks_like_a_final_frame(texts: list[str]) -> None:
    assert framing.find_final(written([(framing.ENTRY, text.encode()) for text in texts])) is None
