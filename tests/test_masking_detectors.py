"""The detector as a whole: the filter never misses what the search finds, finds never overlap, nothing is quadratic."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_masking_patterns import FOUND
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.masking.detectors import NAMES, Detector, Span

EVERYTHING = Detector(NAMES, ["id-[0-9]+", r"\Awhole\z"])
PIECES = st.sampled_from([value.encode() for _, value in FOUND] + [b" ", b"x", b"-", b"4", b"1 ", b"\xff", b"id-77"])


@given(st.binary(max_size=200) | st.lists(PIECES, max_size=8).map(b"".join))
def test_spans_are_in_order_and_the_filter_knows_them(data: bytes) -> None:
    spans = EVERYTHING.spans(data)
    if spans:
        assert EVERYTHING.might(data)
    at = 0
    for span in spans:
        assert at <= span.start < span.end <= len(data)
        assert {span.name, *span.others} <= set(EVERYTHING.names)
        at = span.end
    assert EVERYTHING.first(data) == (spans[0].name if spans else "")


@given(st.lists(st.lists(PIECES, max_size=3).map(b"".join), max_size=5))
def test_joined_cells_say_yes_when_any_cell_does(cells: list[bytes]) -> None:
    """What a relay does with a chunk of rows: one look at the cells joined by newlines."""
    if any(EVERYTHING.spans(cell) for cell in cells):
        assert EVERYTHING.might(b"\n".join(cells))


@pytest.mark.parametrize("pattern", [r"^secret$", r"\Asecret\z", r"(?i)^SECRET$", r"(?-m)^secret$", r"(?-m:^)secret"])
def test_anchors_mean_the_cell_in_joined_cells_too(pattern: str) -> None:
    detector = Detector([], [pattern])
    assert detector.spans(b"secret") == [Span(0, 6, "pattern-1")]
    assert detector.spans(b"x\nsecret\ny") == []
    assert detector.might(b"x\nsecret\ny")


def test_overlapping_finds_become_one_span() -> None:
    """Nothing of either may stay visible."""
    detector = Detector([], ["abcd", "cdefgh", "zz"])
    assert detector.spans(b"-abcdefgh-zz") == [
        Span(1, 9, "pattern-2", ("pattern-1",)),
        Span(10, 12, "pattern-3"),
    ]


def test_names_are_given_once() -> None:
    assert Detector(["card", "card", "api-key"], ["x"]).names == ("card", "api-key", "pattern-1")


@pytest.mark.parametrize(("names", "patterns"), [(["cards"], []), ([], ["(?=x)"]), ([], ["("]), ([], [r"(a)\1"])])
def test_what_is_not_understood_is_refused_at_start(names: list[str], patterns: list[str]) -> None:
    """C8: look-around and back references, which need more than linear time, do not compile."""
    with pytest.raises(ConfigurationError) as caught:
        Detector(names, patterns)
    assert len(caught.value.problems) == 1


def test_a_pattern_of_nothing_finds_nothing() -> None:
    assert Detector([], ["x*"]).spans(b"abc") == []
    assert Detector([], ["x*"]).spans(b"axxb") == [Span(1, 3, "pattern-1")]


def test_no_detectors() -> None:
    detector = Detector([])
    assert not detector.might(b"4111111111111111")
    assert detector.spans(b"4111111111111111") == []


@pytest.mark.parametrize("text", [rb'"\u0034111111111111111"', rb"\x34313131", b"&#52;111"])
def test_escapes_ask_for_a_closer_look(text: bytes) -> None:
    """M2: a digit written as an escape must not get past the filter."""
    assert Detector(["card"]).might(text)


EVIL = [
    b"4" * 300_000, b"1 " * 150_000, b"4111111111111111 " * 20_000, b"sk-" * 100_000, b"eyJ" * 100_000,
    b"+1" * 150_000, b"123-45-678" * 30_000, b"a@" * 150_000, b"DE89" * 75_000, b"-----BEGIN PRIVATE KEY-----" * 10_000,
    b"AKIA" * 75_000, b"x" * 300_000, b"202-555-" * 35_000,
]  # fmt: skip


@pytest.mark.parametrize("data", EVIL, ids=lambda d: d[:12].decode())
def test_nothing_takes_long(data: bytes) -> None:
    """C8: 300 kB made to hurt. A quadratic search would take minutes; the bound is wide for loaded machines."""
    began = time.process_time()
    EVERYTHING.might(data)
    EVERYTHING.spans(data)
    assert time.process_time() - began < 3


def test_a_user_pattern_that_reads_to_the_end_every_time_is_cut_short() -> None:
    """C8: every match of x(.*y)? reads the whole rest. After some hundred the rest is hidden as one."""
    began = time.process_time()
    spans = Detector([], ["x(?:.*y)?"]).spans(b"x" * (1 << 20))
    assert time.process_time() - began < 5
    assert len(spans) < 1000 and spans[-1].end == 1 << 20


@settings(max_examples=30)
@given(st.text(max_size=50))
def test_a_user_s_pattern_of_any_text_compiles_or_is_refused(pattern: str) -> None:
    try:
        Detector([], [pattern]).spans(b"some text 123")
    except ConfigurationError as error:
        assert error.problems
    except UnicodeEncodeError:
        assert any(0xD800 <= ord(c) <= 0xDFFF for c in pattern)


@given(st.lists(PIECES, max_size=8).map(b"".join), st.lists(PIECES, max_size=8).map(b"".join))
def test_rules_of_a_text_hold_for_its_lines(first: bytes, second: bytes) -> None:
    """M3: what was said of a block finds in a line of it what the line by itself shows."""
    own = Detector(NAMES)
    rules = own.rules(first + b"\n" + second)
    assert bool(rules) == own.might(first + b"\n" + second)
    for line in (first, second):
        assert own.spans(line, rules) == own.spans(line)
