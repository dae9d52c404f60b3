"""All looks at one stream together."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import CARD, KEY_LINES, SIZES, cut, looker, masker, masks, through

DOCUMENTS = [
    b'{"card_number":"41","n":"4111 1111 1111 1111","m":{"x_token":[1,"two"]}}\n',
    b'{\n  "card_number" :\n   "41",\n "s":"{\\"card_number\\":\\"99\\"}"\n}\n',
    b'id,card_number,mail\n1,41,a@b.example\n2,"42\n43",c@d.example\n',
    b" id |  card_number  | name\n----+---------------+------\n  1 | 41            | x\n(1 row)\n\n",
    KEY_LINES,
    b"total \x1b[32m4111 1111\x1b[0m 1111 1111\r\n",
    b"plain text, nothing in it\n",
    b"\x7fELF\x02\x01\0\0" + bytes(range(256)),
]


@given(st.lists(st.sampled_from(DOCUMENTS), max_size=4), SIZES)
def test_however_a_stream_is_cut_m3(documents: list[bytes], sizes: list[int]) -> None:
    """M3: packets end anywhere; what comes out does not depend on it, and shows nothing that was to be hidden."""
    data = b"".join(documents)
    whole = masker()
    shown = through(whole, data)
    again = masker()
    assert through(again, *cut(data, sizes)) == shown
    assert (again.masked, again.held) == (whole.masked, 0)
    for secret in (b"4111 1111", b"1111 1111\r", b"a@b.example", b"b3Blb", b'"two"', b'"99'):
        assert secret not in shown


@given(st.binary(max_size=400), SIZES)
def test_whatever_comes_only_finds_are_changed(data: bytes, sizes: list[int]) -> None:
    found = masker()
    shown = through(found, *cut(data, sizes))
    assert shown == data or found.masked


def test_memoryviews_are_taken() -> None:
    assert masker().feed(memoryview(CARD + b"\n")) == b"*****\n"


def test_a_prompt_is_shown_after_a_moment_and_half_a_value_is_not() -> None:
    found = masker()
    assert found.feed(b"Welcome\n$ ") == b"Welcome\n"
    assert found.held == 2
    assert (found.idle(), found.held) == (b"$ ", 0)
    assert found.feed(b"4111 1111 11") + found.idle() == b""
    assert found.feed(b"11 1111\n") == b"*****\n"
    assert found.masked == 1


def test_no_masks_no_masker() -> None:
    assert masks(detect=["card"]).stream_masker(frozenset()) is None
    assert masks(columns=["a.b"]).stream_masker(frozenset({"m"})) is None
    assert masks(detect=["card"]).stream_looker(frozenset({"m"})) is None
    assert masks(fields=["x"]).stream_masker(frozenset({"m"})) is not None


def test_masks_that_look_at_what_goes_in_hide_nothing_that_comes_out() -> None:
    assert masks(detect=["card"], direction="request").stream_masker(frozenset({"m"})) is None


def test_fields_alone_leave_the_rest() -> None:
    found = masker(fields=["card"])
    assert through(found, b'{"card":"x","n":"4111111111111111"}\n') == b'{"card":"*****","n":"4111111111111111"}\n'


@given(SIZES)
def test_what_goes_in_is_rewritten_and_told(sizes: list[int]) -> None:
    found = looker(detect=["card"])
    out, names = b"", []
    for piece in cut(b"insert " + CARD + b" twice " + CARD + b"\nend", sizes):
        shown, findings = found.feed(piece)
        out += shown
        names += [(f.mask, f.action, f.detector, f.where) for f in findings]
    rest, more = found.flush()
    assert out + rest == b"insert ***** twice *****\nend" and not more
    assert names == [("m", "mask", "card", "stdin")]
    assert (found.masked, found.held) == (2, 0)


@pytest.mark.parametrize("action", ["deny", "review"])
def test_what_may_not_go_in_is_told_before_it_is_answered(action: str) -> None:
    more = {"approvers": ["dba"]} if action == "review" else {}
    found = looker(detect=["card"], action=action, **more)
    assert found.feed(b"half " + CARD[:8]) == (b"", [])
    shown, findings = found.feed(CARD[8:] + b"\n")
    assert shown == b"half " + CARD + b"\n", "it is the caller who keeps it from the target"
    assert [f.action for f in findings] == [action]


def test_a_lookers_moment() -> None:
    found = looker(detect=["card"])
    assert found.feed(b"y") == (b"", [])
    assert found.idle() == (b"y", [])


def test_a_mask_that_rewrites_hides_nothing_from_one_that_denies() -> None:
    from twisted_hoop.masking.masker import MaskSet
    from twisted_hoop.settings import MaskSection

    sections = [
        MaskSection(name="a", detect=["card"], direction="request"),
        MaskSection(name="b", detect=["card"], direction="request", action="deny"),
        MaskSection(name="c", patterns=["secret"], direction="request"),
    ]
    found = MaskSet(sections, b"k" * 32).stream_looker(frozenset("abc"))
    assert found is not None
    shown, findings = found.feed(CARD + b" secret\n")
    assert shown == b"***** *****\n"
    assert [(f.mask, f.action) for f in findings] == [("a", "mask"), ("b", "deny"), ("c", "mask")]


def test_text_without_finds_is_fast() -> None:
    """performance: at least 40 MB/s on a core of its own; a wide bound for machines that are busy."""
    line = b'Nov 22 10:05:13 web-1 sshd[30139]: {"user": "bob"} the quick brown fox jumps over lazy dogs\n'
    piece = (line * 400)[:32768]
    found = masker()
    began = time.process_time()
    for _ in range(200):
        found.feed(piece)
    seconds = time.process_time() - began
    assert 200 * len(piece) / seconds > 10e6, seconds
