"""Attacks on masks over streams of text (rows M3 and M12, with C8)."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.streams import CARD, KEY_LINES, cut, looker, masker, through

SPACED = b"4111 1111 1111 1111"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 17, 32768])
def test_M3_a_value_split_over_packets(size: int) -> None:
    text = (
        b"user=alice card=" + SPACED + b" ok\r\n" + b'{"card_number": "x-1"}\n' + b"id,card_number\n7,x-2\n" + KEY_LINES
    )
    found = masker()
    shown = through(found, *cut(text, [size]))
    for secret in (b"4111", b"x-1", b"x-2", b"b3Blb", b"Nz"):
        assert secret not in shown
    assert found.masked == 4


def test_M3_a_value_split_by_a_pause() -> None:
    """What looks like the beginning of a value is not shown when a timer asks for what is held."""
    found = masker()
    shown = found.feed(b"card 4111 1111 ") + found.idle() + found.feed(b"1111 1111\n")
    assert shown == b"card *****\n"


def test_M3_escapes_between_the_digits() -> None:
    """Colours, links and titles between digits look like nothing to a person, and hide nothing."""
    for escape in (b"\x1b[0m", b"\x1b[38;5;9m", b"\x1b]8;;http://x\x1b\\", b"\x1b(B", b"\x1b]0;t\x07"):
        coloured = escape.join(SPACED[at : at + 1] for at in range(len(SPACED)))
        shown = through(masker(), b"n " + coloured + b"\n")
        assert shown == b"n *****" + escape * (len(SPACED) - 1) + b"\n"


def test_M3_long_lines_without_an_end() -> None:
    """Minified JSON of megabytes, with a value at every place where it might be cut."""
    rows = [{"n": number, "text": f"pay {SPACED.decode()} now", "card_number": number} for number in range(4_000)]
    found = masker()
    shown = through(found, *cut(json.dumps(rows).encode(), [32768]))
    assert SPACED not in shown and found.masked == 8_000
    assert all(row["card_number"] == 0 and row["text"] == "pay ***** now" for row in json.loads(shown))


def test_M3_a_stray_quote_hides_no_member() -> None:
    shown = through(masker(), b'5" disk {"card_number":"x-1"}\n"card_number: {"card_number":"x-2"}\n')
    assert b"x-1" not in shown and b"x-2" not in shown


def test_M3_a_private_key_a_byte_at_a_time() -> None:
    shown = through(masker(), *cut(b"x\n" + KEY_LINES + b"y_z\n", [1]))
    assert shown == b"x\n*****\ny_z\n"


def test_M12_what_goes_in_is_told_without_its_value() -> None:
    found = looker(detect=["card"], action="deny")
    _, findings = found.feed(b"insert " + CARD + b"\n")
    assert [finding.detector for finding in findings] == ["card"] and CARD.decode() not in str(findings)


@pytest.mark.parametrize(
    "data", [CARD * 4000, b'{"card_number":' * 10_000, b'"' * 100_000, b"a,b\n" * 20_000, b"\x1b[" * 50_000]
)
def test_C8_streams_made_to_hurt(data: bytes) -> None:
    """Linear time, whatever a target prints; the bound is wide for loaded machines."""
    began = time.process_time()
    through(masker(), *cut(data, [32768]))
    assert time.process_time() - began < 6


@pytest.mark.parametrize("before", [b"", b"\r\n", b"exported\n"])
def test_M3_a_byte_order_mark_hides_no_column(before: bytes) -> None:
    """Spreadsheets write one in front of the header, and so of its first name."""
    shown = through(masker(), before + b"\xef\xbb\xbfcard_number,id\r\nx-1,7\r\n")
    assert b"x-1" not in shown and b",7" in shown
