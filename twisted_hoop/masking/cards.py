"""Card numbers: groups of digits with an issuer's prefix, a length it gives out, and the check digit of Luhn.

Compiled where there is a C compiler (setup.py): telling a card from a time stamp, an identifier or a fraction is what a
stream of ordinary text costs most. Hence the plain integer idiom.
"""

from __future__ import annotations

from typing import Final

from twisted_hoop.masking.integers import i64

COMPILED: Final = not str(__file__).endswith(".py")
"""Whether this is compiled, and so `cards` the faster way."""
_HEX_WORD: Final = 64
_GROUPS: Final = 2000
_LEAST: Final = 13
_MOST: Final = 19
_WIDE_GAPS: Final = frozenset(char.encode() for char in "\u00a0\u2009\u202f\u2010\u2011\u2012\u2013")

# Issuer prefixes and lengths (ISO/IEC 7812; the networks' own tables): without them one random number in ten passes.
_ISSUERS: Final[tuple[tuple[int, int, tuple[int, ...]], ...]] = (
    (4, 4, (13, 16, 18, 19)),  # Visa
    (51, 55, (16,)),  # Mastercard
    (2221, 2720, (16,)),
    (34, 34, (15,)),  # American Express
    (37, 37, (15,)),
    (300, 305, (14, 15, 16, 17, 18, 19)),  # Diners Club
    (309, 309, (14, 15, 16, 17, 18, 19)),
    (36, 36, (14, 15, 16, 17, 18, 19)),
    (38, 39, (14, 15, 16, 17, 18, 19)),
    (6011, 6011, (16, 17, 18, 19)),  # Discover
    (644, 659, (16, 17, 18, 19)),
    (3528, 3589, (16, 17, 18, 19)),  # JCB
    (62, 62, (16, 17, 18, 19)),  # UnionPay
    (81, 82, (16, 17, 18, 19)),  # UnionPay, RuPay
    (50, 50, (13, 14, 15, 16, 17, 18, 19)),  # Maestro, RuPay, Verve, Dankort
    (56, 69, (13, 14, 15, 16, 17, 18, 19)),  # Maestro and others
    (2200, 2204, (16, 17, 18, 19)),  # Mir
    (2205, 2205, (16,)),  # Borica
    (9792, 9792, (16,)),  # Troy
    (1, 1, (15,)),  # UATP
)


def _by_prefix() -> list[int]:
    """For each of the first four digits a set of lengths, as bits. Of two rows that both hold, the first counts."""
    table = [0] * 10_000
    for low, high, lengths in reversed(_ISSUERS):
        scale = 10 ** (4 - len(str(low)))
        bits = sum(1 << length for length in lengths)
        table[low * scale : (high + 1) * scale] = [bits] * ((high + 1 - low) * scale)
    return table


_LENGTHS: Final = _by_prefix()


def cards(data: bytes) -> list[tuple[int, int]]:
    """Every card number in `data`, as the pattern of `patterns.py` and `card` find them one after the other.

    Compiled it costs a nanosecond an octet; interpreted, the pattern is searched instead (`detectors.py`).
    """
    found: list[tuple[int, int]] = []
    size: i64 = len(data)
    at: i64 = 0
    while at < size:
        octet: i64 = data[at]
        at += 1
        if octet < 48 or octet > 57:
            continue
        start: i64 = at - 1
        digits: i64 = 1
        place: i64 = at
        while place < size:
            octet = data[place]
            if octet < 48 or octet > 57:
                place = _behind_gaps(data, place, size)
                if place < 0:
                    break
            place += 1
            digits += 1
            at = place
        if digits >= _LEAST:
            found += card(data, start, at)
    return found


def _behind_gaps(data: bytes, at: i64, size: i64) -> i64:
    """Where a digit stands behind one or two gaps that begin at `at`, or -1."""
    for _ in range(2):
        octet: i64 = data[at]
        if octet == 32 or octet == 45 or octet == 46:
            at += 1
        elif octet != 0xC2 and octet != 0xE2:
            return -1
        else:
            width: i64 = 3 if octet == 0xE2 else 2
            if data[at : at + width] not in _WIDE_GAPS:
                return -1
            at += width
        if at >= size:
            return -1
        octet = data[at]
        if octet >= 48 and octet <= 57:
            return at
    return -1


def card(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Card numbers in a run of digit groups: 13 to 19 digits in whole groups, an issuer's prefix, Luhn."""
    groups = _digit_groups(data, start, end)
    found: list[tuple[int, int]] = []
    if len(groups) > 2 * _GROUPS:
        found.append((start, end))  # C8: too long to be tried from every group, so it is hidden as a whole
    else:
        first = 0
        while first < len(groups):
            last = _card_from(data, groups, first)
            if last >= 0:
                found.append((groups[first], groups[last + 1]))
                first = last
            first += 2
    return [] if found and _in_hexadecimal(data, start, end) else found


def _digit_groups(data: bytes, start: i64, end: i64) -> list[int]:
    """Where groups of digits begin and end, one after the other."""
    bounds: list[int] = []
    inside = False
    for at in range(start, end):
        octet: i64 = data[at]
        if (48 <= octet <= 57) != inside:
            bounds.append(at)
            inside = not inside
    if inside:
        bounds.append(end)
    return bounds


def _card_from(data: bytes, groups: list[int], first: int) -> int:
    """The last group of the longest card that begins with group `first`, or -1. Looks at 19 digits at most.

    Both sums of Luhn's are kept, as the last digit decides which digits are doubled.
    """
    best = -1
    size: i64 = 0
    prefix: i64 = 0
    even: i64 = 0
    odd: i64 = 0
    for index in range(first, len(groups), 2):
        start: i64 = groups[index]
        end: i64 = groups[index + 1]
        if size + end - start > _MOST:
            break
        for at in range(start, end):
            digit: i64 = data[at]
            digit -= 48
            if size < 4:
                prefix = prefix * 10 + digit
            twice: i64 = digit + digit if digit < 5 else digit + digit - 9
            if size & 1:
                odd += twice
                even += digit
            else:
                even += twice
                odd += digit
            size += 1
        if size >= _LEAST and (_LENGTHS[prefix] >> size) & 1 and (odd if size & 1 else even) % 10 == 0:
            best = index
    return best


def _in_hexadecimal(data: bytes, start: int, end: int) -> bool:
    """Whether the candidate is part of a long hexadecimal word: a digest, not a number."""
    size: i64 = len(data)
    least: i64 = max(0, start - _HEX_WORD)
    most: i64 = min(size, end + _HEX_WORD)
    left: i64 = start
    right: i64 = end
    letters = False
    while left > least and _is_hexadecimal(data[left - 1]):
        left -= 1
        letters = letters or data[left] > 57
    while right < most and _is_hexadecimal(data[right]):
        letters = letters or data[right] > 57
        right += 1
    return letters and right - left >= 32


def _is_hexadecimal(octet: i64) -> bool:
    letter: i64 = octet | 32
    return (octet >= 48 and octet <= 57) or (letter >= 97 and letter <= 102)
