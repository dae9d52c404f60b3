"""twisted_hoop.ssh.fields: every length is checked, and nothing else is raised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.ssh.fields import LONGEST_NAME_LIST, MalformedMessage, Reader, name_list, shown, string, uint32

STEPS = st.sampled_from(["byte", "boolean", "uint32", "string", "text", "name_list", "rest", "end"])


@given(st.binary(max_size=60), st.lists(STEPS, max_size=8))
def test_any_bytes_give_values_or_the_one_error(data: bytes, steps: list[str]) -> None:
    reader = Reader(data)
    try:
        for step in steps:
            getattr(reader, step)()
    except MalformedMessage:
        pass


@given(st.integers(0, 2**32 - 1), st.binary(max_size=40), st.lists(st.from_regex(rb"[a-z0-9@.-]+", fullmatch=True)))
def test_what_is_written_is_read(number: int, data: bytes, names: list[bytes]) -> None:
    reader = Reader(uint32(number) + string(data) + name_list(names) + b"\0\x05tail")
    assert (reader.uint32(), reader.string(), reader.name_list()) == (number, data, tuple(names))
    assert (reader.boolean(), reader.boolean(), reader.rest()) == (False, True, b"tail")
    reader.end()


def test_what_follows_the_end_is_told() -> None:
    reader = Reader(b"\0")
    with pytest.raises(MalformedMessage):
        reader.end()


@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\5abcd", b"\x80\0\0\0abc"])
def test_a_string_that_is_cut(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        Reader(data).string()


def test_a_list_of_names_has_a_longest() -> None:
    assert len(Reader(string(b"a" * LONGEST_NAME_LIST)).name_list()) == 1
    with pytest.raises(MalformedMessage):
        Reader(string(b"a" * (LONGEST_NAME_LIST + 1))).name_list()
    assert Reader(string(b"")).name_list() == ()


def test_text_is_shown_without_anything_that_moves_a_cursor() -> None:
    """S19: control bytes, bytes that are not UTF-8."""
    assert shown(b"caf\xc3\xa9 \xff\x1b[2J\r\n\0") == "café \\xff\\x1b[2J\\r\\n\\x00"
    assert Reader(string(b"plain")).text() == "plain"
