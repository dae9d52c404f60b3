"""Fields of sftp packets."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.ssh import sftp_packets as sftp
from twisted_hoop.ssh.fields import MalformedMessage, Reader


@given(st.binary(max_size=60))
def test_attributes_are_words_or_the_documented_error(data: bytes) -> None:
    with contextlib.suppress(MalformedMessage):
        assert isinstance(sftp.attributes(Reader(data)), str)


def test_attributes_in_words() -> None:
    data = struct.pack(">IQIIIII", 15, 5 << 32, 1000, 100, 0o100644, 7, 8)
    reader = Reader(data)
    assert sftp.attributes(reader) == "size=21474836480 owner=1000:100 mode=0644 times=7,8"
    reader.end()
    assert sftp.attributes(Reader(bytes(4))) == ""
    with pytest.raises(MalformedMessage):
        sftp.attributes(Reader(struct.pack(">I", 0x80000000)))


def test_packets() -> None:
    assert sftp.packet(sftp.CLOSE, b"abc") == b"\0\0\0\4\4abc"
    assert sftp.status(7, 3, "no") == b"\0\0\0\x13e\0\0\0\7\0\0\0\3\0\0\0\2no\0\0\0\0"


@pytest.mark.parametrize(
    ("flags", "words"),
    [(0, "read"), (1, "read"), (0x1A, "write create truncate"), (0x2E, "write append create exclusive")],
)
def test_flags_in_words(flags: int, words: str) -> None:
    assert sftp.open_words(flags) == words
