"""Blocks of commands in a page, with what its comments say about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

LANGUAGES = ("sh", "console")
_PIECE = re.compile(r"^ *<!-- (?P<word>run|starts|waits|stays|ends|not run)(?:: (?P<rest>.+?))? -->$", re.M)
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)(?P=fence)$", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: where it stands, where it is to be run and as whom (or why not), whether it waits or stays."""

    page: str
    line: int
    language: str
    text: str
    place: str = ""
    who: str = ""
    waits: bool = False
    stays: bool = False
    ends: bool = False
    starts: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(path: Path, name: str) -> Iterator[Block]:
    """Blocks of commands of one page, in order."""
    text = path.read_text()
    pieces = sorted([*_PIECE.finditer(text), *_FENCE.finditer(text)], key=lambda piece: piece.start())
    marks, covered = Block(name, 0, "", ""), 0
    for piece in pieces:
        if piece.start() < covered:
            continue  # a comment that is shown inside a block
        covered = piece.end()
        if "fence" not in piece.groupdict():
            marks = _marked(marks, piece["word"], piece["rest"] or "")
        elif piece["language"] in LANGUAGES:
            shown = re.sub(rf"^{piece['indent']}", "", piece["text"], flags=re.M)
            line = text.count("\n", 0, piece.start()) + 1
            yield replace(marks, line=line, language=piece["language"], text=shown)
            marks = replace(marks, waits=False, stays=False, ends=False, starts="", reason="")


def _marked(marks: Block, word: str, rest: str) -> Block:
    if word in ("waits", "stays"):
        return replace(marks, waits=word == "waits", stays=word == "stays")
    if word == "starts":
        return replace(marks, starts=rest)
    if word == "ends":
        return replace(marks, ends=True)
    if word == "not run":
        return replace(marks, reason=rest)
    place, _, who = rest.partition(" as ")
    return replace(marks, place=place, who=who)
