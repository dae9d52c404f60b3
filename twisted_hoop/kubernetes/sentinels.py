"""What stands in the place of a hidden value: a word that is known again when a client writes it (M11). Pure.

    @masked:v1:kqvnotgljprsmiu@              # redact
    @masked:v1:kqvnotgljprsmiu:****1111@     # partial, hash: with what is shown

The middle is a keyed digest of target, kind, namespace, name, resource version and the place in the object: nothing of
the value. A digest of the value would tell who tries values out by dry runs when one is right. In one version a place
has one value, so the word stands for that one all the same (see `restoring`). It has letters only and is as long as it
is so that no detector takes the word, or its base64, for a value. Values that are bytes hold it in base64.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from twisted_hoop.masking.strategies import hashed_text, partial

MARK: Final = b"@masked:v1:"
"""What every sentinel begins with."""
_END: Final = b"@"
_LETTERS: Final = bytes.maketrans(b"0123456789abcdef", b"ghijklmnopqrstuv")
_SIZE: Final = 15
_GROUP: Final = 9
_MARKS: Final = (MARK, *(base64.b64encode(MARK[at : at + _GROUP]) for at in range(3)))
"""The mark as it is and as it reads inside base64, wherever it begins there (RFC 4648)."""
LONGEST_MARK: Final = max(map(len, _MARKS))


@dataclass(frozen=True, slots=True)
class Sentinel:
    """The sentinel of one object: as text, and as bytes are written in JSON. `at` makes those of its values."""

    key: bytes
    seed: bytes
    digest: bytes
    text: str
    encoded: str

    def at(self, place: str) -> Sentinel:
        """That of the value at one place: a pointer, see `pointers`."""
        digest = _digest(self.seed, b"place\x00" + self.digest + place.encode("utf-8", "surrogatepass"))
        return _sentinel(self.key, self.seed, digest)

    def replacement(self, strategy: str, value: str, encoded: bool) -> str:
        """What a value becomes. `encoded`: it is base64. There is no NULL here: null hides like redact."""
        if strategy in ("redact", "null"):
            return self.encoded if encoded else self.text
        plain = value.encode("utf-8", "surrogatepass")
        plain = _decoded(plain) if encoded else plain
        shown = partial(plain) if strategy == "partial" else hashed_text(self.key, plain)
        word = _word(self.digest, shown)
        return base64.b64encode(word).decode() if encoded else word.decode("utf-8", "replace")


class Sentinels:
    """The sentinels of one target. `key` is the gateway's: the same in every replica."""

    __slots__ = ("_key", "_seed", "_target", "general")

    def __init__(self, key: bytes, target: str) -> None:
        self._key = key
        self._seed = hashlib.blake2s(key, person=b"sentinel").digest()
        self._target = target
        self.general: Final = self.of("", "", "", "")
        """For what belongs to no object: values that detectors find in text."""

    def of(self, kind: str, namespace: str, name: str, version: str) -> Sentinel:
        """That of one object in one version."""
        told = "\x00".join((self._target, kind, namespace, name, version)).encode("utf-8", "surrogatepass")
        return _sentinel(self._key, self._seed, _digest(self._seed, b"sentinel\x00" + told))

    def wrapped(self, shown: bytes) -> bytes:
        """What a detector's find becomes: around what the mask's strategy shows of it."""
        return _word(self.general.digest, b"" if shown in (b"", b"*****") else shown)


def holds_sentinel(data: bytes | bytearray) -> bool:
    """Whether a sentinel stands in there, as it is or in base64."""
    return any(mark in data for mark in _MARKS)


def _digest(seed: bytes, told: bytes) -> bytes:
    """Keyed BLAKE2 (RFC 7693, section 2.9): lists hold many values, and HMAC costs a multiple of it."""
    found = hashlib.blake2s(told, key=seed, digest_size=8).hexdigest()
    return found[:_SIZE].encode().translate(_LETTERS)


def _sentinel(key: bytes, seed: bytes, digest: bytes) -> Sentinel:
    word = _word(digest)
    return Sentinel(key, seed, digest, word.decode(), base64.b64encode(word).decode())


def _word(digest: bytes, shown: bytes = b"") -> bytes:
    return MARK + digest + (b":" + shown if shown else b"") + _END


def _decoded(value: bytes) -> bytes:
    try:
        return base64.b64decode(value)
    except ValueError:
        return value
