r"""Text as an approver sees it: everything that hides, reorders or imitates is written out (A3). Pure.

`\u{202E}` stands for a character that would not be seen, or not for what it is. The form is one to one: a text that
holds `\u{` itself has that backslash written `\u{5C}`. Newline and tab stay; everything else a terminal or browser
might act upon does not. Nothing is ever cut: what is too long to be shown whole is refused before it is filed.
"""

from __future__ import annotations

import re
import unicodedata

MAX_SHOWN = 64 * 1024
"""Bytes of text, parameters, context and reason together that a person is asked to judge."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_PLAIN = frozenset("\n\t ")
# Letters and marks that draw nothing although their category says otherwise (Unicode: Default_Ignorable_Code_Point).
_BLANK = frozenset(
    map(
        chr,
        (
            0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0,
            *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0),
        ),
    )
)  # fmt: skip
_WORD = re.compile(r"\w+")
_LATIN_LETTER = re.compile(r"[A-Za-z]")


def shown(text: str) -> str:
    r"""The text with hidden and imitating characters written `\u{HEX}`."""
    if text.isascii() and text.isprintable():
        return text.replace("\\u{", "\\u{5C}u{")
    marked = text.replace("\\u{", "\\u{5C}u{")
    if not marked.isascii():
        marked = _WORD.sub(_mixed, marked)
    return visible(marked)


def visible(text: str) -> str:
    r"""Only what hides is written `\u{HEX}`: for messages, and for what was `shown` already, which it leaves alone."""
    if text.isascii() and text.isprintable():
        return text
    return text.translate({ord(char): _escape(char) for char in set(text) if hides(char)})


def hides(char: str) -> bool:
    """Whether a character is not seen, acts on what is around it, or stands for an ASCII one (fullwidth, bold)."""
    if char in _PLAIN:
        return False
    if char.isascii():
        return not char.isprintable()
    if unicodedata.category(char) in _HIDDEN_CATEGORIES or char in _BLANK:
        return True
    return unicodedata.name(char, "").startswith("COMBINING") or _imitates(char)


def _imitates(char: str) -> bool:
    """A letter, digit or sign that is an ASCII one but for its look: fullwidth, bold, raised, a ligature; not `…`."""
    plain = unicodedata.normalize("NFKC", char)
    return plain.isascii() and (len(plain) == 1 or char.isalpha())


def notes(text: str) -> tuple[str, ...]:
    """What an approver should be told about a text besides showing it; empty for most."""
    if text.isascii() and not any(map(hides, set(text))):
        return ()
    found = []
    if any(map(hides, set(text))):
        found.append("holds hidden or imitating characters, written \\u{…}")
    if any(_mixes(word[0]) for word in _WORD.finditer(text)):
        found.append("holds words that mix alphabets; the foreign letters are written \\u{…}")
    scripts = sorted({_script(char) for char in set(text) if char.isalpha()} - {"LATIN"})
    if scripts:
        found.append(f"holds letters of: {', '.join(scripts)}")
    return tuple(found)


def _mixed(match: re.Match[str]) -> str:
    word = match[0]
    if not _mixes(word):
        return word
    return "".join(_escape(char) if _foreign(char) else char for char in word)


def _mixes(word: str) -> bool:
    """`pаyments` with a Cyrillic а is another table than `payments`, and looks the same."""
    return not word.isascii() and bool(_LATIN_LETTER.search(word)) and any(map(_foreign, word))


def _foreign(char: str) -> bool:
    return char.isalpha() and _script(char) != "LATIN"


def _script(char: str) -> str:
    """The first word of the character's name, which for letters is the script."""
    return "LATIN" if char.isascii() else unicodedata.name(char, "UNNAMED").split(" ", 1)[0]


def _escape(char: str) -> str:
    return f"\\u{{{ord(char):X}}}"
