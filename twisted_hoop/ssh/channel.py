"""One channel of a connection: windows, queues, the order of its messages (RFC 4254, section 5).

What is sent and cannot leave, for want of a window or because the socket is full, waits here and is counted in
`queued`; whoever sends holds back its source then. What is received is not credited until the handler says so: that is
the whole of the flow control, and it reaches from one leg to the other (S9).
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import Protocol, Union

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.answers import Answers
from twisted_hoop.ssh.ciphers import Buffer
from twisted_hoop.ssh.events import STDERR, STDOUT, Close, Data, Eof, Event, Opened, OpenFailed, Reply, Request
from twisted_hoop.ssh.fields import string, uint32
from twisted_hoop.ssh.handlers import ChannelHandler
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.stages import (
    CHANNEL_CLOSE,
    CHANNEL_DATA,
    CHANNEL_EOF,
    CHANNEL_EXTENDED_DATA,
    CHANNEL_FAILURE,
    CHANNEL_REQUEST,
    CHANNEL_SUCCESS,
    WINDOW_ADJUST,
)

LARGEST_WINDOW = 0xFFFFFFFF
LEAST_PACKET = 256
"""Of the other side's maximum packet size: below, channel data would be little but overhead, and at 0 never leave."""
KEEP_ALIVE = b"keepalive@openssh.com"
_DATA = struct.Struct(">BLL")
_EXTENDED = struct.Struct(">BLLL")
_LAST_WORDS = (b"exit-status", b"exit-signal")
"""Requests that follow all queued data, as they are its result."""


class Wire(Protocol):
    """What a channel needs of its transport."""

    writable: bool

    def sendPacket(self, messageType: int, payload: bytes) -> None:
        """Send a message."""

    def send_data(self, head: bytes, data: Buffer) -> None:
        """Send channel data; only while `writable`."""


class Owner(Protocol):
    """What a channel needs of its connection."""

    def waits(self, channel: Channel) -> None:
        """It has something to send and a window for it, and the socket takes nothing now."""

    def over(self, channel: Channel) -> None:
        """Both sides have closed it."""


Waiting = Union[Request, Eof, Close]


class Channel:
    """See `handlers.IsChannel`. The connection calls the methods that begin with `on_`."""

    __slots__ = (
        "_bytes", "_closed", "_closing", "_early", "_eof", "_expected", "_handler", "_left", "_limits", "_over",
        "_owed", "_owner", "_packet", "_quantum", "_queue", "_remote", "_replies", "_room", "_their_close",
        "_their_eof", "_window", "_wire", "number", "opened", "queued",
    )  # fmt: skip

    def __init__(self, wire: Wire, owner: Owner, limits: Limits, number: int, handler: ChannelHandler, window: int):
        self._wire, self._owner, self._limits, self._handler = wire, owner, limits, handler
        self._bytes: Callable[[Buffer], None] | None = getattr(handler, "bytes_received", None)
        self.number = number
        self.queued = 0
        self._window = self._left = window
        self._quantum = max(1, min(max(3 * limits.packet, window // 8), window // 2))
        self._owed = 0
        self._remote = self._room = self._packet = 0
        self.opened = self._eof = self._closing = self._closed = self._their_eof = self._their_close = False
        self._over = False
        self._early: list[Event] = []
        self._queue: deque[Data | Waiting] = deque()
        self._expected = 0
        self._replies = Answers(wire.sendPacket, limits.requests)

    @property
    def receive_window(self) -> int:
        """The window we gave at the start, in bytes."""
        return self._window

    # -- what is sent ---------------------------------------------------------------------------------------------

    def send(self, event: Event) -> None:
        """See `IsChannel`. Before the other side has confirmed the channel everything waits for that."""
        if self._closing or self._over or (self._their_close and not _is_last(event)):
            return
        if not self.opened:
            self._early.append(_kept(event))
            self.queued += len(event.data) if isinstance(event, Data) else 0
        elif isinstance(event, Data):
            self._send_data(event.stream, event.data)
        elif isinstance(event, Reply):
            self._reply(event.ok)
        elif isinstance(event, Request):
            self._send_request(event)
        elif isinstance(event, (Eof, Close)):
            self._finish(event)
        else:
            raise TypeError(f"a channel sends no {type(event).__name__}")

    def write(self, data: Buffer) -> None:
        """See `IsChannel`."""
        if self.opened and not (self._closing or self._over or self._their_close):
            self._send_data(STDOUT, data)
        else:
            self.send(Data(STDOUT, data))

    def _send_data(self, stream: int, data: Buffer) -> None:
        if self._eof or not data:
            return
        if not self._queue:
            size = len(data)
            if size <= self._room and size <= self._packet and self._wire.writable:  # nearly always
                self._room -= size
                self._wire.send_data(self._head(stream, size), data)
                return
            data = self._sent_at_once(stream, memoryview(data))
        if data:
            self._queue.append(Data(stream, bytes(data)))
            self.queued += len(data)
            self.pump()

    def _sent_at_once(self, stream: int, data: memoryview) -> memoryview:
        """Send as much as window and socket take: what is left. Nothing is drained by what never waited."""
        while data and self._room and self._wire.writable:
            size = min(len(data), self._room, self._packet)
            self._room -= size
            self._wire.send_data(self._head(stream, size), data[:size])
            data = data[size:]
        return data

    def _head(self, stream: int, size: int) -> bytes:
        if stream == STDOUT:
            return _DATA.pack(CHANNEL_DATA, self._remote, size)
        return _EXTENDED.pack(CHANNEL_EXTENDED_DATA, self._remote, STDERR, size)

    def _reply(self, ok: bool) -> None:
        slot = self._replies.oldest()
        if slot is None:
            raise RuntimeError("no reply is owed")
        slot.settle(CHANNEL_SUCCESS if ok else CHANNEL_FAILURE, uint32(self._remote))

    def _send_request(self, request: Request) -> None:
        if self._queue and request.name in _LAST_WORDS:
            self._queue.append(request)
            return
        self._expected += request.want_reply
        payload = uint32(self._remote) + string(request.name) + bytes((request.want_reply,)) + request.data
        self._wire.sendPacket(CHANNEL_REQUEST, payload)

    def _finish(self, event: Eof | Close) -> None:
        if isinstance(event, Close):
            self._closing = True
            if self._their_close:
                self._queue = deque(each for each in self._queue if _is_last(each))
        elif self._eof:
            return
        self._eof = True
        self._queue.append(event)
        self.pump()

    def abandon(self) -> None:
        """See `IsChannel`."""
        self._queue.clear()
        self._early.clear()
        self.queued = 0
        if not self.opened:
            self._early.append(Close())
        elif not (self._closed or self._over):
            self._closing = self._eof = True
            self._send_waiting(Close())

    def pump(self, packets: int = 1 << 30) -> bool:
        """Send what waits, `packets` messages of data at most: whether there is more that could be sent at once."""
        queue, wire = self._queue, self._wire
        while queue and not self._closed:
            first = queue[0]
            if not isinstance(first, Data):
                queue.popleft()
                self._send_waiting(first)
                continue
            if not self._room:
                return False
            if not wire.writable or not packets:
                self._owner.waits(self)
                return True
            packets -= 1
            self._send_part(first)
        return False

    def _send_part(self, first: Data) -> None:
        data, size = first.data, min(len(first.data), self._room, self._packet)
        self._queue.popleft()
        if size < len(data):
            self._queue.appendleft(Data(first.stream, memoryview(data)[size:]))
            data = data[:size]
        self._room -= size
        self.queued -= size
        self._wire.send_data(self._head(first.stream, size), data)
        if not self.queued:
            self._handler.drained()

    def _send_waiting(self, event: Waiting) -> None:
        if isinstance(event, Request):
            self._expected += event.want_reply
            payload = uint32(self._remote) + string(event.name) + bytes((event.want_reply,)) + event.data
            self._wire.sendPacket(CHANNEL_REQUEST, payload)
        elif isinstance(event, Eof):
            self._wire.sendPacket(CHANNEL_EOF, uint32(self._remote))
        else:
            self._closed = True
            self._wire.sendPacket(CHANNEL_CLOSE, uint32(self._remote))
            self._if_over()

    # -- what is credited -----------------------------------------------------------------------------------------

    def credit(self, size: int) -> None:
        """See `IsChannel`. Told to the other side in portions, or at once when it can send little more."""
        self._owed += size
        if self._owed >= self._quantum or self._left <= self._quantum:
            size, self._owed = self._owed, 0
            if self.opened and not (self._closed or self._their_eof or self._their_close or self._over):
                self._left += size
                self._wire.sendPacket(WINDOW_ADJUST, uint32(self._remote) + uint32(size))

    # -- what comes -----------------------------------------------------------------------------------------------

    def on_confirmed(self, remote: int, room: int, packet: int) -> None:
        """Open: the other side's number, its window and its maximum packet size."""
        self._remote, self._room, self._packet = remote, room, min(packet, self._limits.packet)
        self.opened = True

    def on_opened(self, data: bytes) -> None:
        """The other side confirmed what we asked for; what was sent meanwhile follows."""
        early, self._early = self._early, []
        waited, self.queued = self.queued, 0
        for event in early:
            self.send(event)
        self._handler.received(Opened(data))
        if waited and not self.queued:
            self._handler.drained()

    def on_open_failed(self, code: int, text: str) -> None:
        """It did not."""
        self._handler.received(OpenFailed(code, text))

    def check_data(self, size: int) -> None:
        """So much data came: within the window and the packet size; more is a fault (S9)."""
        if size > self._left or size > self._limits.packet:
            raise ProtocolError("channel data beyond its window or packet size (S9)")
        if self._their_eof or self._their_close:
            raise ProtocolError("channel data behind its end")
        self._left -= size

    def give(self, stream: int, data: Buffer) -> None:
        """The handler gets data that was checked, perhaps of several messages."""
        if self._closing:
            return
        if self._bytes is not None and stream == STDOUT:
            self._bytes(data)
        else:
            self._handler.received(Data(stream, data))

    def on_adjust(self, size: int) -> None:
        """The other side takes more."""
        self._room += size
        if self._room > LARGEST_WINDOW:
            raise ProtocolError("a channel window of more than 2**32 - 1 bytes (RFC 4254, section 5.2)")
        if self._queue:
            self.pump()

    def on_request(self, name: bytes, want_reply: bool, data: bytes) -> None:
        """A request; a keep-alive is answered here, in its turn (S16)."""
        slot = self._replies.owe() if want_reply else None
        if name == KEEP_ALIVE:
            if slot is not None:
                slot.settle(CHANNEL_FAILURE, uint32(self._remote))
        elif not self._closing or name in _LAST_WORDS:
            self._handler.received(Request(name, data, want_reply))

    def on_reply(self, ok: bool) -> None:
        """To the oldest of our requests."""
        if not self._expected:
            raise ProtocolError("a reply to no request")
        self._expected -= 1
        if not self._closing:
            self._handler.received(Reply(ok))

    def on_eof(self) -> None:
        """Nothing more comes."""
        if not self._their_eof:
            self._their_eof = True
            if not self._closing:
                self._handler.received(Eof())

    def on_close(self) -> None:
        """The other side takes and sends nothing more: what waits for it is dropped."""
        if self._their_close:
            raise ProtocolError("a channel was closed twice")
        self._their_close = True
        waited = self.queued
        self._queue = deque(each for each in self._queue if _is_last(each))
        self.queued = 0
        self._handler.received(Close())
        if waited:
            self._handler.drained()
        self.pump()
        self._if_over()

    def _if_over(self) -> None:
        if self._closed and self._their_close and not self._over:
            self._over = True
            self._owner.over(self)

    def on_lost(self) -> None:
        """No message of it comes or leaves any more."""
        self._over = self._closed = True
        self._queue.clear()
        self._early.clear()
        self.queued = 0
        self._handler.lost()


def _is_last(event: Event) -> bool:
    """What the other side still takes when it has sent its CLOSE: how the command ended, and ours (S23)."""
    return isinstance(event, Close) or (isinstance(event, Request) and event.name in _LAST_WORDS)


def _kept(event: Event) -> Event:
    return Data(event.stream, bytes(event.data)) if isinstance(event, Data) else event
