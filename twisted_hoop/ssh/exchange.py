"""Key exchange (RFC 4253, section 7): what is offered, strict key exchange, new keys, and when we ask for them.

* **Strict** (S2, Terrapin): announced to everybody; with a peer that does too, nothing but the exchange may happen in
  the first one, and sequence numbers start again at every NEWKEYS.
* **Late KEXINIT**: a server first looks at what the client has, and then offers AES-GCM alone when the client has it.
  OpenSSH's clients prefer chacha20-poly1305, which costs us three times as much. Clients do not wait for our
  KEXINIT, so it costs no time; for one that does, a timer sends the whole offer after half a second.
* **Rekeying**: after `rekey_bytes` in both directions, or `rekey_seconds` in which anything was carried.
* Outgoing keys change right behind our NEWKEYS, incoming ones at the other side's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from twisted.conch.error import ConchError

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh import algorithms
from twisted_hoop.ssh.ciphers import Direction, make_direction
from twisted_hoop.ssh.fields import MalformedMessage
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.negotiation import KEY_EXCHANGE_FAILED, Agreed, KexInit, agree, guessed_right, read_kexinit
from twisted_hoop.ssh.packets import PROTOCOL_ERROR, Packets
from twisted_hoop.ssh.stages import EXCHANGING, KEXINIT, NEWKEYS, Stage

_MARKERS = frozenset(
    {
        algorithms.STRICT_CLIENT,
        algorithms.STRICT_SERVER,
        algorithms.EXT_INFO_CLIENT,
        algorithms.EXT_INFO_SERVER,
    }
)
BROKEN = (ValueError, IndexError, KeyError, TypeError, struct.error, UnsupportedAlgorithm, ConchError)
"""What Conch and `cryptography` raise for a key exchange message that makes no sense."""


@dataclass(slots=True)
class Keys:
    """The next keys of both directions; Conch gives them with `setKeys`."""

    agreed: Agreed
    client: bool
    incoming: Direction | None = None
    outgoing: Direction | None = None

    def setKeys(self, outIV: bytes, outKey: bytes, inIV: bytes, inKey: bytes, outInteg: bytes, inInteg: bytes) -> None:
        """Twisted's name: the six keys of RFC 4253, section 7.2."""
        a = self.agreed
        to_server, to_client = (a.cipher_to_server, a.mac_to_server), (a.cipher_to_client, a.mac_to_client)
        out, inward = (to_server, to_client) if self.client else (to_client, to_server)
        self.outgoing = make_direction(*out, outIV, outKey, outInteg)
        self.incoming = make_direction(*inward, inIV, inKey, inInteg)


class Exchange(Packets):
    """The key exchange of one connection, in what both roles have in common."""

    nextEncryptions: Any
    _gotNewKeys = 0  # Conch's client asks for it; ours waits for the host key before it reads on

    def __init__(self, reactor: Any, limits: Limits, host_key_algorithms: tuple[bytes, ...]) -> None:
        super().__init__(reactor, limits)
        ciphers, macs, none = algorithms.CIPHERS, algorithms.MAC_NAMES, algorithms.COMPRESSIONS
        exchanges = algorithms.KEY_EXCHANGES
        self._offer = KexInit(exchanges, host_key_algorithms, ciphers, ciphers, macs, macs, none, none)
        self._return_to = Stage.SECURE
        self._before_login = 0
        self._ignore_guess = False

    # -- KEXINIT --------------------------------------------------------------------------------------------------

    def sendKexInit(self) -> None:
        """Send ours, unless it is sent already."""
        if self._exchanging or self.ended:
            return
        offer = self._offer
        if self._first_exchange:
            offer = replace(offer, exchanges=offer.exchanges + self._markers())
        payload = offer.message()
        self.ourKexInitPayload = bytes((KEXINIT,)) + payload
        self._stop("kexinit")
        self.sendPacket(KEXINIT, payload)
        self._exchanging, self.writable = True, False
        if not self._first_exchange:
            self._after("exchange", self.limits.exchange, self._exchange_too_long)

    def _markers(self) -> tuple[bytes, ...]:
        if self.isClient:
            return algorithms.EXT_INFO_CLIENT, algorithms.STRICT_CLIENT
        return algorithms.EXT_INFO_SERVER, algorithms.STRICT_SERVER

    def _exchange_too_long(self) -> None:
        raise ProtocolError("the key exchange took too long", code=KEY_EXCHANGE_FAILED)

    def ssh_KEXINIT(self, packet: bytes) -> None:
        """The other side's: agree, and go on to the exchange itself. A second one has no place in the table (S4)."""
        theirs = read_kexinit(packet)
        self._count_exchange()
        if self._first_exchange:
            self._look_for_markers(theirs)
        self.otherKexInitPayload = bytes((KEXINIT,)) + packet
        if not self._exchanging:
            self._prefer(theirs)
            self.sendKexInit()
        client, server = (self._offer, theirs) if self.isClient else (theirs, self._offer)
        agreed = agree(client, server, _MARKERS, self._strict)
        self.kexAlg, self.keyAlg = agreed.exchange, agreed.host_key
        self.nextEncryptions = Keys(agreed, self.isClient)
        self._ignore_guess = theirs.guess_follows and not guessed_right(client, server)
        self._return_to = self._stage if self._stage is not Stage.HELLO else Stage.SECURE
        self.enter(Stage.EXCHANGE)
        self.begin()

    def _count_exchange(self) -> None:
        """An exchange costs us more than whoever asks for it: nobody needs many to log in (S7)."""
        if self._stage is not Stage.CONNECTED:
            self._before_login += 1
            if self._before_login > self.limits.exchanges_before:
                raise ProtocolError("too many key exchanges before the login (S7)", code=str(PROTOCOL_ERROR))

    def _look_for_markers(self, theirs: KexInit) -> None:
        strict = algorithms.STRICT_SERVER if self.isClient else algorithms.STRICT_CLIENT
        extensions = algorithms.EXT_INFO_SERVER if self.isClient else algorithms.EXT_INFO_CLIENT
        self._strict = strict in theirs.exchanges
        self._peerSupportsExtensions = extensions in theirs.exchanges
        if self._strict and self.incomingPacketSequence != 1:
            raise ProtocolError("strict key exchange: KEXINIT was not the first message (S2)", code=str(PROTOCOL_ERROR))

    def _prefer(self, theirs: KexInit) -> None:
        """A server's chance to offer less, now that it knows what the client has."""

    def begin(self) -> None:
        """Both KEXINITs are there."""

    def _unexpected(self, number: int) -> None:
        """A wrong guess may be of a method that we do not even know."""
        if not (self._stage is Stage.EXCHANGE and 30 <= number < 50 and self.guess_ignored()):
            super()._unexpected(number)

    def guess_ignored(self) -> bool:
        """Whether the message of the exchange that came is the wrong guess that was announced; asked once for each."""
        ignored, self._ignore_guess = self._ignore_guess, False
        return ignored

    # -- new keys -------------------------------------------------------------------------------------------------

    def sendPacket(self, messageType: int, payload: bytes) -> None:
        """As below; behind our NEWKEYS everything goes under the new keys."""
        super().sendPacket(messageType, payload)
        if messageType == NEWKEYS:
            self._out = self.nextEncryptions.outgoing
            if self._strict:
                self.outgoingPacketSequence = 0
            self._exchanging = False

    def _keySetup(self, sharedSecret: bytes, exchangeHash: bytes) -> None:
        """Conch computes the keys and sends NEWKEYS, and a server's EXT_INFO behind the first."""
        super()._keySetup(sharedSecret, exchangeHash)
        self.enter(Stage.NEW_KEYS)
        self.flush_blocked()

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        """What the other side says from here on is under the new keys."""
        if packet:
            raise MalformedMessage("NEWKEYS with something in it")
        first, self._first_exchange = self._first_exchange, False
        self._in = self.nextEncryptions.incoming
        self.nextEncryptions = None
        if self._strict:
            self.incomingPacketSequence = 0
        self._carried = 0
        self._stop("exchange")
        self._after("rekey", self.limits.rekey_seconds, self._time_for_new_keys)
        self.enter(self._return_to)
        if first:
            self.connectionSecure()

    def connectionSecure(self) -> None:
        """The first exchange is over."""

    @property
    def service_stage(self) -> Stage:
        """How far the services are, whether keys are being exchanged or not."""
        return self._return_to if self._stage in EXCHANGING else self._stage

    def advance(self, stage: Stage) -> None:
        """The services are at `stage` now."""
        if self._stage in EXCHANGING:
            self._return_to = stage
        else:
            self.enter(stage)

    def rekey(self) -> None:
        """Ask for new keys, unless that is under way or nobody is logged in yet."""
        if self._stage is Stage.CONNECTED and not self._exchanging:
            self.sendKexInit()

    def _time_for_new_keys(self) -> None:
        self._after("rekey", self.limits.rekey_seconds, self._time_for_new_keys)
        if self._carried:
            self.rekey()
