"""What the engine tells the rest of the room, and what it lets it do: the seam between packets and sessions.

The engine (transport.py, connection.py, channel.py) knows windows, packets, keys; it knows no policy and no targets.
Nothing here is sent on its own: windows are opened again only by `credit`, replies leave only when given.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from twisted_hoop.ssh.events import Event


class IsChannel(Protocol):
    """One channel of a connection, as the engine gives it."""

    number: int
    """Our own channel number; free for another channel once closed."""
    queued: int
    """Bytes given to `send` that wait for the other side's window, or for its socket."""

    def send(self, event: Event) -> None:
        """Send Data, Eof, Request, Reply or Close, in order. Eof and Close follow all queued data; requests do so too
        when they are exit-status or exit-signal. After Close everything is dropped."""

    def write(self, data: bytes | memoryview) -> None:
        """As `send(Data(STDOUT, data))`, which costs more."""

    def abandon(self) -> None:
        """Drop what waits, and close at once."""

    def credit(self, size: int) -> None:
        """`size` bytes that were received have been taken on: the other side may send as many again."""


class ChannelHandler(Protocol):
    """Who is told of one channel. One that has `bytes_received(data: bytes | memoryview)` is given what comes on STDOUT
    there, and no Data of it: for those who carry much, in small pieces. A memoryview is valid during the call only."""

    def received(self, event: Event) -> None:
        """Data, Eof, Request, Reply or Close came; Opened or OpenFailed on a channel that we asked for.

        Once Close was sent, only the other side's Close is told of.
        An exception ends the whole connection of this channel, and no other (R15).
        """

    def drained(self) -> None:
        """`queued` of its channel fell to zero after it had been above."""

    def lost(self) -> None:
        """The connection is gone and with it the channel; called once, also after Close."""


class IsOpening(Protocol):
    """A channel the other side wants; to be accepted or refused once, now or later."""

    kind: bytes
    data: bytes

    def accept(self, handler: ChannelHandler, data: bytes = b"", window: int = 0) -> IsChannel:
        """Confirm it. `handler` is told of what follows; `window` is our receive window, 0 the default."""

    def refuse(self, code: int, text: str) -> None:
        """CHANNEL_OPEN_FAILURE with a code of RFC 4254, section 5.1."""


class IsGlobalRequest(Protocol):
    """A global request of the other side (section 4); replies leave in the order of the requests."""

    name: bytes
    data: bytes
    want_reply: bool

    def reply(self, ok: bool, data: bytes = b"") -> None:
        """Answer it; nothing is sent when no reply is wanted."""


class ConnectionHandler(Protocol):
    """Who is told of one connection, once it is authenticated."""

    def started(self, connection: IsConnection) -> None:
        """The connection service runs."""

    def open_requested(self, opening: IsOpening) -> None:
        """The other side wants a channel."""

    def global_requested(self, request: IsGlobalRequest) -> None:
        """The other side asks for something that concerns no channel. Keep-alives never come here."""

    def lost(self, reason: str) -> None:
        """The connection is gone; every channel's handler was told before."""


class IsConnection(Protocol):
    """One authenticated connection, of a client to us or of ours to a target."""

    def open(self, kind: bytes, data: bytes, handler: ChannelHandler, window: int = 0) -> IsChannel:
        """Ask for a channel; its handler is told Opened or OpenFailed. `window` as in `IsOpening.accept`.

        What is sent before the answer waits for it, and follows it in order.
        """

    def request(self, name: bytes, data: bytes, want_reply: bool) -> Awaitable[tuple[bool, bytes]]:
        """A global request: (ok, data of the reply); (True, b"") at once when no reply is wanted."""

    def disconnect(self, code: int, text: str) -> None:
        """SSH_MSG_DISCONNECT (RFC 4253, section 11.1), then close."""
