"""ANSI-C strings: `$'…'` of bash, ksh and zsh (POSIX.1-2024, XCU 2.2.4). Pure, on text with one character a byte."""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"[^'\\\x00]+"
    r"|\\x([0-9A-Fa-f]{1,2})|\\u([0-9A-Fa-f]{1,4})|\\U([0-9A-Fa-f]{1,8})|\\([0-7]{1,3})|\\c(.)|\\(.)",
    re.S,
)
_ESCAPES = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip


def ansi_c(text: str, at: int) -> tuple[str, int] | None:
    """(decoded, place behind the closing quote) of the string whose first character is at `at`; None without end."""
    found = list[str]()
    while at < len(text) and text[at] != "'":
        match = _PIECE.match(text, at)
        if match is None:
            return None
        found.append(_decoded(match))
        at = match.end()
    return ("".join(found), at + 1) if at < len(text) else None


def _decoded(match: re.Match[str]) -> str:
    byte, short, long, octal, control, single = match.groups()
    if byte:
        return chr(int(byte, 16))
    if short or long:
        return _utf8(int(short or long, 16))
    if octal:
        return chr(int(octal, 8) & 0xFF)
    if control:
        return chr(ord(control) & 0x1F)
    if single:
        return _ESCAPES.get(single, "\\" + single)
    return match[0]


def _utf8(code: int) -> str:
    return chr(code).encode("utf-8", "replace").decode("latin-1") if code <= 0x10FFFF else "?"
