"""Attacks on the SSH transport and on flow control, carried out on the engine itself: S1, S2, S3, S4, S9.

A `raw` message leaves an end whatever its own tables say: that is the attacker.
"""

from __future__ import annotations

import resource
import struct
from collections.abc import Callable
from dataclasses import replace

import pytest
from twisted.conch.ssh.service import SSHService

from tests.support.ssh import Memory, Pair, Talker, connected
from twisted_hoop.ssh.ciphers import Plain
from twisted_hoop.ssh.events import Close, Data, Event
from twisted_hoop.ssh.fields import string, uint32
from twisted_hoop.ssh.negotiation import KexInit, read_kexinit
from twisted_hoop.ssh.packets import Packets
from twisted_hoop.ssh.stages import Stage

CHACHA = b"chacha20-poly1305@openssh.com"
EXCHANGES = (
    b"mlkem768x25519-sha256",
    b"curve25519-sha256",
    b"curve25519-sha256@libssh.org",
    b"ecdh-sha2-nistp256",
    b"ecdh-sha2-nistp384",
    b"ecdh-sha2-nistp521",
)
CIPHERS = (
    b"aes128-gcm@openssh.com",
    b"aes256-gcm@openssh.com",
    CHACHA,
    b"aes256-ctr",
    b"aes192-ctr",
    b"aes128-ctr",
)
MACS = (b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-512-etm@openssh.com")
HOST_KEYS = (
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
    b"rsa-sha2-512",
    b"rsa-sha2-256",
)
NONE = (b"none",)


def raw(end: Packets, number: int, payload: bytes = b"") -> None:
    """Send it, whatever the sender's own state."""
    end._emit((bytes([number]), payload), 1 + len(payload))


def in_clear(packet: bytes) -> bytes:
    """The payload of a packet before any keys."""
    view = memoryview(packet)
    plain = Plain().open(0, view, Plain().length(0, view))
    return plain[1 : len(plain) - plain[0]]


def offer_of(wire: Memory) -> KexInit:
    payload = in_clear(bytes(wire.sent).partition(b"\r\n")[2])
    assert payload[0] == 20
    return read_kexinit(payload[1:])


# -- S1, S3 -------------------------------------------------------------------------------------------------------


def test_s3_s1_the_exact_offer_to_clients() -> None:
    """S1, S3: to a client that shows nothing of its own, which gets the longest offer there is."""
    pair = Pair().start()
    pair.server_end.dataReceived(b"SSH-2.0-audit\r\n")
    pair.clock.advance(1)
    exchanges = (*EXCHANGES, b"ext-info-s", b"kex-strict-s-v00@openssh.com")
    assert offer_of(pair.server_wire) == KexInit(exchanges, NONE_BUT_OURS, CIPHERS, CIPHERS, MACS, MACS, NONE, NONE)


NONE_BUT_OURS = (b"ssh-ed25519",)


def test_s3_s1_the_exact_offer_to_targets() -> None:
    """S1, S3."""
    pair = Pair().start()
    exchanges = (*EXCHANGES, b"ext-info-c", b"kex-strict-c-v00@openssh.com")
    assert offer_of(pair.client_wire) == KexInit(exchanges, HOST_KEYS, CIPHERS, CIPHERS, MACS, MACS, NONE, NONE)


@pytest.mark.parametrize("names", [(b"zlib",), (b"zlib@openssh.com",), ()])
def test_s1_whoever_insists_on_compression_gets_no_connection(names: tuple[bytes, ...]) -> None:
    """S1: nothing is ever inflated."""
    pair = Pair()
    offer = pair.client_end._offer
    pair.client_end._offer = replace(offer, compressions_to_server=names, compressions_to_client=names)
    pair.start().pump()
    assert pair.server_end.ended
    assert pair.server.login is None


WEAK = {
    "exchanges": (b"diffie-hellman-group14-sha1", b"diffie-hellman-group-exchange-sha1", b"diffie-hellman-group1-sha1"),
    "host_keys": (b"ssh-rsa", b"ssh-dss"),
    "ciphers_to_server": (b"3des-cbc", b"aes128-cbc", b"arcfour", b"none"),
    "ciphers_to_client": (b"3des-cbc", b"aes256-cbc", b"blowfish-cbc", b"none"),
}


@pytest.mark.parametrize("to_server", [True, False])
@pytest.mark.parametrize(("field", "name"), [(field, name) for field, names in WEAK.items() for name in names])
def test_s3_a_peer_that_has_only_weak_algorithms(field: str, name: bytes, to_server: bool) -> None:
    """S3: on both legs."""
    pair = Pair()
    weak, other = (pair.client_end, pair.server_end) if to_server else (pair.server_end, pair.client_end)
    weak._offer = replace(weak._offer, **{field: (name,)})
    weak._prefer = lambda theirs: None  # type: ignore[method-assign]
    pair.start().pump()
    assert other.ended
    assert pair.server.login is None


@pytest.mark.parametrize("mac", [b"hmac-md5", b"hmac-sha1", b"hmac-sha2-256", b"none"])
def test_s3_a_peer_that_has_only_weak_macs(mac: bytes) -> None:
    """S3: encrypt-and-MAC counts as weak."""
    pair = Pair()
    offer = replace(pair.client_end._offer, macs_to_server=(mac,), macs_to_client=(mac,))
    pair.client_end._offer = replace(offer, ciphers_to_server=(b"aes128-ctr",), ciphers_to_client=(b"aes128-ctr",))
    pair.start().pump()
    assert pair.server_end.ended


# -- S2: Terrapin -------------------------------------------------------------------------------------------------


class Terrapin:
    """Between the two: puts an IGNORE before the n-th packet in clear, and takes the first encrypted one away."""

    def __init__(self, before: int) -> None:
        self._before = before
        self._seen = 0
        self._done = False
        self._identified = False

    def __call__(self, data: bytes) -> bytes:
        out = b""
        if not self._identified:
            line, end, data = data.partition(b"\r\n")
            out, self._identified = line + end, True
        while data and not self._done:
            size = 4 + int(struct.unpack_from(">L", data)[0])
            packet, data = data[:size], data[size:]
            if self._seen == self._before:
                out += Plain().seal(0, (b"\2" + string(b"one more"),), 13)
            self._seen += 1
            out += packet
            if in_clear(packet)[0] == 21:
                self._done = True
        return out + data


def between(pair: Pair, attack: Callable[[bytes], bytes], from_client: bool) -> None:
    """Everything that one side writes goes through `attack`."""
    wire = pair.client_wire if from_client else pair.server_wire
    taken = wire.taken

    def changed() -> bytes:
        data = taken()
        return attack(data) if data else data

    wire.taken = changed  # type: ignore[method-assign]


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("from_client", [True, False])
@pytest.mark.parametrize("cipher", [CHACHA, b"aes128-gcm@openssh.com", b"aes128-ctr"])
def test_s2_a_prefix_of_the_connection_cannot_be_cut_off(cipher: bytes, from_client: bool, before: int) -> None:
    """S2: an extra message in the first key exchange ends it, before anything encrypted is believed."""
    pair = Pair()
    pair.client_end._offer = replace(pair.client_end._offer, ciphers_to_server=(cipher,), ciphers_to_client=(cipher,))
    between(pair, Terrapin(before), from_client)
    pair.start().pump()
    assert (pair.server_end if from_client else pair.client_end).ended
    assert pair.server.login is None
    assert pair.client.connection is None


@pytest.mark.parametrize("strict", ["server", "client", "neither"])
def test_s2_chacha_without_strict_key_exchange_is_refused(strict: str) -> None:
    """S2: with a peer that cannot be protected only ciphers that need no protection are used."""
    pair = Pair()
    offer = pair.client_end._offer
    pair.client_end._offer = replace(offer, ciphers_to_server=(CHACHA,), ciphers_to_client=(CHACHA,))
    for end, name in ((pair.client_end, "client"), (pair.server_end, "server")):
        if strict != name:
            end._markers = lambda: ()  # type: ignore[method-assign]
    pair.start().pump()
    assert pair.server_end.ended or pair.client_end.ended
    assert pair.server.login is None


def test_s2_a_message_before_the_first_offer() -> None:
    """S2: KEXINIT is the first message, or it is not strict."""
    pair = Pair().start()
    head, end, kexinit = bytes(pair.client_wire.sent).partition(b"\r\n")
    extra = Plain().seal(0, (b"\4\1" + string(b"debug") + string(b""),), 15)
    pair.server_end.dataReceived(head + end + extra + kexinit)
    assert pair.server_end.ended


# -- S4: every message in every state -----------------------------------------------------------------------------

PAYLOADS = {
    1: uint32(11) + string(b"") + string(b""),
    5: string(b"ssh-connection"),
    6: string(b"ssh-connection"),
    7: uint32(0),
    20: KexInit(EXCHANGES, HOST_KEYS, CIPHERS, CIPHERS, MACS, MACS, NONE, NONE).message(),
    30: string(bytes(32)),
    31: string(b"key") + string(bytes(32)) + string(b"signature"),
    50: string(b"root") + string(b"ssh-connection") + string(b"none"),
    51: string(b"password") + b"\0",
    80: string(b"tcpip-forward") + b"\1" + string(b"") + uint32(0),
    90: string(b"session") + uint32(0) + uint32(1 << 20) + uint32(1 << 15),
    91: uint32(0) + uint32(0) + uint32(1 << 20) + uint32(1 << 15),
    94: uint32(0) + string(b"rm -rf /"),
    98: uint32(0) + string(b"exec") + b"\1" + string(b"rm -rf /"),
}
"""What an attacker would say; nothing for the others."""
HARMLESS = {2, 3, 4}


class Deaf(SSHService):
    """An ssh-userauth that lets nobody in and asks for nothing; it keeps what it is told."""

    name = b"ssh-userauth"

    def __init__(self) -> None:
        self.got: list[int] = []

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        self.got.append(messageNum)


class State:
    """A pair stopped somewhere; `attacker` says what comes next to `victim`."""

    def __init__(self, attacker_is_client: bool) -> None:
        self.pair = Pair()
        self.deaf = Deaf()
        self.pair.server_end._authentication = lambda end: self.deaf
        self.pair.client_end._authenticator = lambda end: self.deaf
        ends = (self.pair.client_end, self.pair.server_end)
        self.attacker, self.victim = ends if attacker_is_client else ends[::-1]
        wires = (self.pair.client_wire, self.pair.server_wire)
        self._wire = wires[0] if attacker_is_client else wires[1]

    def arrive(self) -> None:
        """What the attacker wrote arrives; nothing that the victim says does."""
        self.victim.dataReceived(self._wire.taken())

    def at(self, stage: Stage) -> State:
        """In `stage` of the first exchange, or of the services."""
        pair, client = self.pair, self.attacker is self.pair.client_end
        if stage is Stage.HELLO:
            self.attacker.sendKexInit = lambda: None  # type: ignore[method-assign]
            pair.start()
            self.arrive()
        elif stage is Stage.EXCHANGE:
            self.attacker.begin = lambda: None  # type: ignore[method-assign]
            if not client:
                self.attacker.ssh_KEX_DH_GEX_REQUEST_OLD = lambda packet: None  # type: ignore[attr-defined]
            pair.start().pump()
        elif stage is Stage.NEW_KEYS:
            send = self.attacker.sendPacket
            self.attacker.sendPacket = (  # type: ignore[method-assign]
                lambda number, payload: send(number, payload) if number not in (21, 7) else None
            )
            pair.start().pump()
        elif stage is Stage.SECURE:
            pair.client_end.connectionSecure = lambda: None  # type: ignore[method-assign]
            pair.start().pump()
        else:
            pair.start().pump()
            if stage is Stage.CONNECTED:
                pair.server_end.authenticated("alice")
                pair.pump()
                pair.client_end.authenticated()
        assert self.victim._stage is stage
        return self

    def again(self, stage: Stage) -> State:
        """In `stage` of an exchange behind the login."""
        self.at(Stage.CONNECTED)
        self.attacker.begin = lambda: None  # type: ignore[method-assign]
        self.attacker.ssh_KEX_DH_GEX_REQUEST_OLD = lambda packet: None  # type: ignore[attr-defined]
        if stage is Stage.NEW_KEYS:
            del self.attacker.begin
            del self.attacker.ssh_KEX_DH_GEX_REQUEST_OLD  # type: ignore[attr-defined]
            send = self.attacker.sendPacket
            self.attacker.sendPacket = (  # type: ignore[method-assign]
                lambda number, payload: send(number, payload) if number != 21 else None
            )
        self.attacker.sendKexInit()
        self.pair.pump()
        assert self.victim._stage is stage
        return self

    def heard(self) -> list[object]:
        """Whatever reached a handler."""
        sides = (self.pair.client, self.pair.server)
        return [*self.pair.server.openings, *self.pair.client.openings, *(r for side in sides for r in side.requests)]


SERVICE = {
    (Stage.SECURE, True): {7},
    (Stage.SECURE, False): {7},
    (Stage.LOGIN, True): {50, *range(60, 80)},
    (Stage.LOGIN, False): {7, 51, 52, 53, *range(60, 80)},
}
"""Beside HARMLESS, what does not end a connection that is not logged in; `True` from a client."""
EXPECTED = {
    Stage.HELLO: {*HARMLESS, 20},
    Stage.EXCHANGE: set(),
    Stage.NEW_KEYS: {21},
    Stage.SECURE: {*HARMLESS, 20},
    Stage.LOGIN: {*HARMLESS, 20},
}
"""The same from both sides. A second KEXINIT has no place in an exchange."""
NOBODY = {n for n in range(256) if n in (0, *range(8, 20), *range(22, 30), *range(54, 60), *range(83, 90)) or n > 100}
"""Numbers without a meaning to us; where no keys are exchanged they are answered with UNIMPLEMENTED."""


@pytest.mark.parametrize("from_client", [True, False], ids=["from-client", "from-target"])
@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.CONNECTED], ids=lambda s: s.name)
def test_s4_every_message_before_the_login(stage: Stage, from_client: bool) -> None:
    """S4: nothing of it opens a channel, logs anybody in, or survives at the wrong time."""
    expected = EXPECTED[stage] | SERVICE.get((stage, from_client), set())
    if stage in (Stage.SECURE, Stage.LOGIN):
        expected = expected | NOBODY
    survived = set()
    for number in range(256):
        state = State(from_client).at(stage)
        raw(state.attacker, number, PAYLOADS.get(number, b""))
        state.arrive()
        assert state.pair.server.login is None, number
        assert state.pair.client.connection is None, number
        assert state.pair.server.connection is None, number
        assert state.heard() == [], number
        if not state.victim.ended:
            survived.add(number)
    assert survived == expected


@pytest.mark.parametrize("from_client", [True, False], ids=["from-client", "from-target"])
@pytest.mark.parametrize("stage", [Stage.EXCHANGE, Stage.NEW_KEYS], ids=lambda s: s.name)
def test_s4_every_message_while_keys_are_exchanged_again(stage: Stage, from_client: bool) -> None:
    """S4: behind the other side's KEXINIT nothing of ssh-connection is taken until its NEWKEYS."""
    survived = set()
    for number in range(256):
        state = State(from_client).again(stage)
        raw(state.attacker, number, PAYLOADS.get(number, b""))
        state.arrive()
        assert state.heard() == [], number
        if not state.victim.ended:
            survived.add(number)
    assert survived == (HARMLESS | {21} if stage is Stage.NEW_KEYS else HARMLESS)


@pytest.mark.parametrize("from_client", [True, False], ids=["from-client", "from-target"])
def test_s4_every_message_behind_the_login(from_client: bool) -> None:
    """S4: no second service, no second login; what is ours to answer is asked of the handler."""
    survived, heard = set(), set()
    for number in range(256):
        state = State(from_client).at(Stage.CONNECTED)
        before = list(state.deaf.got)
        raw(state.attacker, number, PAYLOADS.get(number, b""))
        state.arrive()
        if not state.victim.ended:
            survived.add(number)
        if state.heard():
            heard.add(number)
        assert state.deaf.got == before, number
        assert len(state.pair.ended) == 0, number
    assert heard == {80, 90}
    assert survived == HARMLESS | NOBODY | {80, 90} | ({50} if from_client else set()) | {20}


# -- S9: a reader that stops --------------------------------------------------------------------------------------


class Relayed(Talker):
    """Gives everything to a channel of the other leg, and credits only what that one does not keep."""

    def __init__(self) -> None:
        super().__init__(crediting=False)
        self.to: Talker
        self.owed = 0

    def received(self, event: Event) -> None:
        if isinstance(event, Data):
            self.to.channel.send(event)
            self.owed += len(event.data)
        if not self.to.channel.queued:
            self.settle()

    def settle(self) -> None:
        owed, self.owed = self.owed, 0
        self.channel.credit(owed)


class Draining(Talker):
    """The other leg's channel: tells the relay when it has sent everything."""

    source: Relayed

    def drained(self) -> None:
        self.source.settle()


def relayed() -> tuple[Pair, Pair, Talker, Talker]:
    """target → relay → client, each leg a pair: (client leg, target leg, the target's channel, the client's)."""
    front, back = connected(), connected()
    client = front.client.open()
    front.pump()
    out = Draining()
    out.channel = front.server.openings[0].accept(out)
    relay = Relayed()
    relay.channel = back.client.connection.open(b"session", b"", relay)
    target = back.pump().server.accept()
    relay.to, out.source = out, relay
    back.pump(), front.pump()
    return front, back, target, client


def test_s9_a_stopped_reader_costs_a_window_and_no_more() -> None:
    """S9: a gigabyte towards a client that does not read stays where it comes from."""
    front, back, target, _ = relayed()
    front.server_wire.stopped = True
    block, sent = bytes(1 << 20), 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(1024):
        if target.channel.queued < 1 << 20:  # as a target's own process, which blocks when nobody reads
            target.send(Data(0, block))
            sent += len(block)
        back.pump()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    window = front.server_end.limits.window
    held = front.server.openings[0]._connection._channels[0].queued + len(front.server_wire.sent)
    assert held <= window + 256 * 1024
    assert sent <= window + (3 << 20)
    assert grown < 40 * 1024  # KiB: the window, what the sender keeps, and what the interpreter makes of both


def test_s9_everything_arrives_once_the_reader_goes_on() -> None:
    """S9: and nothing is lost or twice."""
    front, back, target, client = relayed()
    front.server_wire.stopped = True
    content = b"".join(uint32(n) for n in range(1_000_000))
    target.send(Data(0, content))
    back.pump()
    front.server_wire.stopped = False
    for _ in range(100):
        front.pump(), back.pump()
    assert client.data() == content


def test_s9_a_client_that_never_opens_its_window() -> None:
    """S9: the socket may take everything, and the window nothing."""
    front, back, target, _ = relayed()
    leg = front.server.openings[0]._connection._channels[0]
    leg._room = 0
    target.send(Data(0, bytes(8 << 20)))
    for _ in range(20):
        front.pump(), back.pump()
    assert leg.queued <= front.server_end.limits.window
    target.send(Close())
    back.pump()
    assert not front.server_end.ended
