"""What goes in: parameters, literals and COPY rows, looked at by masks of direction `request`."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking.copybinary import SIGNATURE, TRAILER, pack
from twisted_hoop.masking.detectors import Detector
from twisted_hoop.masking.requests import (
    Action,
    CopyLooker,
    Finding,
    RequestMask,
    look_at_literals,
    look_at_parameter,
)
from twisted_hoop.masking.spans import SpanMasker

CARD = b"4111111111111111"
HEADER = SIGNATURE + bytes(8)


def mask(name: str, action: Action, detector: str = "card") -> RequestMask:
    return RequestMask(name, action, SpanMasker(Detector([detector]), {detector: "redact"}, b"k" * 32))


REWRITE, DENY, MAIL = mask("rewrite", "mask"), mask("deny", "deny"), mask("mail", "review", "email")


def test_a_parameter_is_rewritten() -> None:
    value, found = look_at_parameter([REWRITE, MAIL], 2, 25, 0, {}, b"pay " + CARD + b" to a@b.example")
    assert value == b"pay ***** to a@b.example"
    assert found == [
        Finding("rewrite", "mask", "card", "parameter $2"),
        Finding("mail", "review", "email", "parameter $2"),
    ]


def test_a_mask_that_rewrites_does_not_hide_a_find_from_one_that_denies() -> None:
    for masks in ([REWRITE, DENY], [DENY, REWRITE]):
        value, found = look_at_parameter(masks, 1, 25, 0, {}, CARD)
        assert value == b"*****"
        assert {f.mask for f in found} == {"rewrite", "deny"}


def test_a_denied_parameter_is_left_as_it_is() -> None:
    value = b"x " + CARD
    assert look_at_parameter([DENY], 1, 25, 0, {}, value) == (value, [Finding("deny", "deny", "card", "parameter $1")])


@pytest.mark.parametrize(
    ("oid", "fmt", "value", "masked"),
    [
        (20, 1, struct.pack(">q", int(CARD)), bytes(8)),
        (0, 1, struct.pack(">q", int(CARD)), bytes(8)),
        (1700, 0, CARD, b"0"),
        (3802, 1, b'\x01{"a": "\\u0034111111111111111"}', b'\x01{"a": "*****"}'),
        (17, 0, b"\\x" + CARD.hex().encode(), b"\\x2a2a2a2a2a"),
        (1009, 0, b'{"4111 1111 1111 1111"}', b'{"*****"}'),
        (0, 0, CARD, b"*****"),
    ],
)
def test_parameters_of_every_form(oid: int, fmt: int, value: bytes, masked: bytes) -> None:
    """M2, the other way round: a client cannot hide a value behind a type or a format."""
    assert look_at_parameter([REWRITE], 1, oid, fmt, {}, value)[0] == masked


def test_literals_are_reported_and_not_rewritten() -> None:
    found = look_at_literals([REWRITE, DENY], ["nothing", CARD.decode()])
    assert found == [Finding("rewrite", "mask", "card", "literal 2"), Finding("deny", "deny", "card", "literal 2")]
    assert look_at_literals([REWRITE], ["\ud800"]) == []


def test_findings_never_hold_the_value() -> None:
    """M12: they go into refusals and recordings."""
    for finding in look_at_literals([REWRITE, DENY, MAIL], [CARD.decode(), "alice@example.com"]):
        assert CARD.decode() not in repr(finding) and "alice" not in repr(finding)


@pytest.mark.parametrize(
    ("options", "data", "expected"),
    [
        ({}, b"1\t" + CARD + b"\tx\n2\t\\N\t\\\\\n", b"1\t*****\tx\n2\t\\N\t\\\\\n"),
        ({}, b"1\t\\064111111111111111\n", b"1\t*****\n"),
        ({}, b"1\t\\x34111111111111111\n\\.\n", b"1\t*****\n\\.\n"),
        ({}, b"1\t" + CARD + b"\r\n2\tx\r\n", b"1\t*****\r\n2\tx\r\n"),
        ({"format": "csv", "delimiter": ",", "null": ""}, b'1,"' + CARD + b'"\n,\n', b'1,"*****"\n,\n'),
        (
            {"format": "csv", "delimiter": ",", "null": "", "header": True},
            b"4111,b\n" + CARD + b",x",
            b"4111,b\n*****,x",
        ),
        ({"format": "binary"}, HEADER + pack([CARD, None]) + TRAILER, HEADER + pack([b"*" * 16, None]) + TRAILER),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_copy_rows_are_rewritten(options: dict[str, Any], data: bytes, expected: bytes, size: int) -> None:
    """M3: rows are looked at whole, however the client cuts them, and escapes do not hide a digit."""
    looker = CopyLooker(options.get("format", "text"), [REWRITE], **{k: v for k, v in options.items() if k != "format"})
    out, found = b"", []
    for start in range(0, len(data), size):
        piece, findings = looker.feed(data[start : start + size])
        out += piece
        found += findings
    piece, findings = looker.flush()
    assert out + piece == expected
    assert [f.detector for f in found + findings] == ["card"]
    assert looker.masked == 1


def test_where_a_find_is() -> None:
    looker = CopyLooker("text", [DENY])
    out, found = looker.feed(b"a\tb\nc\td " + CARD + b"\n")
    assert found == [Finding("deny", "deny", "card", "row 2, column 2")]
    assert CARD in out and looker.masked == 0


def test_known_types_of_binary_columns() -> None:
    looker = CopyLooker("binary", [REWRITE], type_oids=[20, 1700])
    out, found = looker.feed(HEADER + pack([struct.pack(">q", int(CARD)), None]))
    assert out == HEADER + pack([bytes(8), None]) and len(found) == 1


def test_many_finds_are_not_all_listed() -> None:
    looker = CopyLooker("text", [DENY])
    _, found = looker.feed((CARD + b"\n") * 500)
    assert len(found) == 100


def test_a_bare_carriage_return_is_refused() -> None:
    """The target would see other rows than we do."""
    for options, data in (({}, b"a\rb\n"), ({"format": "csv", "delimiter": ","}, b"a\rb,c\n")):
        with pytest.raises(ProtocolError) as caught:
            CopyLooker(options.get("format", "text"), [DENY], delimiter=options.get("delimiter", "\t")).feed(data)  # type: ignore[arg-type]
        assert (caught.value.side, caught.value.code) == ("client", "0A000")


@given(st.sampled_from(["text", "csv", "binary"]), st.binary(max_size=60))
def test_anything_is_rows_or_protocol_error(format_: Any, data: bytes) -> None:
    looker = CopyLooker(format_, [REWRITE, DENY])
    try:
        out = looker.feed(data[:30])[0] + looker.feed(data[30:])[0] + looker.flush()[0]
    except ProtocolError as error:
        assert error.side == "client"
    else:
        assert out == data  # nothing of that length holds a card by chance
