"""Encryption and integrity of packets: one object for each direction of a connection (RFC 4253, section 6).

* AES-GCM as OpenSSH has it (RFC 5647 with the mode negotiated as a cipher): `aes128-gcm@openssh.com`;
* `chacha20-poly1305@openssh.com` (OpenSSH's PROTOCOL.chacha20poly1305);
* AES-CTR (RFC 4344) with an encrypt-then-MAC HMAC (OpenSSH's PROTOCOL, section 1.5).

Deliberately not here: CBC, RC4, 3DES, encrypt-and-MAC, MD5, SHA-1 (S3). Every client and server of the last ten years
has one of the above; a length is never acted upon before its packet is verified, but for how many bytes to wait for.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Sequence
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

from twisted_hoop.ssh.fields import MalformedMessage

Buffer = bytes | memoryview
_LENGTH = struct.Struct(">L")
_LENGTHS = struct.Struct(">LB")
_pack, _unpack = _LENGTH.pack, _LENGTH.unpack_from
LEAST_PADDING = 4
_POOL = 1024


class WrongTag(Exception):
    """The packet is not what the peer sent."""


class Sealer(Protocol):
    """What makes packets. `sequence` is the packet's number, 0 to 2**32 - 1."""

    def seal(self, sequence: int, parts: Sequence[Buffer], size: int) -> bytes | bytearray:
        """The packet of a payload that is `parts` together, `size` bytes."""


class Direction(Sealer, Protocol):
    """One direction with its keys. `sequence` is the packet's number, 0 to 2**32 - 1."""

    header: int
    """Bytes needed to learn a packet's length."""
    trailer: int
    """Bytes of tag or MAC after it."""

    def length(self, sequence: int, data: memoryview) -> int:
        """The packet_length of the packet that starts here. Called once for each packet."""

    def open(self, sequence: int, data: memoryview, length: int) -> bytes:
        """`padding_length | payload | padding` of a whole packet, or WrongTag."""


class _Padding:
    """Random padding out of a pool, which saves a system call for each packet."""

    __slots__ = ("_bytes", "_used")

    def __init__(self) -> None:
        self._bytes = b""
        self._used = 0

    def take(self, size: int) -> bytes:
        """`size` bytes nobody has seen."""
        start = self._used
        if start + size > len(self._bytes):
            self._bytes, start = os.urandom(_POOL), 0
        self._used = start + size
        return self._bytes[start : start + size]


def _padding(size: int, block: int) -> int:
    """How much follows `size` bytes to fill a block, at least LEAST_PADDING."""
    missing = block - size % block
    return missing if missing >= LEAST_PADDING else missing + block


def _checked(length: int, block: int) -> int:
    """A packet_length without its own four bytes fills whole blocks (section 6)."""
    if length % block:
        raise MalformedMessage(f"a packet length of {length} does not fill blocks of {block}")
    return length


class Plain:
    """Before the first keys."""

    __slots__ = ("_random",)
    header = 4
    trailer = 0

    def __init__(self) -> None:
        self._random = _Padding()

    def seal(self, sequence: int, parts: Sequence[Buffer], size: int) -> bytes:
        """See `Direction`."""
        pad = _padding(5 + size, 8)
        return b"".join((_LENGTHS.pack(1 + size + pad, pad), *parts, self._random.take(pad)))

    def length(self, sequence: int, data: memoryview) -> int:
        """See `Direction`."""
        length: int = _unpack(data)[0]
        _checked(length + 4, 8)
        return length

    def open(self, sequence: int, data: memoryview, length: int) -> bytes:
        """See `Direction`."""
        return bytes(data[4 : 4 + length])


class Gcm:
    """AES-GCM: the length is in clear and authenticated; the nonce is a fixed part and a counter (RFC 5647, 7.1)."""

    __slots__ = ("_counter", "_decrypt", "_encrypt", "_fixed", "_random")
    header = 4
    trailer = 16

    def __init__(self, key: bytes, iv: bytes) -> None:
        cipher = AESGCM(key)
        self._encrypt, self._decrypt = cipher.encrypt, cipher.decrypt
        self._fixed = iv[:4]
        self._counter = int.from_bytes(iv[4:12], "big")
        self._random = _Padding()

    def _nonce(self) -> bytes:
        counter = self._counter
        self._counter = (counter + 1) & 0xFFFFFFFFFFFFFFFF
        return self._fixed + counter.to_bytes(8, "big")

    def seal(self, sequence: int, parts: Sequence[Buffer], size: int) -> bytes:
        """See `Direction`."""
        pad = 16 - (1 + size) % 16
        if pad < LEAST_PADDING:
            pad += 16
        length = _pack(1 + size + pad)
        plain = b"".join((pad.to_bytes(1, "big"), *parts, self._random.take(pad)))
        return length + self._encrypt(self._nonce(), plain, length)

    def length(self, sequence: int, data: memoryview) -> int:
        """See `Direction`."""
        return _checked(_unpack(data)[0], 16)

    def open(self, sequence: int, data: memoryview, length: int) -> bytes:
        """See `Direction`."""
        try:
            return self._decrypt(self._nonce(), data[4 : 20 + length], data[:4])
        except InvalidTag as error:
            raise WrongTag from error


class ChaCha:
    """ChaCha20 with Poly1305 of a key for each packet; a second key hides the length."""

    __slots__ = ("_head", "_main", "_random")
    header = 4
    trailer = 16

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._main = _chacha(key[:32])
        self._head = _chacha(key[32:64])
        self._random = _Padding()

    def _start(self, sequence: int) -> Poly1305:
        """Block 0 of the packet's key stream is the key of its tag; the payload starts at block 1."""
        main = self._main
        main.reset_nonce(_chacha_nonce(sequence))
        return Poly1305(main.update(bytes(64))[:32])

    def seal(self, sequence: int, parts: Sequence[Buffer], size: int) -> bytes:
        """See `Direction`."""
        pad = _padding(1 + size, 8)
        self._head.reset_nonce(_chacha_nonce(sequence))
        tag = self._start(sequence)
        length = self._head.update(_pack(1 + size + pad))
        text = self._main.update(b"".join((pad.to_bytes(1, "big"), *parts, self._random.take(pad))))
        tag.update(length)
        tag.update(text)
        return b"".join((length, text, tag.finalize()))

    def length(self, sequence: int, data: memoryview) -> int:
        """See `Direction`."""
        self._head.reset_nonce(_chacha_nonce(sequence))
        return _checked(_unpack(self._head.update(data[:4]))[0], 8)

    def open(self, sequence: int, data: memoryview, length: int) -> bytes:
        """See `Direction`."""
        end = 4 + length
        tag = self._start(sequence)
        tag.update(data[:end])
        if not hmac.compare_digest(tag.finalize(), bytes(data[end : end + 16])):
            raise WrongTag
        plain: bytes = self._main.update(data[4:end])
        return plain


def _chacha(key: bytes) -> Any:
    return Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor()


def _chacha_nonce(sequence: int) -> bytes:
    return b"\0\0\0\0\0\0\0\0\0\0\0\0" + _pack(sequence)


class CtrEtm:
    """AES-CTR, and an HMAC of the sequence number, the length in clear and what is encrypted."""

    __slots__ = ("_base", "_random", "_update", "trailer")
    header = 4

    def __init__(self, key: bytes, iv: bytes, digest: str, mac_key: bytes) -> None:
        self._update = Cipher(algorithms.AES(key), modes.CTR(iv[:16])).encryptor().update  # CTR decrypts the same way
        self._base = hmac.new(mac_key, digestmod=digest)
        self.trailer = self._base.digest_size
        self._random = _Padding()

    def _mac(self, sequence: int, *data: Buffer) -> bytes:
        mac = self._base.copy()
        mac.update(_pack(sequence))
        for each in data:
            mac.update(each)
        return mac.digest()

    def seal(self, sequence: int, parts: Sequence[Buffer], size: int) -> bytes:
        """See `Direction`."""
        pad = _padding(1 + size, 16)
        length = _pack(1 + size + pad)
        text = self._update(b"".join((pad.to_bytes(1, "big"), *parts, self._random.take(pad))))
        return b"".join((length, text, self._mac(sequence, length, text)))

    def length(self, sequence: int, data: memoryview) -> int:
        """See `Direction`."""
        return _checked(_unpack(data)[0], 16)

    def open(self, sequence: int, data: memoryview, length: int) -> bytes:
        """See `Direction`."""
        end = 4 + length
        if not hmac.compare_digest(self._mac(sequence, data[:end]), bytes(data[end : end + self.trailer])):
            raise WrongTag
        plain: bytes = self._update(data[4:end])
        return plain


AEAD = {b"aes128-gcm@openssh.com": 16, b"aes256-gcm@openssh.com": 32, b"chacha20-poly1305@openssh.com": 64}
"""Ciphers that need no MAC → bytes of key."""
COUNTER = {b"aes256-ctr": 32, b"aes192-ctr": 24, b"aes128-ctr": 16}
"""Ciphers that do → bytes of key."""
MACS = {b"hmac-sha2-256-etm@openssh.com": ("sha256", 32), b"hmac-sha2-512-etm@openssh.com": ("sha512", 64)}
"""MAC → digest and bytes of key."""
CHACHA = b"chacha20-poly1305@openssh.com"


def make_direction(cipher: bytes, mac: bytes, iv: bytes, key: bytes, mac_key: bytes) -> Direction:
    """A direction of a negotiated cipher and MAC. The keys may be longer than needed; KeyError: an unknown name."""
    if cipher == CHACHA:
        return ChaCha(key, iv)
    if cipher in AEAD:
        return Gcm(key[: AEAD[cipher]], iv)
    digest, size = MACS[mac]
    return CtrEtm(key[: COUNTER[cipher]], iv, digest, mac_key[:size])
