"""Text from clients and targets, made safe to show in a terminal (R6, A3). Pure."""

from __future__ import annotations


def visible(text: str, keep: str = "") -> str:
    """The text with every character that does not print, written out: `\\x1b`, `\\u202e`.

    Control characters (C0, DEL, C1 and with them OSC, CSI and DCS), bidirectional and zero-width marks, line and
    paragraph separators, odd spaces, surrogates, private and unassigned characters: all are replaced and none is taken
    out, since taking a sequence out would let it hide what it surrounds from a reviewer. `keep` are characters to leave
    alone, such as a newline where the caller lays out lines itself.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _written(char) for char in text)


def _written(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
