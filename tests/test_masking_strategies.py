"""The four strategies: what is shown, that joins still work, and that NULL and types are respected."""

from __future__ import annotations

import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.lineage.catalogue import TypeInfo
from twisted_hoop.masking import oids
from twisted_hoop.masking.strategies import (
    bytea_octets,
    cell_masker,
    hashed_text,
    is_text,
    masker_for,
    partial,
    replace_text,
    strictest,
)
from twisted_hoop.settings import MaskSection

KEY = b"k" * 32
TEXT, VARCHAR, BPCHAR, DATE = 25, 1043, 1042, 1082


def hashed(oid: int, value: bytes, fmt: int = 0, typmod: int = -1) -> bytes:
    return masker_for("hash", oid, typmod, fmt, {}, KEY)(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("4111111111111111", "************1111"),
        ("4111-1111-1111-1111", "***************1111"),
        ("734-10-1000", "*********00"),
        ("12345678", "******78"),
        ("1234567", "******7"),
        ("123", "*****"),
        ("", "*****"),
        ("----", "*****"),
        ("ada@example.com", "************com"),
        ("Jürgen Groß-Müller", "**************ller"),
        ("日本語日本語日本語日本語", "*********日本語"),
        ("a" * 1000, "*" * 60 + "aaaa"),
    ],
)
def test_partial(value: str, shown: str) -> None:
    assert partial(value.encode()).decode() == shown


@given(st.text(max_size=200))
def test_partial_shows_at_most_a_quarter_and_stays_utf8(value: str) -> None:
    shown = partial(value.encode("utf-8", "surrogatepass")).decode()
    kept = [c for c in shown if c != "*"]
    assert len(kept) <= min(4, len(value) // 4)
    assert len(shown) <= max(5, min(64, len(value)))


@given(st.binary(max_size=60))
def test_partial_of_anything_is_utf8(value: bytes) -> None:
    partial(value).decode()


@given(st.integers(-(2**15), 2**15 - 1))
def test_hash_joins_integers_across_widths_and_formats(number: int) -> None:
    """The same number gives the same hash within a width, in text and in binary, and a valid positive number."""
    for oid, width in ((oids.INT2, 2), (oids.INT4, 4), (oids.INT8, 8)):
        text = hashed(oid, str(number).encode())
        binary = hashed(oid, number.to_bytes(width, "big", signed=True), 1)
        assert int(text) == int.from_bytes(binary, "big", signed=True)
        assert 0 < int(text) < 2 ** (8 * width - 1)


def test_hash_of_large_oids_agrees() -> None:
    assert (
        int(hashed(oids.OID, b"4000000000"))
        == struct.unpack(">I", hashed(oids.OID, struct.pack(">I", 4 * 10**9), 1))[0]
    )


@given(st.uuids())
def test_hash_joins_uuids_across_formats(value: uuid.UUID) -> None:
    text = uuid.UUID(hashed(oids.UUID, str(value).encode()).decode())
    assert text.bytes == hashed(oids.UUID, value.bytes, 1)
    assert (text.version, text.variant) == (8, uuid.RFC_4122)
    assert text != value


@given(st.binary(max_size=100))
def test_hash_joins_byteas_across_formats(value: bytes) -> None:
    escaped = b"".join(b"\\\\" if c == 92 else bytes((c,)) if 32 <= c < 127 else b"\\%03o" % c for c in value)
    binary = hashed(oids.BYTEA, value, 1)
    assert hashed(oids.BYTEA, b"\\x" + value.hex().encode()) == b"\\x" + binary.hex().encode()
    if not value.startswith(b"\\x"):
        assert bytea_octets(escaped) == value


@given(st.binary(max_size=40))
def test_bytea_octets_never_fails(value: bytes) -> None:
    assert isinstance(bytea_octets(value), bytes)


@given(st.text(min_size=1, max_size=40))
def test_hash_of_text_joins_across_types(value: str) -> None:
    data = value.encode("utf-8", "surrogatepass")
    expected = hashed(TEXT, data)
    assert expected == hashed_text(KEY, data) == hashed(VARCHAR, data) == hashed(TEXT, data, 1)
    assert expected != hashed_text(b"another key", data)
    assert expected.startswith(b"h_") and len(expected) == 24 and expected[2:].isalnum()


def test_hash_of_padded_char_joins_with_varchar() -> None:
    assert hashed(BPCHAR, b"abc       ", typmod=34).rstrip() == hashed(VARCHAR, b"abc", typmod=34)


@pytest.mark.parametrize("width", [1, 2, 5, 10, 23, 24, 30])
@pytest.mark.parametrize("strategy", ["redact", "partial", "hash"])
@pytest.mark.parametrize("oid", [VARCHAR, BPCHAR])
def test_results_fit_their_column(width: int, strategy: str, oid: int) -> None:
    """M2: varchar(n) and char(n) hold no more than n characters; the type modifier is n + 4."""
    value = ("x" * width).encode()
    masker = masker_for(strategy, oid, width + 4, 0, {}, KEY)
    result = masker(value).decode()
    assert len(result) <= width and (oid == VARCHAR or len(result) == width)


def test_json_stays_json() -> None:
    assert hashed(oids.JSONB, b'\x01{"a": 1}', 1)[:1] == b"\x01"
    assert hashed(oids.JSONB, b'{"a": 1}')[:3] == b'"h_'
    assert hashed(oids.JSONB, b'\x01{"a": 1}', 1)[1:] == hashed(oids.JSON, b'{"a": 1}')
    assert masker_for("partial", oids.JSONB, -1, 1, {}, KEY).constant == b'\x01"*****"'


@pytest.mark.parametrize("strategy", ["redact", "partial", "hash"])
def test_other_types_become_neutral(strategy: str) -> None:
    masker = masker_for(strategy, DATE, -1, 0, {}, KEY)
    assert masker.constant == b"2000-01-01" == masker(b"1970-05-05") and not masker.null


def test_null_and_types_without_a_neutral_value_become_null() -> None:
    for strategy, oid in (("null", TEXT), ("redact", 424242), ("hash", 424242), ("partial", 1033)):
        masker = masker_for(strategy, oid, -1, 0, {}, KEY)
        assert masker.null and masker.constant is None
        with pytest.raises(ValueError):
            masker(b"x")


def test_redact_keeps_no_length() -> None:
    masker = cell_masker(MaskSection(name="m", columns=["x"]), TEXT, -1, 0, {}, KEY)
    assert masker.constant == b"*****" == masker(b"a") == masker(b"a" * 100)


def test_domains_and_extension_strings_are_texts() -> None:
    types = {9: TypeInfo(9, "public", "card", "d", base=25), 8: TypeInfo(8, "public", "citext", "b", "S")}
    assert masker_for("partial", 9, -1, 0, types, KEY)(b"4111111111111111") == b"************1111"
    assert masker_for("partial", 8, -1, 1, types, KEY)(b"4111111111111111") == b"************1111"
    assert is_text(8, types) and not is_text(20, types)


def test_char_of_one_octet() -> None:
    for strategy in ("redact", "partial", "hash"):
        assert masker_for(strategy, oids.CHAR, -1, 0, {}, KEY)(b"x") == b"*"


def test_strictest() -> None:
    assert strictest(["partial", "null", "hash"]) == "null"
    assert strictest(["partial", "hash"]) == "hash"
    assert strictest(["redact", "hash"]) == "redact"
    with pytest.raises(ValueError):
        strictest([])


def test_inside_a_text_null_hides_like_redact() -> None:
    assert replace_text("null", KEY, b"x") == replace_text("redact", KEY, b"x") == b"*****"
    assert replace_text("partial", KEY, b"4111111111111111") == b"************1111"
    assert replace_text("hash", KEY, b"x") == hashed_text(KEY, b"x")
