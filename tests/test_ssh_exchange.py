"""twisted_hoop.ssh.exchange: who offers what when, new keys, and sequence numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.ssh import Pair, Talker, bytewise, connected
from twisted_hoop.ssh import algorithms
from twisted_hoop.ssh.ciphers import ChaCha, Gcm, Plain
from twisted_hoop.ssh.events import Data
from twisted_hoop.ssh.fields import string
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.negotiation import KexInit, read_kexinit

HELLO = b"SSH-2.0-test\r\n"
CHACHA = b"chacha20-poly1305@openssh.com"
NEVER = Limits(grace=0)


def offered(wire: Any) -> KexInit:
    """The KEXINIT that is first in what an end sent after its identification."""
    packet = bytes(wire.sent).partition(b"\r\n")[2]
    view = memoryview(packet)
    plain = Plain().open(0, view, Plain().length(0, view))
    assert plain[1] == 20
    return read_kexinit(plain[2 : len(plain) - plain[0]])


def talking(pair: Pair) -> tuple[Talker, Talker]:
    here = pair.client.open()
    there = pair.pump().server.accept()
    pair.pump()
    return here, there


def client_with(**changes: tuple[bytes, ...]) -> Pair:
    """A pair whose client offers something else."""
    pair = Pair()
    pair.client_end._offer = replace(pair.client_end._offer, **changes)
    return pair


def ciphers(*names: bytes) -> dict[str, tuple[bytes, ...]]:
    return {"ciphers_to_server": names, "ciphers_to_client": names}


def test_a_server_waits_for_the_clients_offer_and_then_has_only_gcm() -> None:
    pair = client_with(**ciphers(CHACHA, b"aes256-gcm@openssh.com", b"aes128-ctr")).start()
    assert bytes(pair.server_wire.sent) == b"SSH-2.0-hoop\r\n"
    pair.server_end.dataReceived(pair.client_wire.taken())
    assert offered(pair.server_wire).ciphers_to_client == (b"aes256-gcm@openssh.com",)
    pair.pump()
    assert isinstance(pair.server_end._out, Gcm)
    assert isinstance(pair.server_end._in, Gcm)


def test_a_client_without_gcm_gets_what_it_has() -> None:
    pair = client_with(**ciphers(CHACHA)).start().pump()
    assert isinstance(pair.server_end._out, ChaCha)
    assert pair.server.login == b"alice"


def test_a_client_that_waits_for_our_offer_gets_all_of_it() -> None:
    pair = Pair().start()
    pair.server_end.dataReceived(HELLO)
    pair.clock.advance(0.4)
    assert bytes(pair.server_wire.sent) == b"SSH-2.0-hoop\r\n"
    pair.clock.advance(0.2)
    assert offered(pair.server_wire).ciphers_to_client == algorithms.CIPHERS


def test_the_wait_begins_with_the_clients_identification() -> None:
    pair = Pair().start()
    pair.clock.advance(20)
    assert bytes(pair.server_wire.sent) == b"SSH-2.0-hoop\r\n"
    pair.pump()
    assert pair.server.login == b"alice"


@pytest.mark.parametrize("name", algorithms.KEY_EXCHANGES)
@pytest.mark.parametrize("chunks", [bytewise, None])
def test_every_key_exchange(name: bytes, chunks: Any) -> None:
    pair = Pair(chunks) if chunks is not None else Pair()
    pair.client_end._offer = replace(pair.client_end._offer, exchanges=(name,))
    pair.start().pump()
    assert pair.server_end.kexAlg == pair.client_end.kexAlg == name
    here, there = talking(pair)
    here.send(Data(0, b"hello"))
    pair.pump()
    assert there.data() == b"hello"


@pytest.mark.parametrize("cipher", algorithms.CIPHERS)
@pytest.mark.parametrize("mac", algorithms.MAC_NAMES)
def test_every_cipher_and_mac_with_new_keys_all_the_time(cipher: bytes, mac: bytes) -> None:
    pair = client_with(**ciphers(cipher), macs_to_server=(mac,), macs_to_client=(mac,))
    pair.client_end.limits = pair.server_end.limits = Limits(rekey_bytes=40_000)
    pair.start().pump()
    session = pair.client_end.sessionID
    here, there = talking(pair)
    keys = {id(pair.server_end._in): pair.server_end._in}
    for number in range(40):
        (here if number % 2 else there).send(Data(0, bytes([number]) * 9000))
        pair.pump()
        keys[id(pair.server_end._in)] = pair.server_end._in
    assert here.data() == b"".join(bytes([n]) * 9000 for n in range(0, 40, 2))
    assert there.data() == b"".join(bytes([n]) * 9000 for n in range(1, 40, 2))
    assert len(keys) > 5
    assert pair.client_end.sessionID == pair.server_end.sessionID == session


def test_new_keys_after_so_many_bytes_in_both_directions_together() -> None:
    pair = connected(server_limits=Limits(rekey_bytes=100_000))
    here, there = talking(pair)
    before = pair.server_end._in
    here.send(Data(0, bytes(30_000)))
    there.send(Data(0, bytes(30_000)))
    pair.pump()
    assert pair.server_end._in is before
    for _ in range(2):
        here.send(Data(0, bytes(30_000)))
    pair.pump()
    assert pair.server_end._in is not before


def test_new_keys_after_so_long_when_anything_was_carried() -> None:
    pair = connected(server_limits=Limits(rekey_seconds=100))
    here, _ = talking(pair)
    keys = pair.server_end._in
    pair.clock.advance(101)
    pair.pump()
    assert pair.server_end._in is not keys
    keys = pair.server_end._in
    for _ in range(3):
        pair.clock.advance(101)
        pair.pump()
    assert pair.server_end._in is keys
    here.send(Data(0, b"x"))
    pair.pump()
    pair.clock.advance(101)
    pair.pump()
    assert pair.server_end._in is not keys


def test_both_ask_for_new_keys_at_once() -> None:
    pair = connected()
    here, there = talking(pair)
    pair.client_end.rekey()
    pair.server_end.rekey()
    here.send(Data(0, b"while keys are exchanged"))
    assert here.channel.queued == 24
    pair.pump()
    assert there.data() == b"while keys are exchanged"
    assert here.drains == 1


def test_who_never_finishes_new_keys_is_left() -> None:
    pair = connected()
    pair.server_end.rekey()
    pair.server_wire.sent.clear()
    pair.clock.advance(61)
    pair.pump()
    assert pair.server.lost_because == ["the key exchange took too long"]


def test_messages_wait_for_new_keys_in_order_and_not_without_bound() -> None:
    """S9: whoever asks for keys, asks much else, and never goes on."""
    pair = connected(server_limits=Limits(unsent=20_000))
    pair.server_end.rekey()
    requests: list[Any] = []
    for number in range(3):
        waiting = pair.server.connection.request(b"r%d" % number, b"", False)
        requests.append(waiting)
    pair.pump()
    assert [each.name for each in pair.client.requests] == [b"r0", b"r1", b"r2"]
    pair.server_end.rekey()
    for _ in range(400):
        pair.server.connection.request(b"more", b"", False)
    pair.pump()
    assert pair.server.lost_because == ["the other side asks and does not read"]


def test_sequence_numbers_run_over() -> None:
    """Without strict key exchange they never start again; 2**32 - 1 is followed by 0."""
    pair = client_with(**ciphers(b"aes128-ctr"))
    pair.client_end._markers = pair.server_end._markers = lambda: ()  # type: ignore[method-assign]
    pair.start().pump()
    here, there = talking(pair)
    assert not pair.server_end._strict
    pair.client_end.outgoingPacketSequence = pair.server_end.incomingPacketSequence = 2**32 - 2
    for number in range(5):
        here.send(Data(0, bytes([number])))
        pair.pump()
    assert there.data() == bytes(range(5))
    assert pair.server_end.incomingPacketSequence == 3


def test_strict_key_exchange_starts_sequence_numbers_again() -> None:
    """S2: also in later exchanges."""
    pair = connected()
    assert pair.server_end._strict
    assert pair.client_end._strict
    here, there = talking(pair)
    here.send(Data(0, bytes(200)))
    pair.pump()
    pair.client_end.rekey()
    pair.pump()
    assert pair.client_end.outgoingPacketSequence == pair.server_end.incomingPacketSequence == 0
    assert pair.server_end.outgoingPacketSequence == pair.client_end.incomingPacketSequence == 0
    here.send(Data(0, b"end"))
    pair.pump()
    assert there.data()[-3:] == b"end"


@pytest.mark.parametrize("number", [30, 34, 49])
def test_a_wrong_guess_is_dropped(number: int) -> None:
    """RFC 4253, section 7: announced by first_kex_packet_follows, of a method we may not even know."""
    pair = client_with(exchanges=(b"sntrup761x25519-sha512", b"curve25519-sha256"), guess_follows=True)  # type: ignore[arg-type]
    pair.start()
    pair.client_end._emit((bytes([number]), string(b"a guess")), 12)
    pair.pump()
    assert pair.server.login == b"alice"


def test_a_right_guess_counts() -> None:
    pair = client_with(exchanges=(b"mlkem768x25519-sha256",), guess_follows=True)  # type: ignore[arg-type]
    pair.start().pump()
    assert pair.server.login == b"alice"


def test_an_unannounced_guess_is_a_fault() -> None:
    pair = client_with(exchanges=(b"sntrup761x25519-sha512", b"curve25519-sha256")).start()
    pair.client_end._emit((b"\x1e", string(b"a guess")), 12)
    pair.pump()
    assert pair.server_end.ended
    assert pair.server.login is None


@pytest.mark.parametrize(
    "payload", [b"", b"\0\0\0\0", string(b""), string(bytes(32)), string(bytes(1216)), b"\xff" * 40]
)
@pytest.mark.parametrize("name", algorithms.KEY_EXCHANGES)
def test_a_clients_half_that_cannot_be(name: bytes, payload: bytes) -> None:
    pair = client_with(exchanges=(name,))
    pair.client_end.begin = lambda: pair.client_end._emit((b"\x1e", payload), 1 + len(payload))  # type: ignore[method-assign]
    pair.start().pump()
    assert pair.server_end.ended
    assert pair.server.login is None
    assert len(pair.ended) == 1


def test_keys_again_and_again_before_the_login() -> None:
    """S7: each costs us a signature and a lattice, and the client next to nothing."""
    pair = Pair()
    pair.client_end.connectionSecure = lambda: None  # type: ignore[method-assign]
    pair.start().pump()
    for _ in range(3):
        pair.client_end.sendKexInit()
        pair.pump()
    assert not pair.server_end.ended
    pair.client_end.sendKexInit()
    pair.pump()
    assert pair.ended == ["too many key exchanges before the login (S7)"]


def test_keys_as_often_as_one_likes_behind_it() -> None:
    """A client with a small RekeyLimit and much to say."""
    pair = connected()
    for _ in range(20):
        pair.client_end.rekey()
        pair.pump()
    assert not pair.server_end.ended
