"""Channels of a WebSocket: what each side may send on which, in every subprotocol, wherever it is cut."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_streams import channels, message, messages
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.frames import BINARY, CLOSE, PING, TEXT, close_frame, frame
from twisted_hoop.kubernetes.parts import Part
from twisted_hoop.kubernetes.websocket import MAX_WHOLE, PROTOCOLS, ChannelCodec
from twisted_hoop.steps import Side

V5, V4, BASE64 = b"v5.channel.k8s.io", b"v4.channel.k8s.io", b"v4.base64.channel.k8s.io"


def fed(codec: ChannelCodec, side: Side, data: bytes, cuts: list[int]) -> list[Part]:
    """The parts of data that comes cut at those places."""
    take, found, last = (codec.client if side == "client" else codec.target), list[Part](), 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        found += take(data[last:cut])
        last = cut
    return found


OUTPUT = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=60)), max_size=6)


@given(OUTPUT, st.sampled_from([V5, V4]), st.lists(st.integers(0, 400), max_size=6))
def test_output_is_told_apart_wherever_it_is_cut(
    told: list[tuple[int, bytes]], protocol: bytes, cuts: list[int]
) -> None:
    data = b"".join(message("client", channel, payload) for channel, payload in told)
    parts = fed(ChannelCodec(protocol), "target", data, cuts)
    for number, stream in ((1, "stdout"), (2, "stderr")):
        expected = b"".join(payload for channel, payload in told if channel == number)
        assert b"".join(part.data for part in parts if part.stream == stream) == expected


def test_a_large_message_goes_on_as_it_comes() -> None:
    codec, data = ChannelCodec(V4), message("target", 0, b"x" * 400_000)
    parts = [part for at in range(0, len(data), 9000) for part in codec.client(data[at : at + 9000])]
    assert {part.stream for part in parts} == {"stdin"} and max(len(part.data) for part in parts) <= 9000
    assert sum(len(part.data) for part in parts) == 400_000
    written = codec.to_target("stdin", b"y" * 100_000)
    assert channels("client", written) == {0: b"y" * 100_000} and len(messages("client", written)) == 4


def test_a_message_in_fragments_is_one_channel() -> None:
    codec = ChannelCodec(V4)
    data = (
        frame("target", BINARY, b"", fin=False)
        + frame("target", 0, b"\x00ab", fin=False)
        + frame("target", 0, b"\x03c")
    )
    assert codec.client(data) == [Part("stdin", b"ab"), Part("stdin", b"\x03c")]


def test_what_must_be_whole_is_waited_for() -> None:
    codec = ChannelCodec(V4)
    status = frame("client", BINARY, b'\x03{"status":', fin=False)
    assert codec.target(status) == []
    assert codec.target(frame("client", 0, b'"Success"}')) == [Part("error", b'{"status":"Success"}')]
    assert codec.client(message("target", 4, b"{}")) == [Part("resize", b"{}")]
    with pytest.raises(ProtocolError):
        ChannelCodec(V4).target(message("client", 3, b"x" * (MAX_WHOLE + 1)))


def test_ends_of_streams_are_told_by_v5_only() -> None:
    codec = ChannelCodec(V5)
    assert codec.client(message("target", 255, b"\x00")) == [Part("stdin", b"", True)]
    assert codec.target(message("client", 255, b"\x01")) == [Part("stdout", b"", True)]
    (given_up,) = codec.client(message("target", 255, b"\x01"))
    assert given_up.stream == "" and channels("client", given_up.data) == {255: b"\x01"}
    assert channels("client", codec.to_target("stdin", b"a", True)) == {0: b"a", 255: b"\x00"}
    assert channels("client", ChannelCodec(V4).to_target("stdin", b"a", True)) == {0: b"a"}
    for odd in (b"\x09", b"", b"\x00\x00"):
        with pytest.raises(ProtocolError):
            ChannelCodec(V5).client(message("target", 255, odd))
    with pytest.raises(ProtocolError):
        ChannelCodec(V4).client(message("target", 255, b"\x00"))


def test_announced_channels_pings_and_the_end_go_on() -> None:
    codec = ChannelCodec(V4)
    parts = codec.target(message("client", 1, b"") + frame("client", PING, b"p") + close_frame("client", 1000))
    assert [(part.stream, part.last) for part in parts] == [("", False), ("", False), ("", True)]
    assert [m[0] for m in messages("target", b"".join(p.data for p in parts))] == [BINARY, PING, CLOSE]
    with pytest.raises(ProtocolError):
        codec.client(message("target", 9, b""))


@pytest.mark.parametrize(
    ("side", "channel"), [("client", 1), ("client", 2), ("client", 3), ("target", 0), ("target", 4)]
)
def test_nobody_speaks_for_the_other_side(side: Side, channel: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        fed(ChannelCodec(V4), side, message("target" if side == "client" else "client", channel, b"x"), [])
    assert caught.value.side == side


def test_base64_is_read_and_written() -> None:
    codec = ChannelCodec(BASE64)
    data = frame("target", TEXT, b"0" + base64.b64encode(b"ls\n"))
    assert fed(codec, "client", data, [3, 8]) == [Part("stdin", b"ls\n")]
    assert messages("target", codec.to_client("stdout", b"hi")) == [(TEXT, b"1aGk=")]
    assert codec.client(frame("target", TEXT, b"")) == []
    (announced,) = codec.target(frame("client", TEXT, b"1"))
    assert messages("target", announced.data) == [(TEXT, b"1")]
    for odd in (b"x", b"0!", b"0a"):
        with pytest.raises(ProtocolError):
            ChannelCodec(BASE64).client(frame("target", TEXT, odd))


def test_goodbye_is_a_status_and_a_close() -> None:
    found = messages("target", ChannelCodec(V5).goodbye(b"{}"))
    assert found[0] == (BINARY, b"\x03{}") and found[-1][0] == CLOSE


@given(
    st.binary(max_size=80), st.sampled_from(sorted(PROTOCOLS)), st.booleans(), st.lists(st.integers(0, 90), max_size=4)
)
def test_anything_is_parts_or_a_fault(data: bytes, protocol: bytes, client: bool, cuts: list[int]) -> None:
    """Raw bytes, and whatever in a frame."""
    side: Side = "client" if client else "target"
    for raw in (data, frame("target" if client else "client", BINARY, data)):
        try:
            fed(ChannelCodec(protocol), side, raw, cuts)
        except ProtocolError as error:
            assert error.side == side
