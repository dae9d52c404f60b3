"""KEXINIT messages, and what two of them agree on (RFC 4253, section 7.1). Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.ciphers import AEAD, CHACHA
from twisted_hoop.ssh.fields import Reader, name_list, shown, uint32

KEY_EXCHANGE_FAILED = "3"
"""The code of a disconnect (section 11.1)."""
Names = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class KexInit:
    """What one side can do, in the order of its preference. `to_server` and `to_client` are directions of data."""

    exchanges: Names
    host_keys: Names
    ciphers_to_server: Names
    ciphers_to_client: Names
    macs_to_server: Names
    macs_to_client: Names
    compressions_to_server: Names
    compressions_to_client: Names
    guess_follows: bool = False
    """The side has sent its next message already, guessing what will be agreed."""

    def message(self) -> bytes:
        """The payload after the message number, with a new cookie."""
        lists = (self.exchanges, self.host_keys, *self._pairs(), (), ())
        return os.urandom(16) + b"".join(map(name_list, lists)) + bytes((self.guess_follows,)) + uint32(0)

    def _pairs(self) -> tuple[Names, ...]:
        ciphers = (self.ciphers_to_server, self.ciphers_to_client)
        macs = (self.macs_to_server, self.macs_to_client)
        return (*ciphers, *macs, self.compressions_to_server, self.compressions_to_client)


def read_kexinit(payload: bytes) -> KexInit:
    """The payload after the message number; MalformedMessage when it is none."""
    reader = Reader(payload)
    reader.take(16)
    exchanges, host_keys = reader.name_list(), reader.name_list()
    ciphers = reader.name_list(), reader.name_list()
    macs = reader.name_list(), reader.name_list()
    compressions = reader.name_list(), reader.name_list()
    reader.string(), reader.string()  # languages
    follows = reader.boolean()
    reader.uint32()
    reader.end()
    return KexInit(exchanges, host_keys, *ciphers, *macs, *compressions, follows)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The names both sides use from the next NEWKEYS on. A MAC is empty where the cipher needs none."""

    exchange: bytes
    host_key: bytes
    cipher_to_server: bytes
    cipher_to_client: bytes
    mac_to_server: bytes
    mac_to_client: bytes


def agree(client: KexInit, server: KexInit, markers: frozenset[bytes], strict: bool) -> Agreed:
    """What both can do and the client prefers; ProtocolError names the first kind in which there is nothing.

    `markers` are names among the key exchanges that are none. Without `strict` key exchange chacha20-poly1305 is
    refused: a prefix of the connection could be cut off unseen (S2).
    """
    _common("compression", client.compressions_to_server, server.compressions_to_server)
    _common("compression", client.compressions_to_client, server.compressions_to_client)
    to_server = _cipher(client.ciphers_to_server, server.ciphers_to_server, strict)
    to_client = _cipher(client.ciphers_to_client, server.ciphers_to_client, strict)
    return Agreed(
        _common("key exchange", tuple(x for x in client.exchanges if x not in markers), server.exchanges),
        _common("host key", client.host_keys, server.host_keys),
        to_server,
        to_client,
        _mac(to_server, client.macs_to_server, server.macs_to_server),
        _mac(to_client, client.macs_to_client, server.macs_to_client),
    )


def _cipher(client: Names, server: Names, strict: bool) -> bytes:
    return _common("cipher", client if strict else tuple(name for name in client if name != CHACHA), server)


def _mac(cipher: bytes, client: Names, server: Names) -> bytes:
    return b"" if cipher in AEAD else _common("MAC", client, server)


def _common(kind: str, client: Names, server: Names) -> bytes:
    for name in client:
        if name in server:
            return name
    offered = shown(b",".join(client)[:200]) or "nothing"
    raise ProtocolError(f"no common {kind}: the client offers {offered}", code=KEY_EXCHANGE_FAILED)


def guessed_right(client: KexInit, server: KexInit) -> bool:
    """Whether a guess of either side is the message that is wanted: both prefer the same (section 7)."""
    return client.exchanges[:1] == server.exchanges[:1] and client.host_keys[:1] == server.host_keys[:1]
