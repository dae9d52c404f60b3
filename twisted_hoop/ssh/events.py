"""What happens on a channel, as values: what a relay of a channel is told and what it asks to be sent. Pure.

They travel where the bytes of other protocols do: `IRelay.client_received(event)`, `ToTarget(event)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

STDOUT = 0
"""Stream of CHANNEL_DATA: stdin towards a target, stdout from it."""
STDERR = 1
"""Stream of CHANNEL_EXTENDED_DATA with SSH_EXTENDED_DATA_STDERR (RFC 4254, section 5.2)."""


@dataclass(frozen=True, slots=True)
class Open:
    """Open a channel of this type; `data` is what follows the common fields of CHANNEL_OPEN (section 5.1)."""

    kind: bytes
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Opened:
    """The other side confirmed the channel; `data` is what its confirmation carried."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """The other side refused the channel: `code` of section 5.1 and a text in UTF-8."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a stream, STDOUT or STDERR. `data` may be a memoryview: it is valid during the call only."""

    stream: int
    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Request:
    """A channel request (section 5.4). When `want_reply`, a Reply to it is owed, in order."""

    name: bytes
    data: bytes = b""
    want_reply: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """CHANNEL_SUCCESS or CHANNEL_FAILURE to the oldest request of the other side that is owed one."""

    ok: bool


@dataclass(frozen=True, slots=True)
class Eof:
    """No more data comes from that side (section 5.3)."""


@dataclass(frozen=True, slots=True)
class Close:
    """The channel ends (section 5.3). Answered only once the other leg has closed: see relay.py on the close race."""


Event = Union[Open, Opened, OpenFailed, Data, Request, Reply, Eof, Close]

ADMINISTRATIVELY_PROHIBITED = 1
CONNECT_FAILED = 2
UNKNOWN_CHANNEL_TYPE = 3
RESOURCE_SHORTAGE = 4
