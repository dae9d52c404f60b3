"""Streams of a command: masked, counted, recorded as the client sees them (M12, R8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.masking.streams import StreamLooker
from twisted_hoop.recording.streams import stream_bytes
from twisted_hoop.settings import MaskSection
from twisted_hoop.ssh.events import STDERR, STDOUT, Data
from twisted_hoop.ssh.streams import Objection, Streams
from twisted_hoop.steps import Record, Step, ToClient, ToTarget

CARD = b"4111 1111 1111 1111"


def passed(steps: list[Step]) -> bytes:
    """What goes on."""
    return b"".join(bytes(s.data.data) for s in steps if isinstance(s, (ToClient, ToTarget)))


def recorded(steps: list[Step]) -> bytes:
    """What is recorded."""
    return b"".join(stream_bytes(s.entry.data) for s in steps if isinstance(s, Record))


def masked(*, output: bool = True) -> Streams:
    masks = MaskSet([MaskSection(name="cards", detect=["card"])], b"k" * 32)
    maskers = {stream: masks.stream_masker(masks.names) for stream in (STDOUT, STDERR)}
    return Streams(1, {k: m for k, m in maskers.items() if m is not None}, None, output=output, inputs=True)


def looking(action: str) -> Streams:
    section = MaskSection.model_validate(
        {
            "name": "m",
            "detect": ["card"],
            "direction": "request",
            "action": action,
            "approvers": ["x"] if action == "review" else [],
        }
    )
    masks = MaskSet([section], b"k" * 32)
    return Streams(1, {}, StreamLooker(masks.request_masks(masks.names)), output=True, inputs=True)


@given(st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(min_size=1, max_size=30))))
def test_without_masks_everything_passes_as_it_is_behind_its_record(parts: list[tuple[int, bytes]]) -> None:
    streams = Streams(1, {}, None, output=True, inputs=True)
    for stream, data in parts:
        steps = streams.outgoing(Data(stream, memoryview(data)))
        assert [type(s) for s in steps] == [Record, ToClient]
        assert passed(steps) == recorded(steps) == data
        assert passed(streams.incoming(data)) == data
    total = sum(len(data) for _, data in parts)
    sizes = streams.totals()
    assert sizes["stdout"] + sizes["stderr"] == sizes["stdin"] == total


@given(st.integers(1, 30))
def test_M3_M12_a_value_is_hidden_wherever_it_is_cut(cut: int) -> None:
    streams, steps = masked(), list[Step]()
    text = b"card " + CARD + b" end\n"
    for at in range(0, len(text), cut):
        steps += streams.outgoing(Data(STDOUT, text[at : at + cut]))
    steps += streams.output_ended()
    assert b"1111" not in passed(steps) and passed(steps) == recorded(steps)
    assert streams.totals()["masked"] == 1


def test_stdout_and_stderr_are_looked_at_apart() -> None:
    streams = masked()
    steps = streams.outgoing(Data(STDOUT, CARD[:10])) + streams.outgoing(Data(STDERR, CARD[10:] + b"\n"))
    steps += streams.output_ended()
    assert CARD[:10] in passed(steps) and CARD[10:] in passed(steps)


def test_what_is_held_waits_for_a_moment() -> None:
    streams = masked()
    assert passed(streams.outgoing(Data(STDOUT, b"name: "))) == b"" and streams.held
    assert passed(streams.idle()) == b"name: " and not streams.held


def test_what_is_only_counted() -> None:
    streams = Streams(1, {}, None, output=False, inputs=False)
    steps = streams.outgoing(Data(STDOUT, b"abc")) + streams.incoming(b"defg")
    assert recorded(steps) == b"" and (streams.totals()["stdout"], streams.totals()["stdin"]) == (3, 4)


@pytest.mark.parametrize("action", ["deny", "review"])
def test_what_may_not_go_in_raises_before_it_is_sent(action: str) -> None:
    streams = looking(action)
    streams.incoming(b"number " + CARD[:8])
    with pytest.raises(Objection, match="mask m found card") as caught:
        streams.incoming(CARD[8:] + b"\n")
    assert b"1111" not in str(caught.value).encode()


def test_what_is_masked_on_its_way_in() -> None:
    streams = looking("mask")
    steps = streams.incoming(CARD + b"\n") + streams.input_ended()
    assert b"1111" not in passed(steps) and b"1111" not in recorded(steps) and streams.totals()["masked"] == 1
