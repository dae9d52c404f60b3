"""What a hidden value becomes: the four strategies, rendered so that the result is valid for the column's type (M2).

* redact: a fixed neutral value; nothing of the original is left, not even its length.
* partial: the last four letters or digits of a text, at most a quarter of it; other types are redacted.
* hash: HMAC-SHA-256 under the gateway's key. Equal inputs give equal outputs in every table, column and format, so
  that joins still work; without the key nobody can try values out.
* null: NULL.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from twisted_hoop.lineage.catalogue import TypeInfo
from twisted_hoop.masking import oids
from twisted_hoop.masking.pgtypes import STARS, base_type, neutral
from twisted_hoop.settings import MaskSection

_ORDER: Final = ("partial", "hash", "redact", "null")
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HASHED: Final = 22
_SHOWN: Final = 4
_LONGEST: Final = 64
_VARHDRSZ: Final = 4


@dataclass(frozen=True, slots=True)
class CellMasker:
    """How one column's values are replaced. NULL is never passed in, and stays NULL.

    `null`: replace by NULL. Otherwise `constant` replaces every value, or, when it is None, the call computes the
    replacement from the value.
    """

    constant: bytes | None = None
    null: bool = False
    compute: Callable[[bytes], bytes] | None = None

    def __call__(self, value: bytes) -> bytes:
        """The replacement of `value`. Raises ValueError when it is NULL: look at `null` first."""
        if self.constant is not None:
            return self.constant
        if self.compute is None:
            raise ValueError("the value is replaced by NULL")
        return self.compute(value)


NULL_MASKER: Final = CellMasker(null=True)


def strictest(strategies: Iterable[str]) -> str:
    """The one that shows least: null, then redact, hash, partial. Raises ValueError for none."""
    return max(strategies, key=_ORDER.index)


def cell_masker(
    mask: MaskSection, type_oid: int, typmod: int, fmt: int, types: Mapping[int, TypeInfo], key: bytes
) -> CellMasker:
    """The masker of a column of this type in format `fmt` (0 text, 1 binary); `typmod` as in RowDescription, -1: none.

    When neither the strategy nor a neutral value is possible for the type, values become NULL.
    """
    return masker_for(mask.strategy, type_oid, typmod, fmt, types, key)


def masker_for(
    strategy: str, type_oid: int, typmod: int, fmt: int, types: Mapping[int, TypeInfo], key: bytes
) -> CellMasker:
    """As `cell_masker`, for a strategy by name."""
    oid = base_type(type_oid, types)
    compute: Callable[[bytes], bytes] | None = None
    if strategy == "null":
        return NULL_MASKER
    if strategy == "partial":
        compute = _partial_cell(oid, typmod, types)
    elif strategy == "hash":
        compute = _hash_cell(oid, typmod, fmt, types, key)
    if compute is not None:
        return CellMasker(compute=compute)
    value = neutral(oid, fmt, types)
    if value is None:
        return NULL_MASKER
    return CellMasker(constant=_fit(value, oid, typmod) if is_text(oid, types) else value)


def is_text(oid: int, types: Mapping[int, TypeInfo]) -> bool:
    """Whether both forms of a (base) type are its characters: built-in text types and extensions' strings."""
    if oid in oids.TEXTS:
        return True
    info = types.get(oid)
    return info is not None and info.kind == "b" and info.category == "S"


def partial(value: bytes) -> bytes:
    """All but the last four letters or digits as `*`. At most a quarter is shown; short or broken UTF-8: nothing.

    The result is no longer than 64 characters and never cuts a character in two.
    """
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return STARS
    alphanumeric = sum(map(str.isalnum, text))
    shown = min(_SHOWN, alphanumeric // 4)
    if not shown:
        return STARS
    tail, rest = _tail(text, shown)
    return ("*" * min(rest, _LONGEST - len(tail)) + tail).encode()


def _tail(text: str, shown: int) -> tuple[str, int]:
    """The end of `text` that holds its last `shown` alphanumerics, others as `*`, and how many come before it."""
    out: list[str] = []
    at = len(text)
    while shown and len(out) < _LONGEST:
        at -= 1
        keep = text[at].isalnum()
        out.append(text[at] if keep else "*")
        shown -= keep
    return "".join(reversed(out)), at


def digest(key: bytes, value: bytes) -> int:
    """The keyed digest of a canonical value, as a number of 256 bits."""
    return int.from_bytes(hmac.digest(key, value, "sha256"), "big")


def hashed_text(key: bytes, value: bytes) -> bytes:
    """`h_` and 22 characters (131 bits) of base 62."""
    number = digest(key, value)
    out = []
    for _ in range(_HASHED):
        number, rest = divmod(number, 62)
        out.append(_ALPHABET[rest])
    return ("h_" + "".join(out)).encode()


def replace_text(strategy: str, key: bytes, value: bytes) -> bytes:
    """What a sensitive part of a longer text becomes. There is no NULL inside a text: null hides like redact."""
    if strategy == "partial":
        return partial(value)
    return hashed_text(key, value) if strategy == "hash" else STARS


def _fit(value: bytes, oid: int, typmod: int) -> bytes:
    """Cut or pad to what varchar(n) and char(n) hold; values here are ASCII or were cut by characters."""
    if oid == oids.CHAR:
        return value[:1]
    if oid not in (oids.VARCHAR, oids.BPCHAR) or typmod < _VARHDRSZ:
        return value
    width = typmod - _VARHDRSZ
    text = value.decode()[:width]
    return (text.ljust(width) if oid == oids.BPCHAR else text).encode()


def _partial_cell(oid: int, typmod: int, types: Mapping[int, TypeInfo]) -> Callable[[bytes], bytes] | None:
    if not is_text(oid, types) or oid == oids.CHAR:
        return None
    if oid == oids.BPCHAR:
        # Padding is no part of the value: what is shown must be a quarter of what was written.
        return lambda value: _fit(partial(value.rstrip(b" ")), oid, typmod)
    return lambda value: _fit(partial(value), oid, typmod)


def _hash_cell(
    oid: int, typmod: int, fmt: int, types: Mapping[int, TypeInfo], key: bytes
) -> Callable[[bytes], bytes] | None:
    if oid in oids.INTEGERS:
        return _hash_integer(oids.INTEGERS[oid], oid != oids.OID, fmt, key)
    if oid == oids.UUID:
        return _hash_uuid(fmt, key)
    if oid == oids.BYTEA:
        return _hash_bytea(fmt, key)
    if oid == oids.JSON or (oid == oids.JSONB and not fmt):
        return lambda value: b'"' + hashed_text(key, value) + b'"'
    if oid == oids.JSONB:
        return lambda value: value[:1] + b'"' + hashed_text(key, value[1:]) + b'"'
    if not is_text(oid, types) or oid == oids.CHAR:
        return None
    if oid == oids.BPCHAR:
        # char(n) is padded on the wire, and its padding does not count when compared.
        return lambda value: _fit(hashed_text(key, value.rstrip(b" ")), oid, typmod)
    if oid == oids.VARCHAR and 0 <= typmod - _VARHDRSZ < _HASHED + 2:
        return lambda value: _fit(hashed_text(key, value)[2:], oid, typmod)
    return lambda value: hashed_text(key, value)


def _hash_integer(width: int, signed: bool, fmt: int, key: bytes) -> Callable[[bytes], bytes]:
    """Positive numbers that fit the type; the canonical form is the decimal one, whatever the width."""
    limit = 2 ** (8 * width - 1) - 1

    def compute(value: bytes) -> bytes:
        decimal = str(int.from_bytes(value, "big", signed=signed)).encode() if fmt else value
        number = 1 + digest(key, decimal) % limit
        return number.to_bytes(width, "big") if fmt else str(number).encode()

    return compute


def _hash_uuid(fmt: int, key: bytes) -> Callable[[bytes], bytes]:
    """Random-looking version 8 uuids (RFC 9562 section 5.8); the canonical form is 32 lower-case hexadecimal digits."""

    def compute(value: bytes) -> bytes:
        plain = value.hex().encode() if fmt else value.replace(b"-", b"").lower()
        raw = bytearray(hmac.digest(key, plain, "sha256")[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        if fmt:
            return bytes(raw)
        text = raw.hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])).encode()

    return compute


def _hash_bytea(fmt: int, key: bytes) -> Callable[[bytes], bytes]:
    def compute(value: bytes) -> bytes:
        raw = hmac.digest(key, value if fmt else bytea_octets(value), "sha256")
        return raw if fmt else b"\\x" + raw.hex().encode()

    return compute


def bytea_octets(text: bytes) -> bytes:
    """What a bytea's text form stands for: the hexadecimal form, or the older escape form (`\\ooo`, `\\\\`).

    Text that is neither is taken as it stands: this reads what a server wrote, and must never fail.
    """
    if text.startswith(b"\\x"):
        try:
            return bytes.fromhex(text[2:].decode("ascii"))
        except ValueError:
            return text
    return text if b"\\" not in text else _escaped_octets(text)


def _escaped_octets(text: bytes) -> bytes:
    out = bytearray()
    at = 0
    while at < len(text):
        octal = text[at + 1 : at + 4]
        if text[at] != 92:
            out.append(text[at])
            at += 1
        elif len(octal) == 3 and octal.isdigit() and max(octal) < 56 and octal[0] < 52:
            out.append(int(octal, 8))
            at += 4
        else:
            out += text[at + 1 : at + 2]
            at += 2
    return bytes(out)
