"""From a client's first byte to the question "who are you?": pure, one instance a connection (protocol-flow, start-up).

`received` answers with what to do. Every limit and order of attacks.md P1–P4, P8 that concerns the start is here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import Union

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres import messages as pg

TLS_HANDSHAKE_BYTE = 0x16


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the client."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """Switch to TLS now; `ended_clear` tells that no byte was buffered (P1)."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """A CancelRequest: process id and key as given; the connection closes afterwards."""

    pid: int
    key: bytes


@dataclass(frozen=True, slots=True)
class Hello:
    """The start-up packet was accepted: parameters without protocol options, and the version agreed on."""

    parameters: dict[str, str]
    version: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A password, SASLInitialResponse or SASLResponse message of the client: its body."""

    body: bytes


StartupStep = Union[Send, StartTls, Cancel, Hello, Answer]


class _State(Enum):
    FIRST = auto()
    ANSWERING = auto()
    DONE = auto()


class Startup:
    """What a client sends before it is known. Not for bytes that follow authentication: those are in `rest`."""

    def __init__(self, tls_offered: bool, tls_active: bool = False) -> None:
        self._tls_offered = tls_offered
        self._tls_active = tls_active
        self._asked_tls = False
        self._asked_gss = False
        self._state = _State.FIRST
        self._buffer = b""

    @property
    def rest(self) -> bytes:
        """Bytes received and not read yet; after authentication they belong to the relay."""
        return self._buffer

    def tls_started(self) -> None:
        """The handshake is under way: what comes next is inside TLS."""
        self._tls_active = True

    def authenticated(self) -> None:
        """No more authentication messages are expected."""
        self._state = _State.DONE

    def received(self, data: bytes) -> list[StartupStep]:
        """Bytes from the client. Raises ProtocolError; the connection then closes with at most one FATAL."""
        self._buffer += data
        steps: list[StartupStep] = []
        while (step := self._next()) is not None:
            steps.append(step)
            if isinstance(step, (StartTls, Cancel)):
                break
        return steps

    def _next(self) -> StartupStep | None:
        if self._state is _State.FIRST:
            return self._first()
        if self._state is _State.ANSWERING:
            return self._answer()
        return None

    def _first(self) -> StartupStep | None:
        packet = self._packet()
        if packet is None:
            return None
        (code,) = struct.unpack_from(">I", packet)
        if code == pg.SSL_REQUEST:
            return self._ssl_request(packet)
        if code == pg.GSSENC_REQUEST:
            return self._gss_request(packet)
        if code == pg.CANCEL_REQUEST:
            return self._cancel(packet)
        return self._hello(code, packet[4:])

    def _packet(self) -> bytes | None:
        """The next packet without type byte, its length checked before it is waited for (P3, P8)."""
        if len(self._buffer) < 4:
            return None
        (length,) = struct.unpack_from(">I", self._buffer)
        if not 8 <= length <= pg.STARTUP_LIMIT:
            raise ProtocolError("invalid length of start-up packet")
        if len(self._buffer) < length:
            return None
        packet, self._buffer = self._buffer[4:length], self._buffer[length:]
        return packet

    def _ssl_request(self, packet: bytes) -> StartupStep:
        if self._asked_tls or self._tls_active or len(packet) != 4:
            raise ProtocolError("unexpected SSLRequest")
        self._asked_tls = True
        self._nothing_behind()
        return StartTls() if self._tls_offered else Send(b"N")

    def _gss_request(self, packet: bytes) -> StartupStep:
        if self._asked_gss or self._tls_active or len(packet) != 4:
            raise ProtocolError("unexpected GSSENCRequest")
        self._asked_gss = True
        self._nothing_behind()
        return Send(b"N")

    def _nothing_behind(self) -> None:
        """Clear bytes behind an encryption request would be read as if they had been encrypted (P1)."""
        if self._buffer:
            raise ProtocolError("received unencrypted data after an encryption request")

    def _cancel(self, packet: bytes) -> StartupStep:
        if not 12 <= len(packet) <= 8 + 256:
            raise ProtocolError("invalid length of cancel request")
        self._state = _State.DONE
        return Cancel(struct.unpack_from(">I", packet, 4)[0], packet[8:])

    def _hello(self, code: int, body: bytes) -> StartupStep:
        major, minor = code >> 16, code & 0xFFFF
        if major != 3:
            raise ProtocolError(f"unsupported frontend protocol {major}.{minor}: speak 3.0 to 3.2", code="0A000")
        parameters = pg.startup_parameters(body)
        options = [name for name in parameters if name.startswith("_pq_.")]
        kept = {name: value for name, value in parameters.items() if name not in options}
        self._state = _State.ANSWERING
        self._negotiation = self._negotiate(minor, options)
        return Hello(kept, pg.PROTOCOL_3_2 if minor >= 2 else pg.PROTOCOL_3_0)

    _negotiation: bytes = b""

    @property
    def negotiation(self) -> bytes:
        """NegotiateProtocolVersion for the client, or nothing; it goes before the authentication request."""
        return self._negotiation

    def _negotiate(self, minor: int, options: list[str]) -> bytes:
        if minor in (0, 2) and not options:
            return b""
        return pg.negotiate(pg.PROTOCOL_3_2 if minor >= 2 else pg.PROTOCOL_3_0, options)

    def _answer(self) -> StartupStep | None:
        if len(self._buffer) < 5:
            return None
        (length,) = struct.unpack_from(">I", self._buffer, 1)
        if self._buffer[0] != ord("p") or not 4 <= length <= pg.AUTHENTICATION_LIMIT:
            raise ProtocolError("expected a password or SASL response")
        if len(self._buffer) < length + 1:
            return None
        body, self._buffer = self._buffer[5 : length + 1], self._buffer[length + 1 :]
        return Answer(body)
