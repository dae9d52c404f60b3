"""Packets of the SSH file transfer protocol, version 3: numbers, fields, answers. Pure.

Source: draft-ietf-secsh-filexfer-02; OpenSSH's PROTOCOL, section 4, for its extensions and for symlink's order.
"""

from __future__ import annotations

import struct
from typing import Final

from twisted_hoop.ssh.fields import MalformedMessage, Reader, string

VERSION: Final = 3
MAX: Final = 256 * 1024
"""Longest packet that is looked at as a whole; DATA and WRITE pass as bytes and may be longer."""

INIT, VERSION_REPLY, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR = range(1, 13)
REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(13, 21)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE = range(6)
OP_UNSUPPORTED: Final = 8

READ_FLAG, WRITE_FLAG, APPEND_FLAG, CREATE_FLAG, TRUNCATE_FLAG, EXCLUSIVE_FLAG = (1 << bit for bit in range(6))
_FLAG_WORDS: Final = ("read", "write", "append", "create", "truncate", "exclusive")
_SIZE, _OWNER, _MODE, _TIMES = 1, 2, 4, 8
_KNOWN_ATTRIBUTES: Final = _SIZE | _OWNER | _MODE | _TIMES


def attributes(reader: Reader) -> str:
    """ATTRS (section 5) in words: `size=0 mode=0644`. Raises MalformedMessage, also for attributes nobody knows."""
    flags = reader.uint32()
    if flags & ~_KNOWN_ATTRIBUTES:
        raise MalformedMessage(f"attributes {flags:#x} are not known")
    words = []
    if flags & _SIZE:
        words.append(f"size={uint64(reader)}")
    if flags & _OWNER:
        words.append(f"owner={reader.uint32()}:{reader.uint32()}")
    if flags & _MODE:
        words.append(f"mode={reader.uint32() & 0o7777:04o}")
    if flags & _TIMES:
        words.append(f"times={reader.uint32()},{reader.uint32()}")
    return " ".join(words)


def uint64(reader: Reader) -> int:
    """An integer of eight bytes."""
    return reader.uint32() << 32 | reader.uint32()


def packet(kind: int, body: bytes) -> bytes:
    """A whole packet; `body` begins with the request's id, where there is one."""
    return struct.pack(">IB", len(body) + 1, kind) + body


def status(request: int, code: int, message: str) -> bytes:
    """SSH_FXP_STATUS (section 7)."""
    return packet(STATUS, struct.pack(">II", request, code) + string(message.encode("utf-8", "replace")) + string(b""))


def open_words(flags: int) -> str:
    """The flags of OPEN (section 6.3) in words."""
    return " ".join(word for bit, word in enumerate(_FLAG_WORDS) if flags >> bit & 1) or "read"
