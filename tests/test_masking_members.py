"""Members of JSON in a stream."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import SIZES, cut, fields, through
from twisted_hoop.masking.members import HELD, MemberMasker

NAMES = st.sampled_from(["card_number", "x_token", "name", "a", "Card_Number", "deep", 'qu"ote', "ü"])
SCALARS = st.none() | st.booleans() | st.integers(-99, 10**16) | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.text(max_size=12) | st.sampled_from(['"', "\\", 'x":', '{"card_number":"1"}', "\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
TEXTS = st.builds(
    lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(),
    VALUES,
    st.sampled_from([None, 2]),
    st.booleans(),
)


def masker() -> MemberMasker:
    return MemberMasker(fields("card_number", ".*_token"))


def expected(value: Any, hidden: bool = False) -> Any:
    """What must come out, by a walk over the parsed value."""
    if isinstance(value, dict):
        return {name: expected(item, hidden or name.lower() == "card_number" or name.lower().endswith("_token"))
                for name, item in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [expected(item, hidden) for item in value]
    if not hidden:
        return _inner(value) if isinstance(value, str) else value
    if isinstance(value, str):
        return "*****"
    return None if value is None or isinstance(value, bool) else 0


def _inner(text: str) -> str:
    return '{"card_number":"*****"}' if text == '{"card_number":"1"}' else text


@given(TEXTS, SIZES)
def test_members_by_name_at_any_depth_however_the_stream_is_cut_m3(data: bytes, sizes: list[int]) -> None:
    """M3: and what comes out is JSON that says the same but for what is hidden."""
    found = masker()
    shown = through(found, *cut(data, sizes))
    assert json.loads(shown) == expected(json.loads(data))
    if not found.masked:
        assert shown == data


@given(st.lists(TEXTS, max_size=4), SIZES)
def test_json_lines(lines: list[bytes], sizes: list[int]) -> None:
    data = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    shown = through(masker(), *cut(data, sizes))
    assert [json.loads(line) for line in shown.splitlines()] == [expected(json.loads(line)) for line in lines]


@given(st.binary(max_size=200) | st.text('"\\:{}[],\n cardnumber_', max_size=200).map(str.encode), SIZES)
def test_anything_else_passes_as_it_is_or_is_hidden_never_lost(data: bytes, sizes: list[int]) -> None:
    """Never an error; without a name that is hidden, never a changed octet."""
    found = MemberMasker(fields("no-such-name"))
    assert through(found, *cut(data, sizes)) == data
    assert found.masked == 0
    through(masker(), *cut(data, sizes))


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b'level=info {"card_number": 4111, "n": 1} took 3ms\n', b'level=info {"card_number": 0, "n": 1} took 3ms\n'),
        (b'"card_number" :\n\t"4111"', b'"card_number" :\n\t"*****"'),
        (rb'{"c\u0061rd_number":"41"}', rb'{"c\u0061rd_number":"*****"}'),
        (b'{"x_token":{"card":[1,{"y":"z"}]},"n":"keep"}', b'{"x_token":{"card":[0,{"y":"*****"}]},"n":"keep"}'),
        (b'{"card_number":true}', b'{"card_number":null}'),
        (b'{"card_number":"a\\"b","n":1}', b'{"card_number":"*****","n":1}'),
        (b'{"card_number":}', b'{"card_number":}'),
        (b'5" disk "card_number":"41"\n', b'5" disk "card_number":"*****"\n'),
    ],
)
def test_where_json_stands(data: bytes, shown: bytes) -> None:
    assert through(masker(), data) == shown


@pytest.mark.parametrize(
    ("strategy", "shown"), [("null", b"null"), ("partial", b'"************1111"'), ("redact", b'"*****"')]
)
def test_strategies(strategy: str, shown: bytes) -> None:
    found = MemberMasker(fields("card", strategy=strategy))
    assert through(found, b'{"card":"4111111111111111"}') == b'{"card":' + shown + b"}"
    assert found.masked == 1


def test_json_in_strings_of_json() -> None:
    inner = json.dumps({"card_number": "41", "n": json.dumps({"a_token": "t"})})
    shown = json.loads(through(masker(), json.dumps({"annotation": inner}).encode()))
    assert json.loads(shown["annotation"]) == {"card_number": "*****", "n": json.dumps({"a_token": "*****"})}


def test_a_long_value_is_hidden_to_its_end_and_not_kept() -> None:
    found = masker()
    out = found.feed(b'{"card_number":"')
    for _ in range(100):
        out += found.feed(b"x" * 10_000)
        assert found.held <= HELD + 10_000
    assert out + through(found, b'","n":"keep"}') == b'{"card_number":"*****","n":"keep"}'


def test_a_long_string_passes_without_being_kept() -> None:
    found = masker()
    out = found.feed(b'{"n":"')
    for _ in range(30):
        out += found.feed(b"y" * 10_000)
        assert found.held <= HELD
    out += through(found, b'","card_number":"41"}')
    assert out == b'{"n":"' + b"y" * 300_000 + b'","card_number":"*****"}'


def test_a_flush_in_the_middle_of_a_value_hides_it_all_the_same() -> None:
    """What a timer lets go must not show the rest."""
    found = masker()
    out = found.feed(b'{"card_number":"41') + found.flush() + found.feed(b'11", "n": 1}') + found.flush()
    assert out == b'{"card_number":"*****", "n": 1}'


@pytest.mark.parametrize(
    "data", [b'"' * 200_000, b'\\"' * 100_000, b'{"a":' * 40_000, b'"x_token":' * 20_000, b'"\\' * 100_000]
)
def test_nothing_takes_long(data: bytes) -> None:
    """C8: linear in what comes."""
    began = time.process_time()
    through(masker(), *cut(data, [32768]))
    assert time.process_time() - began < 5
