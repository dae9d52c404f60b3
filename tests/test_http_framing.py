"""Where bodies end: any cuts give the same, and what is framed oddly is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.framing import ChunkedBody, CloseBody, LengthBody, body_of
from twisted_hoop.http.messages import Framing
from twisted_hoop.http.writing import LAST_CHUNK, chunk


def test_the_framing_chooses_the_body() -> None:
    kinds = {
        Framing.NONE: LengthBody,
        Framing.LENGTH: LengthBody,
        Framing.CHUNKED: ChunkedBody,
        Framing.CLOSE: CloseBody,
    }
    assert {framing: type(body_of(framing, 3)) for framing in kinds} == kinds
    assert body_of(Framing.NONE, 3).complete and not body_of(Framing.LENGTH, 3).complete
    assert CloseBody().feed(b"abc") == b"abc"


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.binary(max_size=20), st.lists(st.integers(0, 500)))
def test_chunks_in_any_cuts(parts: list[bytes], behind: bytes, cuts: list[int]) -> None:
    body = ChunkedBody()
    wire = b"".join(map(chunk, parts)) + LAST_CHUNK + behind
    found = b"".join(body.feed(piece) for piece in pieces(wire, cuts))
    assert found == b"".join(parts) and body.complete and body.surplus == behind


@given(st.binary(max_size=60), st.binary(max_size=20), st.lists(st.integers(0, 100)))
def test_a_length_in_any_cuts(content: bytes, behind: bytes, cuts: list[int]) -> None:
    body = LengthBody(len(content))
    found = b"".join(body.feed(piece) for piece in pieces(content + behind, cuts))
    assert found == content and body.complete and body.surplus == behind


def test_extensions_and_trailers_are_dropped() -> None:
    body = ChunkedBody()
    assert body.feed(b'3 ;name="a;b"\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\nnext') == b"abc"
    assert body.complete and body.surplus == b"next"


@pytest.mark.parametrize(
    "wire",
    [
        b"3\nabc\n0\n\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"-3\r\nabc",
        b" 3\r\nabc\r\n",
        b"3\r\nabcd\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"\r\n",
        b"ffffffffffffffffffff\r\n",
        b"3;\x00\r\nabc\r\n",
        b"3;a\nb\r\nabc\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\n folded: 1\r\n\r\n",
        b"3;" + b"a" * 400,
        b"0\r\n" + b"a: b\r\n" * 4000 + b"\r\n",
    ],
)
def test_K7_odd_chunks_are_refused(wire: bytes) -> None:
    """K7."""
    with pytest.raises(ProtocolError):
        ChunkedBody().feed(wire)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)))
def test_K7_any_bytes_are_a_body_or_the_error(wire: bytes, cuts: list[int]) -> None:
    """K7: and the cuts make no difference to what is read."""

    def run(parts: list[bytes]) -> tuple[bytes, bool] | None:
        body = ChunkedBody()
        try:
            found = b"".join(body.feed(part) for part in parts)
        except ProtocolError:
            return None
        return found, body.complete

    assert run([wire]) == run(pieces(wire, cuts))
