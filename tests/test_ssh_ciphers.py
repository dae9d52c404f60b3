"""twisted_hoop.ssh.ciphers against asyncssh's own implementation, and against packets that were touched."""

from __future__ import annotations

import os
import struct

import pytest
from asyncssh.encryption import get_encryption
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.ssh.ciphers import AEAD, COUNTER, MACS, CtrEtm, Direction, Plain, WrongTag, make_direction
from twisted_hoop.ssh.fields import MalformedMessage

SUITES = [(cipher, b"") for cipher in AEAD] + [(cipher, mac) for cipher in COUNTER for mac in MACS]
IDS = [f"{cipher.decode()}-{mac.decode()}" for cipher, mac in SUITES]
IV, KEY, MAC_KEY = bytes(range(64)), bytes(range(100, 200)), bytes(range(50, 150))
every_suite = pytest.mark.parametrize("suite", SUITES, ids=IDS)
Suite = tuple[bytes, bytes]


def ours(suite: Suite) -> Direction:
    return make_direction(*suite, IV, KEY, MAC_KEY)


def theirs(suite: Suite) -> object:
    """asyncssh's, with the same keys."""
    cipher, mac = suite
    size = AEAD.get(cipher) or COUNTER[cipher]
    mac_size = MACS[mac][1] if mac else 0
    iv = IV[:12] if b"gcm" in cipher else IV[:16]
    return get_encryption(cipher, KEY[:size], iv, mac, MAC_KEY[:mac_size], bool(mac))


def opened(direction: Direction, sequence: int, packet: bytes) -> bytes:
    """The payload of a whole packet."""
    view = memoryview(packet)
    length = direction.length(sequence, view)
    assert 4 + length + direction.trailer == len(packet)
    plain = direction.open(sequence, view, length)
    return plain[1 : len(plain) - plain[0]]


@every_suite
@given(payloads=st.lists(st.binary(min_size=1, max_size=600), min_size=1, max_size=4), first=st.integers(0, 2**32 - 9))
def test_asyncssh_reads_what_we_seal(suite: Suite, payloads: list[bytes], first: int) -> None:
    direction, oracle = ours(suite), theirs(suite)
    for sequence, payload in enumerate(payloads, first):
        packet = bytes(direction.seal(sequence, (payload[:3], memoryview(payload)[3:]), len(payload)))
        data, tag = packet[: -direction.trailer], packet[-direction.trailer :]
        kept, header = oracle.decrypt_header(sequence, data[:16], 4)  # type: ignore[attr-defined]
        assert struct.unpack(">L", header)[0] == len(data) - 4
        plain = oracle.decrypt_packet(sequence, kept, data[16:], 4, tag)  # type: ignore[attr-defined]
        assert plain[0] >= 4
        assert plain[1 : len(plain) - plain[0]] == payload


@every_suite
@given(payloads=st.lists(st.binary(min_size=1, max_size=600), min_size=1, max_size=4), first=st.integers(0, 2**32 - 9))
def test_we_read_what_asyncssh_seals(suite: Suite, payloads: list[bytes], first: int) -> None:
    direction, oracle = ours(suite), theirs(suite)
    for sequence, payload in enumerate(payloads, first):
        padding = 4 + -(5 + len(payload)) % 16
        plain = bytes([padding]) + payload + os.urandom(padding)
        data, tag = oracle.encrypt_packet(sequence, struct.pack(">L", len(plain)), plain)  # type: ignore[attr-defined]
        assert opened(direction, sequence, data + tag) == payload


@every_suite
@given(at=st.integers(0, 10_000), change=st.integers(1, 255), payload=st.binary(min_size=1, max_size=100))
def test_a_packet_with_one_byte_changed_is_not_opened(suite: Suite, at: int, change: int, payload: bytes) -> None:
    packet = bytearray(ours(suite).seal(7, (payload,), len(payload)))
    packet[4 + at % (len(packet) - 4)] ^= change
    direction = ours(suite)
    length = direction.length(7, memoryview(packet))
    with pytest.raises(WrongTag):
        direction.open(7, memoryview(bytes(packet)), length)


@every_suite
def test_a_packet_of_another_number_is_not_opened(suite: Suite) -> None:
    """Neither repeated nor out of its turn (GCM counts by itself, the others by the sequence number)."""
    direction, reading = ours(suite), ours(suite)
    first, second = (bytes(direction.seal(n, (b"payload",), 7)) for n in (0, 1))
    assert opened(reading, 0, first) == b"payload"
    with pytest.raises((WrongTag, MalformedMessage, AssertionError)):
        opened(reading, 1, first)
    with pytest.raises((WrongTag, MalformedMessage, AssertionError)):
        opened(ours(suite), 0, second)


@pytest.mark.parametrize(
    "suite", [s for s in SUITES if b"chacha" not in s[0]], ids=[i for i in IDS if "chacha" not in i]
)
@pytest.mark.parametrize("length", [0, 1, 15, 17, 2**31 + 1, 2**32 - 1])
def test_lengths_that_fill_no_blocks(suite: Suite, length: int) -> None:
    direction = ours(suite)
    if length % 16:
        with pytest.raises(MalformedMessage):
            direction.length(0, memoryview(struct.pack(">L", length)))
    else:
        assert direction.length(0, memoryview(struct.pack(">L", length))) == length


@given(st.binary(min_size=1, max_size=300))
def test_in_clear(payload: bytes) -> None:
    packet = Plain().seal(0, (payload,), len(payload))
    assert len(packet) % 8 == 0
    assert opened(Plain(), 0, packet) == payload


@every_suite
def test_padding_is_enough_fills_blocks_and_is_never_the_same(suite: Suite) -> None:
    """RFC 4253, section 6: at least four bytes, and the whole a multiple of the block."""
    seen = set()
    for size in range(1, 70):
        packet = bytes(ours(suite).seal(0, (b"x" * size,), size))
        direction = ours(suite)
        length = direction.length(0, memoryview(packet))
        plain = direction.open(0, memoryview(packet), length)
        assert 4 <= plain[0] < 20
        assert length % (8 if b"chacha" in suite[0] else 16) == 0
        seen.add(plain[-4:])
    assert len(seen) == 69


def test_the_counter_of_gcm_runs_over() -> None:
    """RFC 5647, section 7.1: the counter is the last eight bytes, and wraps without touching the first four."""
    iv = b"\1\2\3\4" + b"\xff" * 8
    out, back = (make_direction(b"aes128-gcm@openssh.com", b"", iv, KEY, b"") for _ in range(2))
    for number in range(3):
        assert opened(back, number, bytes(out.seal(number, (b"data",), 4))) == b"data"


def test_names_that_nobody_has() -> None:
    with pytest.raises(KeyError):
        make_direction(b"aes128-cbc", b"hmac-sha2-256-etm@openssh.com", IV, KEY, MAC_KEY)
    with pytest.raises(KeyError):
        make_direction(b"aes128-ctr", b"hmac-sha1", IV, KEY, MAC_KEY)
    assert isinstance(make_direction(b"aes128-ctr", b"hmac-sha2-512-etm@openssh.com", IV, KEY, MAC_KEY), CtrEtm)
