"""The packets of an sftp client and of a server, for tests that speak the protocol by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.support.transfers import Passing, gate
from twisted_hoop.ssh import sftp_packets as sftp
from twisted_hoop.ssh.fields import string
from twisted_hoop.ssh.sftp import SftpJudge

NO_ATTRIBUTES = bytes(4)
OWN = 0xFFFFFFFF


def request(kind: int, number: int, *parts: bytes | int) -> bytes:
    """A packet with an id; bytes become strings, numbers uint32."""
    body = b"".join(struct.pack(">I", part) if isinstance(part, int) else string(part) for part in parts)
    return sftp.packet(kind, struct.pack(">I", number) + body)


def opened(number: int, path: bytes, flags: int = sftp.READ_FLAG) -> bytes:
    """OPEN."""
    return sftp.packet(sftp.OPEN, struct.pack(">I", number) + string(path) + struct.pack(">I", flags) + NO_ATTRIBUTES)


def write(number: int, handle: bytes, offset: int, data: bytes) -> bytes:
    """WRITE."""
    body = struct.pack(">I", number) + string(handle) + struct.pack(">Q", offset) + string(data)
    return sftp.packet(sftp.WRITE, body)


def read(number: int, handle: bytes, offset: int, size: int) -> bytes:
    """READ."""
    return sftp.packet(sftp.READ, struct.pack(">I", number) + string(handle) + struct.pack(">QI", offset, size))


def extended(number: int, name: bytes, *parts: bytes) -> bytes:
    """EXTENDED."""
    return sftp.packet(sftp.EXTENDED, struct.pack(">I", number) + b"".join(map(string, (name, *parts))))


def init(version: int = 3) -> bytes:
    """INIT."""
    return sftp.packet(sftp.INIT, struct.pack(">I", version))


def version(*extensions: tuple[bytes, bytes], number: int = 3) -> bytes:
    """VERSION."""
    pairs = b"".join(string(name) + string(value) for name, value in extensions)
    return sftp.packet(sftp.VERSION_REPLY, struct.pack(">I", number) + pairs)


def name(number: int, *names: bytes) -> bytes:
    """NAME."""
    each = b"".join(string(n) + string(n) + NO_ATTRIBUTES for n in names)
    return sftp.packet(sftp.NAME, struct.pack(">II", number, len(names)) + each)


def handle(number: int, text: bytes) -> bytes:
    """HANDLE."""
    return request(sftp.HANDLE, number, text)


def data(number: int, content: bytes) -> bytes:
    """DATA."""
    return request(sftp.DATA, number, content)


def packets(stream: bytes | bytearray) -> list[bytes]:
    """A stream cut into packets; whatever is left at its end must be nothing."""
    found, at = [], 0
    while at < len(stream):
        (length,) = struct.unpack_from(">I", stream, at)
        assert at + 4 + length <= len(stream), "the stream ends inside a packet"
        found.append(bytes(stream[at : at + 4 + length]))
        at += 4 + length
    return found


def begun(
    denied: Sequence[str] = (), waiting: str = "", home: bytes = b"/home/deploy", content: Sequence[str] = ()
) -> Passing:
    """A judge whose streams have got to where requests begin."""
    passing = Passing(SftpJudge(1, 1), gate(denied, content), waiting)
    passing.client(init())
    passing.target(version((b"limits@openssh.com", b"1")))
    passing.target(name(OWN, home) if home else sftp.status(OWN, sftp.FAILURE, "no"))
    passing.to_client.clear()
    passing.to_target.clear()
    return passing


def with_file(
    path: bytes = b"/srv/f", flags: int = sftp.READ_FLAG, handle_text: bytes = b"h1", **more: object
) -> Passing:
    """The same with one open file."""
    passing = begun(**more)  # type: ignore[arg-type]
    passing.client(opened(1, path, flags))
    passing.target(handle(1, handle_text))
    passing.to_client.clear()
    passing.to_target.clear()
    return passing
