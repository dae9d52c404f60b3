"""Packets without encryption of their own: what a connection may go over to once it is known to run inside one TLS.

Ours, and no part of SSH: each packet is its length (uint32), then the payload with its message number. Nothing is
padded and there is no MAC, so that bytes of a channel are given on as they come, before their packet is whole. Who may
go over, and when, is decided elsewhere (agent/outside.py); keys are not exchanged any more from then on.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.channel import Channel
from twisted_hoop.ssh.ciphers import Buffer
from twisted_hoop.ssh.connection import Connection
from twisted_hoop.ssh.events import STDOUT
from twisted_hoop.ssh.fields import MalformedMessage
from twisted_hoop.ssh.stages import CHANNEL_DATA, DEBUG, GLOBAL_REQUEST

_LENGTH = struct.Struct(">L")
_HEAD = struct.Struct(">LBLL")  # of a packet of channel data: its length, its number, whose, how much
_pack, _unpack, _unpack_head = _LENGTH.pack, _LENGTH.unpack_from, _HEAD.unpack_from
_LENGTH_SIZE = 4
_HEAD_SIZE = 13
_SMALL = 4 * 1024
"""Bytes below which a copy costs less than a view."""
_BEHIND_LENGTH = 9
"""What is counted in the length of a packet of channel data besides the data."""


class BareOut:
    """What we send. `transport` is the connection's."""

    __slots__ = ("_write", "carried")

    def __init__(self, transport: Any) -> None:
        self._write = transport.write
        self.carried = 0
        """Bytes of channels so far."""

    def seal(self, sequence: int, parts: Sequence[Buffer], size: int) -> bytes:
        """See `ciphers.Sealer`."""
        return b"".join((_pack(size), *parts))

    def send_data(self, head: bytes, data: Buffer) -> None:
        """See `Packets.send_data`, by the shortest way."""
        self.carried += len(data)
        self._write(b"".join((_pack(len(head) + len(data)), head, data)))


class BareIn:
    """What comes. `packets` is the packet layer, which is told of everything that is no data of a channel."""

    __slots__ = ("_channel", "_connection", "_left", "_longest", "_packets", "_rest", "carried")

    def __init__(self, packets: Any, connection: Connection, longest: int) -> None:
        """`longest` is the longest packet, in bytes."""
        self._packets, self._connection, self._longest = packets, connection, longest
        self._channel: Channel | None = None
        self._left = 0
        self._rest = b""
        self.carried = 0
        """Bytes so far."""

    def received(self, data: bytes) -> None:
        """Bytes of the other side, in any pieces. ProtocolError and MalformedMessage as the packet layer has them."""
        packets = self._packets
        packets.incomingPacketSequence += 1  # what heartbeats look at
        self.carried += len(data)
        if self._rest:
            data, self._rest = self._rest + data, b""
        start, end = 0, len(data)
        while start < end and not packets.ended:
            used = self._data(data, start) if self._left else self._packet(data, start, end)
            if not used:
                self._rest = data[start:]
                return
            start += used

    def _data(self, data: bytes, start: int) -> int:
        """Bytes of the packet that is being read: how many they are."""
        size = min(self._left, len(data) - start)
        self._left -= size
        channel = self._channel
        if channel is not None:
            if size < _SMALL:
                channel.give(STDOUT, data[start : start + size])
            else:
                channel.give(STDOUT, memoryview(data)[start : start + size])
        return size

    def _packet(self, data: bytes, start: int, end: int) -> int:
        """What begins here: how many bytes were used, 0 when more is needed."""
        if end - start <= _LENGTH_SIZE:
            return 0
        if data[start + _LENGTH_SIZE] == CHANNEL_DATA:
            return self._head(data, start) if end - start >= _HEAD_SIZE else 0
        length: int = _unpack(data, start)[0]
        if not 1 <= length <= self._longest:
            raise MalformedMessage(f"a packet length of {length}")
        if end - start < _LENGTH_SIZE + length:
            return 0
        first = start + _LENGTH_SIZE
        self._message(data[first], data[first + 1 : first + length])
        return _LENGTH_SIZE + length

    def _head(self, data: bytes, start: int) -> int:
        """Of channel data: within its window and its packet size (S9), before any of it is given on."""
        length, _, number, size = _unpack_head(data, start)
        if length != size + _BEHIND_LENGTH or length > self._longest:
            raise MalformedMessage("channel data of another length than it says")
        self._channel = self._connection.with_data(number, size)
        self._left = size
        return _HEAD_SIZE

    def _message(self, number: int, payload: bytes) -> None:
        if DEBUG < number < GLOBAL_REQUEST:  # no keys are exchanged any more, and nobody logs in again (S4)
            raise ProtocolError(f"message {number} on a connection without encryption of its own")
        self._packets.dispatch(number, payload)
