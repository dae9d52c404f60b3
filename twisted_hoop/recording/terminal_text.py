"""Output of terminals made safe to play in another one (R6), and made plain text. Pure; state across pieces.

Kept: text, colours, movements of the cursor, erasing, scrolling, insert and delete, the alternate screen, whether the
cursor is seen and lines wrap. Everything else is taken out: titles, the clipboard (OSC 52) and every other OSC, DCS,
APC, PM and SOS; questions the viewer's terminal would answer as if its person had typed (DA, DSR, DECRQM, window
reports); mouse and paste modes; key remapping; printing; bells; 8-bit controls. What is kept can still draw anything.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 4096
"""Characters of an escape without end that are kept; the rest of a longer one is dropped up to its end."""

_ESCAPE: Final = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)(?P<middle>[ -/]*)(?P<final>[@-~])"
    r"|\x1b[\]PX^_][^\x07\x18\x1a\x1b\x9c]*(?P<ended>\x07|\x1b\\|\x9c|\x18|\x1a|(?=\x1b[^\\])|\Z)"
    r"|\x1b(?P<short>[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
    r"|(?P<control>[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f])",
    re.DOTALL,
)
_PARTIAL: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[ -/]*|[\]PX^_][^\x07\x18\x1a\x1b\x9c]*\x1b?)?\Z")
_KEPT_FINALS: Final = frozenset("@ABCDEFGHIJKLMPSTXZ`abdefgmrsu")
_KEPT_MODES: Final = frozenset(("?1", "?6", "?7", "?12", "?25", "?47", "?1047", "?1048", "?1049", "4", "20"))
_KEPT_SHORT: Final = frozenset(("7", "8", "D", "E", "H", "M", "(B", "(0", ")B", ")0", "=", ">"))
_STRING_END: Final = re.compile(r"\x07|\x1b\\|\x9c|\x18|\x1a|(?=\x1b[^\\])")
RESET: Final = "\x1b[?1049l\x1b[?25h\x1b[?7h\x1b[r\x1b[0m\x1b(B"
"""Puts a viewer's terminal right again after a recording that ended in the middle of something."""


class Safe:
    """One stream of output, made safe. Shifted character sets and the like may look different; nothing else does."""

    __slots__ = ("_dropping", "_rest")

    def __init__(self) -> None:
        self._rest = ""
        self._dropping = False

    def feed(self, text: str) -> str:
        """The next piece; answers what may be shown of it and of what was kept."""
        text = self._rest + text
        self._rest = ""
        if self._dropping:
            end = _STRING_END.search(text)
            if end is None:
                self._rest = "\x1b" if text.endswith("\x1b") else ""
                return ""
            self._dropping = False
            text = text[end.end() :]
        if "\x1b" not in text and text.isprintable():
            return text
        partial = _PARTIAL.search(text)
        if partial is not None:
            self._rest, text = text[partial.start() :], text[: partial.start()]
            if len(self._rest) > _LONGEST:
                self._rest, self._dropping = "", True
        return _cleaned(text)


def _cleaned(text: str) -> str:
    """Escapes one by one; a bare escape character that begins nothing known goes as well."""
    out: list[str] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        out += (text[at : match.start()].replace("\x1b", ""), _kept(match))
        at = match.end()
    return "".join((*out, text[at:].replace("\x1b", "")))


def _kept(match: re.Match[str]) -> str:
    short, final = match["short"], match["final"]
    if short is not None:
        return match[0] if short in _KEPT_SHORT else ""
    if final is None or match["middle"]:
        return ""
    parameters = match["parameters"]
    if final in "hl":
        modes = parameters.split(";")
        marked = [modes[0], *(mode if mode.startswith("?") else "?" + mode for mode in modes[1:])]
        names = marked if parameters.startswith("?") else modes
        return match[0] if all(name in _KEPT_MODES for name in names) else ""
    return match[0] if final in _KEPT_FINALS and parameters[:1] not in ("?", ">", "<", "=") else ""


class Plain:
    """One stream of output as text: no escapes, no controls but line feeds and tabs."""

    __slots__ = ("_safe",)

    def __init__(self) -> None:
        self._safe = Safe()

    def feed(self, text: str) -> str:
        """The next piece. Lines end in line feeds; a carriage return alone begins its line again and is left out."""
        text = _ESCAPE.sub("", self._safe.feed(text))
        return _NOT_TEXT.sub("", text)


_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
