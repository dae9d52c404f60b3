"""Blocks cut into commands with what each shows, and whether what was printed is that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import re2

from tests.docs_runner.pages import Block


@dataclass(frozen=True, slots=True)
class Step:
    """One command. `shown` is None where the page shows no output and the command must end well."""

    block: Block
    command: str
    shown: str | None = None


def steps_of(block: Block) -> Iterator[Step]:
    """`sh`: one step. `console`: one for each line that begins with `$ `."""
    if block.language == "sh":
        yield Step(block, block.text)
        return
    for chunk in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        lines = chunk.splitlines()
        length = 1
        while length < len(lines) and _goes_on("\n".join(lines[:length])):
            length += 1
        shown = "\n".join(lines[length:]).strip("\n")
        yield Step(block, "\n".join(lines[:length]), shown or None)


def _goes_on(command: str) -> bool:
    return command.endswith("\\") or command.count('"') % 2 == 1 or command.count("'") % 2 == 1


def matches(shown: str, printed: str) -> bool:
    """Whether it is what the page shows: `…` stands for anything, spaces and line ends are alike."""
    pattern = r"\s+".join(_word(word) for word in shown.split())
    return re2.fullmatch(rf"(?s)\s*{pattern}\s*", printed) is not None  # linear, however many … there are


def literal(shown: str) -> str:
    """The longest part of the first line that is printed as it stands."""
    first = shown.strip().splitlines()[0]
    return max(re.split(r"…|\s{2,}", first), key=len).strip()


def _word(word: str) -> str:
    return ".*".join(re2.escape(part) for part in word.split("…"))
