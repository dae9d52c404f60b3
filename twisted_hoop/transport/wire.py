"""The two things a transport reads from and sends to: a socket, and a socket with OpenSSL on it.

Both never block and have the same five members, so the transport above does not ask which one it has. TLS works on the
descriptor itself (the standard library's `ssl.SSLSocket`) and not through memory buffers as Twisted's own does: that
is a third of the cost (docs/performance.md).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from enum import Enum
from typing import Final, Protocol

from twisted_hoop.transport.outbox import SEND_SIZE, Piece

READ_SIZE: Final = 64 * 1024
"""Most bytes given to a protocol at once; larger reads cost more than they save."""
_PLAIN_READ: Final = READ_SIZE - 64  # with a head before it, it still fills whole records of TLS: no tiny one behind
_SMALL_READ: Final = 4 * 1024  # room that is asked for while messages are small: 64 KiB for each cost more than them
RECORD_SIZE: Final = 16 * 1024
"""Most plaintext in one TLS record (RFC 8446, section 5.1)."""
_BULK_RECORD: Final = 4 * 1024  # a record this long is part of bulk data: another one is probably there already


class Writing(Enum):
    """What becomes of bytes that are written to a transport."""

    OPEN = "sent, or queued behind what is queued"
    HELD = "queued until the TLS handshake is complete"
    SHUT = "dropped"


class Wire(Protocol):
    """What a transport needs of a socket."""

    more: bool
    """After `receive` gave bytes: whether trying again at once is likely to give more."""
    read_wants_write: bool
    """The last `receive` must be repeated when the socket can be written to."""
    write_wants_read: bool
    """The last `send` must be repeated when the socket can be read from."""

    def receive(self) -> bytes | None:
        """Bytes, b"" at the orderly end, None when there is nothing now. OSError (so also SSLError) when broken."""

    def send(self, data: Piece) -> int:
        """Send from the start of `data`, return how many bytes were taken, 0 for "not now". OSError when broken."""

    def held(self) -> bool:
        """Whether something can be received although the socket itself has nothing to read."""

    def close(self, orderly: bool) -> None:
        """Close; orderly tells the peer so and lets what was sent arrive, otherwise the peer gets a reset."""


class PlainWire:
    """A non-blocking stream socket."""

    __slots__ = ("_recv", "_send", "_size", "_socket", "more", "read_wants_write", "write_wants_read")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._recv = sock.recv
        self._send = sock.send
        self._size = _SMALL_READ
        self.more = self.read_wants_write = self.write_wants_read = False

    def receive(self) -> bytes | None:
        """See `Wire`."""
        size = self._size
        try:
            data = self._recv(size)
        except BlockingIOError:
            return None
        self.more = len(data) == size
        if self.more:
            self._size = _PLAIN_READ
        elif len(data) < _SMALL_READ:
            self._size = _SMALL_READ
        return data

    def send(self, data: Piece) -> int:
        """See `Wire`."""
        try:
            return self._send(data)
        except BlockingIOError:
            return 0

    def held(self) -> bool:
        """Nothing is kept here: what was not read is in the kernel."""
        return False

    def close(self, orderly: bool) -> None:
        """See `Wire`."""
        close_socket(self._socket, orderly)


class TlsWire:
    """A non-blocking `ssl.SSLSocket`. `shake` until it says True before anything else."""

    __slots__ = ("_end", "_finished", "_socket", "more", "read_wants_write", "write_wants_read")

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._socket = sock
        self._end: OSError | None = None
        self._finished = False
        self.more = False
        self.read_wants_write = False
        self.write_wants_read = False

    def shake(self) -> bool:
        """Go on with the handshake: whether it is complete. OSError when it failed; an alert has then been sent."""
        self.read_wants_write = False
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLWantWriteError:
            self.read_wants_write = True
            return False
        return True

    def receive(self) -> bytes | None:
        """See `Wire`. Joins the records of bulk data, up to READ_SIZE, and keeps an end that comes after data."""
        if self._end is not None:
            raise self._end
        if self._finished:
            return b""
        data = self._record()
        if data is None or len(data) < _BULK_RECORD:
            self.more = False  # a record was taken whole, as none is longer than what was asked for
            return data
        return self._gathered(data)

    def _record(self) -> bytes | None:
        self.read_wants_write = False
        try:
            return self._socket.read(RECORD_SIZE)  # recv calls it, and costs more
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLWantWriteError:
            self.read_wants_write = True
            return None

    def _gathered(self, first: bytes) -> bytes:
        pieces, total = [first], len(first)
        self.more = True
        while total <= READ_SIZE - RECORD_SIZE:
            record = self._next_record()
            if not record:
                self.more = self.held()
                break
            pieces.append(record)
            total += len(record)
        return b"".join(pieces)

    def _next_record(self) -> bytes | None:
        """A further record. An end is kept for the next `receive`: the socket may not become readable for it."""
        try:
            record = self._record()
        except OSError as why:
            self._end = why
            return None
        self._finished = record == b""
        return record

    def send(self, data: Piece) -> int:
        """See `Wire`. Taken piece by piece; a refused piece must come again, with the same bytes or more after them."""
        self.write_wants_read = False
        if len(data) <= SEND_SIZE:
            return self._send(data)
        view, taken = memoryview(data), 0
        while taken < len(view):
            count = self._send(view[taken : taken + SEND_SIZE])
            if not count:
                break
            taken += count
        return taken

    def _send(self, data: Piece) -> int:
        try:
            return self._socket.send(data)
        except ssl.SSLWantWriteError:
            return 0
        except ssl.SSLWantReadError:
            self.write_wants_read = True
            return 0

    def held(self) -> bool:
        """See `Wire`: decrypted bytes, or an end that was met after bulk data."""
        return self._finished or self._end is not None or self._socket.pending() > 0

    def close(self, orderly: bool) -> None:
        """See `Wire`. Orderly sends close_notify when the socket takes it, and never waits for the peer's."""
        if orderly:
            with contextlib.suppress(OSError, ValueError):
                self._socket.unwrap()
        close_socket(self._socket, orderly)


def close_socket(sock: socket.socket, orderly: bool) -> None:
    """Close a socket, with a reset unless `orderly`.

    What the peer sent and nobody read is read and dropped first: closing over unread bytes resets the connection
    (RFC 2525, section 2.17), and a reset may destroy the last words, an error message say, on their way.
    """
    with contextlib.suppress(OSError):
        if orderly:
            sock.shutdown(socket.SHUT_WR)
            _drop_unread(sock)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _drop_unread(sock: socket.socket) -> None:
    for _ in range(16):
        if not socket.socket.recv(sock, READ_SIZE):
            return
