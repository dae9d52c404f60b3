"""exec over SPDY: streams by their types, each side its own, and numbers that nobody may take twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_streams import frames_of, opening, written
from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.parts import Part
from twisted_hoop.kubernetes.spdy import GOAWAY, PING, SYN_REPLY, Control, Data, SpdyWriter
from twisted_hoop.kubernetes.spdy_streams import SpdyCodec

STREAMS = ((1, "error"), (3, "stdin"), (5, "stdout"), (7, "stderr"), (9, "resize"))


def begun() -> tuple[SpdyCodec, SpdyWriter, SpdyWriter]:
    """A codec with all streams open, and the writers of its client and its target."""
    codec, client, target = SpdyCodec(), SpdyWriter(), SpdyWriter()
    asked = b"".join(client.frame(opening(number, streamtype=kind)) for number, kind in STREAMS)
    passed = b"".join(part.data for part in codec.client(asked))
    assert [(f.stream, f.value("streamtype")) for f in frames_of(passed) if isinstance(f, Control)] == list(STREAMS)
    replies = b"".join(part.data for part in codec.target(b"".join(target.reply(number) for number, _ in STREAMS)))
    assert [f.kind for f in frames_of(replies) if isinstance(f, Control)] == [SYN_REPLY] * 5
    return codec, client, target


def test_streams_are_told_apart_and_end() -> None:
    codec, client, target = begun()
    assert codec.client(client.data(3, b"in", fin=True)) == [Part("stdin", b"in", True)]
    assert codec.client(client.data(9, b"{}")) == [Part("resize", b"{}")]
    assert codec.target(target.data(5, b"out")) == [Part("stdout", b"out")]
    assert codec.target(target.data(7, b"err") + target.data(1, b"st", fin=True)) == [
        Part("stderr", b"err"),
        Part("error", b"st", True),
    ]
    (closed,) = codec.client(client.data(1, b"", fin=True))
    assert closed.stream == "" and frames_of(closed.data) == [Data(1, b"", True)]
    (ping,) = codec.client(written(Control(PING, 0, bytes(4))))
    assert ping == Part("", written(Control(PING, 0, bytes(4))))
    (away,) = codec.target(target.goaway(9))
    assert away.last and away.stream == ""


def test_what_is_written_has_the_clients_numbers() -> None:
    codec, _, _ = begun()
    assert frames_of(codec.to_client("stdout", b"x" * 40_000, True)) == [
        Data(5, b"x" * 32768),
        Data(5, b"x" * 7232, True),
    ]
    assert frames_of(codec.to_target("stdin", b"y")) == [Data(3, b"y")]
    told = frames_of(codec.goodbye(b"{}"))
    assert told[0] == Data(1, b"{}", True) and isinstance(told[1], Control) and told[1].kind == GOAWAY
    assert [f.kind for f in frames_of(SpdyCodec().goodbye(b"{}")) if isinstance(f, Control)] == [GOAWAY]


@pytest.mark.parametrize(
    "frames",
    [
        [opening(2, streamtype="stdin")],
        [opening(1, streamtype="stdin"), opening(1, streamtype="stdout")],
        [opening(1, streamtype="stdin"), opening(3, streamtype="stdin")],
        [opening(1, streamtype="odd")],
        [opening(1)],
        [Data(1, b"x")],
        [opening(1, streamtype="stdout"), Data(1, b"x")],
        [Control(SYN_REPLY, 0, b"\0\0\0\1")],
    ],
)
def test_what_a_client_may_not_send(frames: list[Control | Data]) -> None:
    with pytest.raises(ProtocolError) as caught:
        SpdyCodec().client(written(*frames))
    assert caught.value.side == "client"


@pytest.mark.parametrize(
    "frame", [opening(2, streamtype="stdin"), Data(3, b"x"), Data(99, b"x"), Control(SYN_REPLY, 0, b"\0\0\0\x0b")]
)
def test_what_a_target_may_not_send(frame: Control | Data) -> None:
    codec, _, _ = begun()
    with pytest.raises(ProtocolError) as caught:
        codec.target(written(frame))
    assert caught.value.side == "target"


@given(st.binary(max_size=80), st.booleans())
def test_anything_is_parts_or_a_fault(data: bytes, client: bool) -> None:
    codec, _, _ = begun()
    try:
        (codec.client if client else codec.target)(data)
    except ProtocolError as error:
        assert error.side == ("client" if client else "target")
