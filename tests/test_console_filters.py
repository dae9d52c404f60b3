from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from twisted_hoop.approval.shown import shown
from twisted_hoop.console.filters import FILTERS, address, clock, exact, offset, size, span, stamp


def test_hidden_characters_stand_in_marks_with_their_names() -> None:
    """A3."""
    assert exact(shown("a\u202eb")) == 'a<mark class="hidden" title="right-to-left override">\\u{202E}</mark>b'
    assert 'title="a control character"' in exact(shown("\x1b[31m"))


def test_markup_is_text() -> None:
    assert exact("<script>&\"'") == "&lt;script&gt;&amp;&#34;&#39;"


@given(st.text())
def test_any_text_comes_out_escaped_and_nothing_hides(text: str) -> None:
    """A3, R6: nothing but our own marks is markup, and taking them away gives exactly what `shown` wrote."""
    made = exact(shown(text))
    plain = re.sub(r'<mark class="hidden" title="[a-z0-9 ()-]+">|</mark>', "", made)
    assert "<" not in plain and ">" not in plain
    assert Markup(plain).unescape() == shown(text)
    assert not any(char in made for char in "\u202e\u202d\u2066\u200b\x1b\x00\r")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (-5, "0 s"), (0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h")],
)
def test_spans(seconds: float | None, words: str) -> None:
    assert span(seconds) == words


def test_times_are_utc_and_odd_ones_are_none() -> None:
    assert stamp(0.0) == '<time datetime="1970-01-01T00:00:00+00:00">1970-01-01 00:00:00</time>'
    assert clock(3661) == '<time datetime="1970-01-01T01:01:01+00:00">01:01:01</time>'
    for odd in (None, math.nan, math.inf, 1e300):
        assert stamp(odd) == clock(odd) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.000"), (3.25, "0:03.250"), (723.25, "12:03.250"), (3723.5, "1:02:03.500"), ("x", "0:00.000")],
)
def test_offsets(seconds: object, text: str) -> None:
    assert offset(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (4100, "4.1 kB"), (12_000_000, "12 MB"), (5e15, "5000000 GB")],
)
def test_sizes(count: int | None, text: str) -> None:
    assert size(count) == text


def test_templates_find_them() -> None:
    assert set(FILTERS) == {"exact", "stamp", "clock", "span", "offset", "size", "address"}


def test_listeners_as_people_read_them() -> None:
    assert address("pg postgres IPv4Address(type='TCP', host='127.0.0.1', port=5432)") == (
        "pg",
        "postgres",
        "127.0.0.1:5432",
    )
    assert address("x api IPv6Address(type='TCP', host='::1', port=1, flowInfo=0)") == ("x", "api", "[::1]:1")
    assert address("pg postgres UNIXAddress('/run/x')") == ("pg", "postgres", "UNIXAddress('/run/x')")
    assert address("") == ("", "", "")
