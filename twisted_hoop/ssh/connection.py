"""The connection protocol (RFC 4254): channels and global requests, the same for both roles. See handlers.py.

It decides nothing: what the other side wants to open or asks for goes to the ConnectionHandler, which answers now or
later. Messages of channels that are over are ignored; the numbers of channels are not used again on a connection, so
that a late message never reaches another channel.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.conch.ssh.service import SSHService
from twisted.internet.defer import Deferred, succeed

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.answers import Answers, Slot
from twisted_hoop.ssh.channel import KEEP_ALIVE, LEAST_PACKET, Channel
from twisted_hoop.ssh.events import CONNECT_FAILED, RESOURCE_SHORTAGE, STDERR, STDOUT
from twisted_hoop.ssh.fields import MalformedMessage, Reader, string, uint32
from twisted_hoop.ssh.handlers import ChannelHandler, ConnectionHandler
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.stages import (
    CHANNEL_CLOSE,
    CHANNEL_EOF,
    CHANNEL_EXTENDED_DATA,
    CHANNEL_FAILURE,
    CHANNEL_OPEN,
    CHANNEL_OPEN_CONFIRMATION,
    CHANNEL_OPEN_FAILURE,
    CHANNEL_REQUEST,
    CHANNEL_SUCCESS,
    GLOBAL_REQUEST,
    REQUEST_FAILURE,
    REQUEST_SUCCESS,
    WINDOW_ADJUST,
)

_HEAD = struct.Struct(">LL")


class Connection(SSHService):
    """See `handlers.IsConnection`."""

    name = b"ssh-connection"
    transport: Any

    def __init__(self, handler: ConnectionHandler, limits: Limits) -> None:
        self.handler = handler
        self._limits = limits
        self._channels: dict[int, Channel] = {}
        self._next = 0
        self._theirs = self._ours = 0
        self._by_them: set[int] = set()
        self._waiting: deque[Channel] = deque()
        self._requests: deque[Deferred[tuple[bool, bytes]]] = deque()
        self._replies: Answers
        self._lost = False
        self._gathering: Channel | None = None
        self._gathered: list[memoryview] = []
        self._methods: dict[int, Callable[[bytes], None]] = {
            GLOBAL_REQUEST: self._global_request,
            REQUEST_SUCCESS: lambda payload: self._global_reply(True, payload),
            REQUEST_FAILURE: lambda payload: self._global_reply(False, b""),
            CHANNEL_OPEN: self._open_requested,
            CHANNEL_OPEN_CONFIRMATION: self._open_confirmed,
            CHANNEL_OPEN_FAILURE: self._open_failed,
            WINDOW_ADJUST: self._adjust,
            CHANNEL_EXTENDED_DATA: self._extended_data,
            CHANNEL_EOF: self._eof,
            CHANNEL_CLOSE: self._close,
            CHANNEL_REQUEST: self._channel_request,
            CHANNEL_SUCCESS: lambda payload: self._channel_reply(True, payload),
            CHANNEL_FAILURE: lambda payload: self._channel_reply(False, payload),
        }

    # -- the service ----------------------------------------------------------------------------------------------

    def serviceStarted(self) -> None:
        """The login succeeded."""
        self._replies = Answers(self.transport.sendPacket, self._limits.requests)
        self.handler.started(self)

    def serviceStopped(self) -> None:
        """The connection is gone: every channel's handler is told, then the connection's."""
        self._lost = True
        channels = list(self._channels.values())
        self._channels.clear()
        self._waiting.clear()
        for channel in channels:
            self.transport.guarded(channel.on_lost)
        requests, self._requests = self._requests, deque()
        for waiting in requests:
            waiting.callback((False, b""))
        self.handler.lost(self.transport.reason)

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        """A message that the table of stages lets through; CHANNEL_DATA comes through `channel_data`."""
        method = self._methods.get(messageNum)
        if method is not None:  # else a late USERAUTH_REQUEST, to be ignored (RFC 4252, section 5.1)
            method(packet)

    # -- ours: see IsConnection -----------------------------------------------------------------------------------

    def open(self, kind: bytes, data: bytes, handler: ChannelHandler, window: int = 0) -> Channel:
        """See `IsConnection`. LimitExceeded would be policy: that many channels are the caller's to count."""
        channel = self._make(handler, window)
        if self._lost:
            channel.on_lost()
            return channel
        self._channels[channel.number] = channel
        sizes = uint32(channel.receive_window) + uint32(self._limits.packet)
        self.transport.sendPacket(CHANNEL_OPEN, string(kind) + uint32(channel.number) + sizes + data)
        return channel

    def request(self, name: bytes, data: bytes, want_reply: bool) -> Awaitable[tuple[bool, bytes]]:
        """See `IsConnection`; (False, b"") when the connection is lost meanwhile."""
        if self._lost:
            return succeed((False, b""))
        self.transport.sendPacket(GLOBAL_REQUEST, string(name) + bytes((want_reply,)) + data)
        if not want_reply:
            return succeed((True, b""))
        waiting: Deferred[tuple[bool, bytes]] = Deferred()
        self._requests.append(waiting)
        return waiting

    def disconnect(self, code: int, text: str) -> None:
        """See `IsConnection`."""
        self.transport.disconnect(code, text)

    # -- channels -------------------------------------------------------------------------------------------------

    def _make(self, handler: ChannelHandler, window: int) -> Channel:
        number, self._next = self._next, self._next + 1
        return Channel(self.transport, self, self._limits, number, handler, window or self._limits.window)

    def _open_requested(self, payload: bytes) -> None:
        reader = Reader(payload)
        opening = Opening(self, reader.string(), reader.uint32(), reader.uint32(), reader.uint32(), reader.rest())
        if self._theirs >= self._limits.channels:
            opening.answer_failure(RESOURCE_SHORTAGE, "too many channels")
        elif opening.packet < LEAST_PACKET:
            opening.answer_failure(CONNECT_FAILED, "the maximum packet size is too small")
        else:
            self._theirs += 1
            opening.counted = True
            self.handler.open_requested(opening)

    def accepted(self, opening: Opening, handler: ChannelHandler, data: bytes, window: int) -> Channel:
        """The handler of `opening` wants it."""
        channel = self._make(handler, window)
        channel.on_confirmed(opening.remote, opening.room, opening.packet)
        if self._lost:
            channel.on_lost()
            return channel
        self._channels[channel.number] = channel
        self._by_them.add(channel.number)
        sizes = uint32(channel.receive_window) + uint32(self._limits.packet)
        head = uint32(opening.remote) + uint32(channel.number)
        self.transport.sendPacket(CHANNEL_OPEN_CONFIRMATION, head + sizes + data)
        return channel

    def refused(self, opening: Opening, code: int, text: str) -> None:
        """The handler of `opening` does not."""
        self._theirs -= 1
        opening.answer_failure(code, text)

    def _open_confirmed(self, payload: bytes) -> None:
        reader = Reader(payload)
        channel = self._opening(reader.uint32())
        remote, room, packet = reader.uint32(), reader.uint32(), reader.uint32()
        if packet < LEAST_PACKET:
            raise ProtocolError("the maximum packet size of a channel is too small")
        channel.on_confirmed(remote, room, packet)
        channel.on_opened(reader.rest())

    def _open_failed(self, payload: bytes) -> None:
        reader = Reader(payload)
        channel = self._opening(reader.uint32())
        code, text = reader.uint32(), reader.text()
        del self._channels[channel.number]
        channel.on_open_failed(code, text)
        channel.on_lost()

    def _opening(self, number: int) -> Channel:
        channel = self._channels.get(number)
        if channel is None or channel.opened:
            raise MalformedMessage("an answer to a channel that was not asked for")
        return channel

    def _channel(self, number: int) -> Channel | None:
        """An open channel; None when it is over; MalformedMessage when there never was one."""
        channel = self._channels.get(number)
        if channel is None and number < self._next:
            return None
        if channel is None or not channel.opened:
            raise MalformedMessage("a message for a channel that is not open")
        return channel

    def channel_data(self, plain: bytes, end: int) -> None:
        """CHANNEL_DATA as the packet layer has it: padding length, number, payload up to `end`, padding."""
        if end < 10:
            raise MalformedMessage("a message is shorter than it says")
        number, size = _HEAD.unpack_from(plain, 2)
        if size != end - 10:
            raise MalformedMessage("channel data of another length than it says")
        channel = self._channel(number)
        if channel is None:
            return
        channel.check_data(size)
        if channel is not self._gathering:
            self.settle()
            self._gathering = channel
        self._gathered.append(memoryview(plain)[10:end])

    def with_data(self, number: int, size: int) -> Channel | None:
        """The channel that `size` bytes come for, which were checked against its window; None when it is over."""
        channel = self._channel(number)
        if channel is not None:
            channel.check_data(size)
        return channel

    def settle(self) -> None:
        """Give the data of one channel that came in one piece of the socket to its handler, together.

        Everything behind the handler costs per call and not per byte: policy, recording, the other leg.
        """
        channel, gathered = self._gathering, self._gathered
        if channel is not None:
            self._gathering, self._gathered = None, []
            channel.give(STDOUT, gathered[0] if len(gathered) == 1 else memoryview(b"".join(gathered)))

    def _extended_data(self, payload: bytes) -> None:
        reader = Reader(payload)
        channel = self._channel(reader.uint32())
        stream, data = reader.uint32(), reader.string()
        if channel is None:
            return
        if stream != STDERR:
            raise ProtocolError(f"extended data of kind {stream}")
        channel.check_data(len(data))
        channel.give(STDERR, memoryview(data))

    def _adjust(self, payload: bytes) -> None:
        reader = Reader(payload)
        channel, size = self._channel(reader.uint32()), reader.uint32()
        if channel is not None:
            channel.on_adjust(size)

    def _eof(self, payload: bytes) -> None:
        channel = self._channel(Reader(payload).uint32())
        if channel is not None:
            channel.on_eof()

    def _close(self, payload: bytes) -> None:
        channel = self._channel(Reader(payload).uint32())
        if channel is not None:
            channel.on_close()

    def _channel_request(self, payload: bytes) -> None:
        reader = Reader(payload)
        channel = self._channel(reader.uint32())
        name, want_reply, data = reader.string(), reader.boolean(), reader.rest()
        if channel is not None:
            channel.on_request(name, want_reply, data)

    def _channel_reply(self, ok: bool, payload: bytes) -> None:
        channel = self._channel(Reader(payload).uint32())
        if channel is not None:
            channel.on_reply(ok)

    def waits(self, channel: Channel) -> None:
        """See `channel.Owner`."""
        if channel not in self._waiting:
            self._waiting.append(channel)

    def over(self, channel: Channel) -> None:
        """See `channel.Owner`."""
        if self._channels.pop(channel.number, None) is None:
            return
        if channel.number in self._by_them:
            self._by_them.discard(channel.number)
            self._theirs -= 1
        channel.on_lost()

    def became_writable(self) -> None:
        """The socket takes more: channels that wait have their turns, a packet each."""
        waiting = self._waiting
        while waiting and self.transport.writable:
            waiting.popleft().pump(1)

    # -- global requests ------------------------------------------------------------------------------------------

    def _global_request(self, payload: bytes) -> None:
        reader = Reader(payload)
        name, want_reply = reader.string(), reader.boolean()
        slot = self._replies.owe() if want_reply else None
        request = GlobalRequest(name, reader.rest(), want_reply, slot)
        if name == KEEP_ALIVE:
            request.reply(False)  # what OpenSSH answers: any answer says that we live (S16)
        else:
            self.handler.global_requested(request)

    def _global_reply(self, ok: bool, data: bytes) -> None:
        if not self._requests:
            raise ProtocolError("a reply to no global request")
        self._requests.popleft().callback((ok, data))


class Opening:
    """See `handlers.IsOpening`."""

    __slots__ = ("_answered", "_connection", "counted", "data", "kind", "packet", "remote", "room")

    def __init__(self, connection: Connection, kind: bytes, remote: int, room: int, packet: int, data: bytes) -> None:
        self._connection = connection
        self.kind, self.data = kind, data
        self.remote, self.room, self.packet = remote, room, packet
        self.counted = self._answered = False

    def accept(self, handler: ChannelHandler, data: bytes = b"", window: int = 0) -> Channel:
        """See `IsOpening`; `window` is our receive window, 0 the default."""
        self._answer()
        return self._connection.accepted(self, handler, data, window)

    def refuse(self, code: int, text: str) -> None:
        """See `IsOpening`."""
        self._answer()
        self._connection.refused(self, code, text)

    def _answer(self) -> None:
        if self._answered:
            raise RuntimeError("a channel is accepted or refused once")
        self._answered = True

    def answer_failure(self, code: int, text: str) -> None:
        """CHANNEL_OPEN_FAILURE."""
        reason = string(text.encode("utf-8", "replace")) + string(b"")
        self._connection.transport.sendPacket(CHANNEL_OPEN_FAILURE, uint32(self.remote) + uint32(code) + reason)


class GlobalRequest:
    """See `handlers.IsGlobalRequest`."""

    __slots__ = ("_slot", "data", "name", "want_reply")

    def __init__(self, name: bytes, data: bytes, want_reply: bool, slot: Slot | None) -> None:
        self.name, self.data, self.want_reply = name, data, want_reply
        self._slot = slot

    def reply(self, ok: bool, data: bytes = b"") -> None:
        """See `IsGlobalRequest`."""
        if self._slot is not None:
            self._slot.settle(REQUEST_SUCCESS if ok else REQUEST_FAILURE, data if ok else b"")
