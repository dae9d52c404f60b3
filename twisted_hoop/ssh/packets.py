"""The packet layer under both ends: identification lines, packets in and out, and the end of a connection.

It stands in for that of Conch's transports, which costs six times as much, has no AEAD, copies its buffer for every
packet, raises whatever a malformed packet leads to, and never stops writing. It knows which messages are allowed
(stages.py); what they mean is above it, in exchange.py and transport.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.conch.ssh.transport import SSHTransportBase
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.ciphers import Buffer, Direction, Plain, Sealer, WrongTag
from twisted_hoop.ssh.fields import MalformedMessage, Reader, string, uint32
from twisted_hoop.ssh.identification import IDENTIFICATION, Identification
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.stages import (
    CHANNEL_DATA,
    DISCONNECT,
    EXCHANGING,
    KNOWN,
    UNIMPLEMENTED,
    Stage,
    allowed,
    may_leave_in_exchange,
)

PROTOCOL_ERROR, KEY_EXCHANGE_FAILED, MAC_ERROR, SERVICE_NOT_AVAILABLE, BY_APPLICATION = 2, 3, 5, 7, 11
"""Codes of a disconnect (RFC 4253, section 11.1)."""
_SEQUENCES = 0xFFFFFFFF
_LEAST_LENGTH = 6  # padding_length, a message number, four bytes of padding


@implementer(IPushProducer)
class Packets(SSHTransportBase):
    """Packets of one connection. A subclass has a method for each message, by Conch's names."""

    _log = Logger()
    transport: Any
    ourVersionString = IDENTIFICATION
    messages: dict[int, str] = {}
    """Message number below 50 → name of the method that takes its payload."""

    def __init__(self, reactor: Any, limits: Limits) -> None:
        self.reactor = reactor
        self.limits = limits
        self.writable = False
        """Whether channel data may be sent now: no exchange is under way and the socket takes it."""
        self.ended = False
        self.reason = ""
        self._in: Direction = Plain()
        self._out: Sealer = Plain()
        self._stage = Stage.HELLO
        self._strict = False
        self._first_exchange = True
        self._allowed = allowed(Stage.HELLO, not self.isClient, False)
        self._identification: Identification | None = Identification(limits, from_client=not self.isClient)
        self._pieces: list[bytes] = []
        self._have = 0
        self._needed = 0
        self._length: int | None = None
        self._longest = limits.packet_before
        self._held = False
        self._channel_data: Callable[[bytes, int], None] | None = None
        self._fast: Callable[[bytes, int], None] | None = None
        self._carried = 0
        self._bare: Callable[[bytes], None] | None = None
        self._exchanging = False
        self._blocked: list[tuple[int, bytes]] = []
        self._congested = False
        self._unsent = 0
        self._timers: dict[str, IDelayedCall] = {}

    # -- in -------------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Say who we are. KEXINIT is exchange.py's."""
        self.transport.registerProducer(self, True)
        self.transport.write(self.ourVersionString + b"\r\n")
        if self.limits.grace:
            self._after("grace", self.limits.grace, self._too_late)

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the other side, in any pieces. Nothing that is in them raises."""
        self.guarded(self._received, data)

    def guarded(self, call: Callable[..., object], *arguments: Any) -> None:
        """Run it inside the boundary of this connection: what goes wrong ends it and no other (R15)."""
        try:
            call(*arguments)
        except ProtocolError as error:
            code = int(error.code) if error.code.isdigit() and len(error.code) < 3 else PROTOCOL_ERROR
            self.disconnect(code, str(error))
        except WrongTag:
            self.disconnect(MAC_ERROR, "a packet is not what was sent")
        except Exception:  # noqa: BLE001  the boundary (R15)
            self._log.failure("an SSH connection failed")
            self.disconnect(BY_APPLICATION, "internal error")

    def _received(self, data: bytes) -> None:
        if self._identification is not None:
            rest = self._identify(data)
            if rest is None:
                return
            data = rest
        pieces = self._pieces
        if pieces:
            pieces.append(data)
            self._have += len(data)
            if self._have < self._needed or self._held:
                return
            data = b"".join(pieces)
            pieces.clear()
        used = self._packets(data)
        if self._bare is not None:
            self._go_on_bare(data[used:])
            return
        if used < len(data) and not self.ended:
            pieces.append(data[used:] if used else data)
            self._have = len(data) - used
        if self._carried >= self.limits.rekey_bytes:
            self.rekey()

    def _identify(self, data: bytes) -> bytes | None:
        assert self._identification is not None
        found = self._identification.received(data)
        if found is None:
            return None
        self._identification = None
        self.otherVersionString, rest = found
        self.gotVersion = True
        self.identified()
        return rest

    def identified(self) -> None:
        """The other side's identification line came."""

    def _packets(self, data: bytes) -> int:
        """Take every whole packet out of `data`: how many bytes were used."""
        view, end, start = memoryview(data), len(data), 0
        while not (self._held or self.ended or self._bare is not None):
            direction, sequence = self._in, self.incomingPacketSequence
            length = self._length
            if length is None:
                if end - start < direction.header:
                    self._needed = direction.header
                    break
                length = self._length = direction.length(sequence, view[start:])
                if not _LEAST_LENGTH <= length <= self._longest:
                    raise MalformedMessage(f"a packet length of {length}")
            whole = 4 + length + direction.trailer
            if end - start < whole:
                self._needed = whole
                break
            self._length = None
            plain = direction.open(sequence, view[start : start + whole], length)
            start += whole
            self.incomingPacketSequence = (sequence + 1) & _SEQUENCES
            self._carried += whole
            self._message(plain)
        self.settle()
        return start

    def settle(self) -> None:
        """Channel data is gathered while nothing else comes between: now it is over."""

    def _message(self, plain: bytes) -> None:
        """`padding_length | payload | padding`, verified."""
        end = len(plain) - plain[0]
        if end < 2 or plain[0] < 4:
            raise MalformedMessage("a packet with a wrong padding")
        number = plain[1]
        if number == CHANNEL_DATA and self._fast is not None:
            self._fast(plain, end)
        else:
            self.dispatch(number, plain[2:end])

    def dispatch(self, number: int, payload: bytes) -> None:
        """A whole message, to whom it concerns; a fault when this is not the time for it."""
        self.settle()
        if number not in self._allowed:
            self._unexpected(number)
        elif number < 50:
            getattr(self, self.messages[number])(payload)
        elif self.service is not None:
            self.service.packetReceived(number, payload)

    def _unexpected(self, number: int) -> None:
        """Known numbers at the wrong time end the connection (S4)."""
        if number in KNOWN or self._stage in EXCHANGING:
            raise ProtocolError(f"message {number} while {self._stage.value}", code=str(PROTOCOL_ERROR))
        self.sendPacket(UNIMPLEMENTED, uint32((self.incomingPacketSequence - 1) & _SEQUENCES))

    def _go_on_bare(self, data: bytes) -> None:
        """Behind the packet after which nothing was encrypted any more; see `Transport.expect_bare`."""
        assert self._bare is not None
        self._received = self._bare  # type: ignore[assignment,method-assign]
        if data and not self.ended:
            self._bare(data)

    def hold(self) -> None:
        """Read nothing, not even what is here already, until `release`."""
        self._held = True
        self.transport.pauseProducing()

    def release(self) -> None:
        """Go on reading."""
        self._held, self._needed = False, 0
        self.transport.resumeProducing()
        self.dataReceived(b"")

    def enter(self, stage: Stage) -> None:
        """From now on the other side may send what the table has for `stage`."""
        self._stage = stage
        self._allowed = allowed(stage, not self.isClient, self._strict and self._first_exchange)
        self._fast = self._channel_data if stage is Stage.CONNECTED else None

    # -- out ------------------------------------------------------------------------------------------------------

    def sendPacket(self, messageType: int, payload: bytes) -> None:
        """Send a message; during a key exchange it waits for its end, unless it belongs to it."""
        if self.ended:
            return
        if self._exchanging and not may_leave_in_exchange(messageType):
            self._blocked.append((messageType, payload))
            self._count_unsent(len(payload))
            return
        self._emit((messageType.to_bytes(1, "big"), payload), 1 + len(payload))
        if self._congested:
            self._count_unsent(len(payload))

    def send_data(self, head: bytes, data: Buffer) -> None:
        """Send a message of channel data: `head` is everything before the bytes. Only while `writable`."""
        self._emit((head, data), len(head) + len(data))
        if self._carried >= self.limits.rekey_bytes:
            self.rekey()

    def _emit(self, parts: tuple[Buffer, ...], size: int) -> None:
        sequence = self.outgoingPacketSequence
        packet = self._out.seal(sequence, parts, size)
        self.outgoingPacketSequence = (sequence + 1) & _SEQUENCES
        self._carried += len(packet)
        self.transport.write(packet)

    def _count_unsent(self, size: int) -> None:
        """What we must say and cannot: bounded, for a peer that asks and does not read (S9)."""
        self._unsent += size + 64
        if self._unsent > self.limits.unsent:
            self._log.info("an SSH peer asks and does not read: its connection is closed")
            self.ended, self.reason = True, "the other side asks and does not read"
            self.transport.abortConnection()

    def rekey(self) -> None:
        """Enough was carried for new keys; exchange.py's."""

    def flush_blocked(self) -> None:
        """The exchange is over for what we send: send what waited for that."""
        blocked, self._blocked = self._blocked, []
        for number, payload in blocked:
            self.sendPacket(number, payload)
        if not self._congested:
            self._unsent = 0
        self.arrange()

    def arrange(self) -> None:
        """Work out whether channel data may leave, and let it leave when that is new."""
        before = self.writable
        self.writable = not (self._exchanging or self._congested or self.ended)
        if self.writable and not before:
            self.became_writable()

    def became_writable(self) -> None:
        """Channel data may be sent again."""

    # -- the socket's producer ------------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """The socket does not take any more."""
        self._congested = True
        self.writable = False

    def resumeProducing(self) -> None:
        """It does again."""
        self._congested = False
        self._unsent = 0
        self.guarded(self.arrange)

    def stopProducing(self) -> None:
        """It is gone; connectionLost follows."""

    # -- the end --------------------------------------------------------------------------------------------------

    def disconnect(self, code: int, text: str) -> None:
        """Say why (RFC 4253, section 11.1), then close; whoever takes nothing is cut off after `farewell` seconds."""
        if self.ended:
            return
        self._log.info("SSH connection ends: {why}", why=text, code=code)
        self.sendPacket(DISCONNECT, uint32(code) + string(text.encode("utf-8", "replace")) + string(b""))
        self.ended = True
        self.reason = self.reason or text
        self._close()

    def _close(self) -> None:
        self.ended = True
        self.writable = False
        self._fast = None
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self._after("farewell", self.limits.farewell, self.transport.abortConnection)

    def sendDisconnect(self, reason: int, desc: bytes | str) -> None:
        """What Conch's own code calls."""
        self.disconnect(reason, desc if isinstance(desc, str) else desc.decode("utf-8", "backslashreplace"))

    def loseConnection(self) -> None:
        """End it without a fault."""
        self.disconnect(BY_APPLICATION, "closed")

    def ssh_DISCONNECT(self, packet: bytes) -> None:
        """The other side ends the connection."""
        reader = Reader(packet)
        self.reason = f"the other side ended it ({reader.uint32()}): {reader.text()[:200]}"
        self._close()

    def _too_late(self) -> None:
        self.disconnect(BY_APPLICATION, "the log-in took too long")

    def _after(self, name: str, seconds: float, call: Callable[[], object]) -> None:
        self._stop(name)
        self._timers[name] = self.reactor.callLater(seconds, self._fire, name, call)

    def _fire(self, name: str, call: Callable[[], object]) -> None:
        del self._timers[name]
        self.guarded(call)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def connectionLost(self, reason: Failure | None = connectionDone) -> None:
        """Everything that was waited for is let go; the service is told."""
        self.ended = True
        self.writable = False
        self._fast = None
        self._blocked.clear()
        self._pieces.clear()
        for name in list(self._timers):
            self._stop(name)
        self.reason = self.reason or (reason.getErrorMessage() if reason is not None else "the connection is gone")
        service, self.service = self.service, None
        if service is not None:
            self.guarded(service.serviceStopped)
        self.guarded(self.finished)

    def finished(self) -> None:
        """The connection is gone; called once."""
