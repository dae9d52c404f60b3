"""Channel requests: a value or a ValueError, never anything else; sizes within reason (S21)."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_relay import env_, exec_, ns, pty_, resize_, status_
from twisted_hoop.ssh import requests as names
from twisted_hoop.ssh.events import Request


def test_terminals_are_read_and_written() -> None:
    terminal = names.parse_terminal(pty_(100, 40, b"xterm-256color", b"\x01\0\0\0\x03\0").data)
    assert terminal.size == names.Size(100, 40, 640, 480) and terminal.term == b"xterm-256color"
    assert terminal.request() == pty_(100, 40, b"xterm-256color", b"\x01\0\0\0\x03\0")
    assert terminal.resized(names.Size(1, 2)).size == names.Size(1, 2)


@pytest.mark.parametrize(
    ("sent", "believed"),
    [((0, 0), (80, 24)), ((2**32 - 1, 2**32 - 1), (4096, 4096)), ((1, 1), (1, 1)), ((0, 50), (80, 50))],
)
def test_S21_sizes(sent: tuple[int, int], believed: tuple[int, int]) -> None:
    size = names.parse_size(resize_(*sent).data)
    assert (size.columns, size.rows) == believed


def test_S21_pixels_too() -> None:
    size = names.parse_size(struct.pack(">4I", 80, 24, 2**32 - 1, 2**32 - 1))
    assert (size.width, size.height) == (0xFFFF, 0xFFFF)


@pytest.mark.parametrize("term", [b"x" * 65, b"\x1b[31m", b"\xff", b"a\0b"])
def test_S19_a_terminal_with_an_odd_name_is_refused(term: bytes) -> None:
    with pytest.raises(ValueError):
        names.parse_terminal(pty_(term=term).data)


def test_variables() -> None:
    assert names.parse_env(env_(b"LANG", b"C").data) == (b"LANG", b"C")
    assert names.env_request(b"LANG", b"C") == env_(b"LANG", b"C")
    for name, value in ((b"", b""), (b"A=B", b""), (b"A\0", b""), (b"A", b"\0")):
        with pytest.raises(ValueError, match="variable"):
            names.parse_env(ns(name) + ns(value))


def test_ends() -> None:
    assert names.parse_exit(names.exit_status(7)) == {"status": 7} and names.exit_status(7) == status_(7)
    killed = Request(b"exit-signal", ns(b"KILL") + b"\x01" + ns(b"out of memory") + ns(b"en"))
    assert names.parse_exit(killed) == {"signal": "KILL", "core": True, "message": "out of memory"}
    assert names.parse_exit(Request(b"exit-status", b"\0")) == {}


def test_text_is_shown_whatever_its_bytes_are() -> None:
    assert names.parse_text(exec_(b"echo \xff").data) == b"echo \xff"
    assert names.shown(b"echo \xff") == "echo \\xff"


@given(st.binary(max_size=80))
def test_anything_is_a_value_or_a_value_error(data: bytes) -> None:
    for parse in (names.parse_terminal, names.parse_size, names.parse_env, names.parse_text):
        with contextlib.suppress(ValueError):
            parse(data)
    names.parse_exit(Request(b"exit-signal", data))
