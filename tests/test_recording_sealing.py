"""One frame and its link of the chain."""

from __future__ import annotations

import io
from hashlib import sha256

from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.recording import framing
from twisted_hoop.recording.sealing import (
    BULK,
    ENTRY,
    FINAL,
    HEADER,
    MAGIC,
    MAGIC_1,
    ROOT,
    ROOT_1,
    SEALED,
    SIGNED,
    chained,
    seal,
)


def test_the_kinds_are_the_letters_of_the_format() -> None:
    assert bytes((HEADER, ENTRY, FINAL, SEALED, BULK, SIGNED)) == b"HEFSBC"
    assert (sha256(MAGIC).digest(), sha256(MAGIC_1).digest()) == (ROOT, ROOT_1)


@given(st.lists(st.binary(max_size=9000), min_size=1, max_size=4), st.sampled_from([SEALED, BULK]))
def test_what_is_sealed_is_read_back_in_its_place(bodies: list[bytes], kind: int) -> None:
    chain, out = ROOT, MAGIC
    for body in bodies:
        frame, chain = seal(chain, kind, body)
        out += frame
    found = list(framing.frames(io.BytesIO(out)))
    assert [frame.body for frame in found] == bodies
    assert found[-1].chain == chain


@given(st.binary(max_size=9000))
def test_the_chain_is_of_all_bytes_as_they_stand(body: bytes) -> None:
    """However long the body is: the two ways of hashing are one."""
    head = len(body).to_bytes(4, "big") + b"E"
    assert chained(ROOT, head, body) == sha256(ROOT + head + body).digest()


@given(st.binary(max_size=9000))
def test_of_bulk_the_chain_has_what_is_clear_and_the_blake3_of_the_rest(body: bytes) -> None:
    head = len(body).to_bytes(4, "big") + b"B"
    assert chained(ROOT, head, body) == sha256(ROOT + head + body[:29] + blake3(body[29:]).digest()).digest()
