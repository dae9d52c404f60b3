"""What a pattern alone cannot say: checksums, number ranges, and where a candidate begins and ends.

A check gets the data and a candidate's bounds and answers the accepted spans inside it. Every check is linear in the
length of its candidate (C8).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from stdnum import iban as stdnum_iban

from twisted_hoop.masking.cards import card as card

Check = Callable[[bytes, int, int], list[tuple[int, int]]]

_IBAN_TABLE: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 "
    "NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 "
    "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
"""Country and length, from the SWIFT registry of IBAN formats."""
_IBAN_LENGTHS: Final = {item[:2]: int(item[2:]) for item in re.findall(r"[A-Z]{2}[0-9]{2}", _IBAN_TABLE)}


def _is_digit(data: bytes, at: int) -> bool:
    return 0 <= at < len(data) and 48 <= data[at] <= 57


def is_word(data: bytes, at: int) -> bool:
    """Whether a letter or digit of ASCII stands at `at` (outside the data: no)."""
    return 0 <= at < len(data) and (48 <= data[at] <= 57 or 65 <= (data[at] & 0xDF) <= 90)


def goes_on(data: bytes, start: int) -> bool:
    r"""Whether what begins at `start` is the rest of a word. The letter of an escape of JSON (`\n`) is no word's."""
    return is_word(data, start - 1) and data[max(0, start - 2) : start] not in _ESCAPES


_ESCAPES = frozenset((rb"\b", rb"\f", rb"\n", rb"\r", rb"\t"))


def accept(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """The pattern says it all."""
    return [(start, end)]


def ssn(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """US social security numbers as they can be issued (SSA, Program Operations Manual RM 10201.035)."""
    area, group, serial = data[start : start + 3], data[start + 4 : start + 6], data[start + 7 : end]
    if area in (b"000", b"666") or area[0] == 57 or group == b"00" or serial == b"0000":
        return []
    if data[start + 3] != data[start + 6] or _is_digit(data, start - 1) or _is_digit(data, end):
        return []
    glued = (_is_digit(data, start - 2) and data[start - 1] == data[start + 3]) or (
        _is_digit(data, end + 1) and data[end] == data[start + 3]
    )
    return [] if glued else [(start, end)]


def iban(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """IBANs: a country's own length, its structure and ISO 7064 mod 97 (by python-stdnum)."""
    if goes_on(data, start):
        return []
    wanted = _IBAN_LENGTHS.get(data[start : start + 2].decode().upper(), 0)
    seen, at = 0, start
    while at < end and seen < wanted:
        seen += is_word(data, at)
        at += 1
    if not wanted or seen < wanted or is_word(data, at):
        return []
    compact = bytes(c for c in data[start:at] if is_word(bytes((c,)), 0)).decode()
    return [(start, at)] if stdnum_iban.is_valid(compact, check_country=False) else []


def phone(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Telephone numbers: 7 to 15 digits (ITU-T E.164) that are no part of something longer."""
    digits = sum(48 <= c <= 57 for c in data[start:end])
    if not 7 <= digits <= 15 or goes_on(data, start) or is_word(data, end):
        return []
    glue = b".-/"
    if start and data[start - 1] in glue and _is_digit(data, start - 2):
        return []
    if end < len(data) and data[end] in glue and _is_digit(data, end + 1):
        return []
    return [(start, end)]


def jwt(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """JSON Web Signatures and Encryptions in compact form: the header is a JSON object with `alg` (RFC 7515, 7516)."""
    head = data[start:end].split(b".", 1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return []
    return [(start, end)] if isinstance(header, dict) and "alg" in header else []


def mixed(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """A token that holds both letters and digits, so that ordinary words with a key's prefix pass."""
    token = data[start:end]
    digits = any(48 <= c <= 57 for c in token)
    return [(start, end)] if digits and not goes_on(data, start) else []


def secret40(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """AWS secret access keys: exactly 40 characters of base64 that look random and are no hexadecimal digest."""
    if end - start != 40:
        return []
    token = data[start:end]
    kinds = (any(65 <= c <= 90 for c in token), any(97 <= c <= 122 for c in token), any(48 <= c <= 57 for c in token))
    if not all(kinds) or _entropy(token) < 4.0 or re.fullmatch(rb"[0-9A-Fa-f]+", token):
        return []
    return [(start, end)]


def _entropy(token: bytes) -> float:
    counts = Counter(token).values()
    return -sum(n / len(token) * math.log2(n / len(token)) for n in counts)
