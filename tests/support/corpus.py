"""The bypass corpus (tests/corpus/masking_bypass.sql) as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import postgast

FILE = Path(__file__).parent.parent / "corpus" / "masking_bypass.sql"
EXPECTATIONS = frozenset(("masked", "refused", "either", "oracle"))


@dataclass(frozen=True)
class Entry:
    """One session: `statements` are its SQL texts in order; `expect` is one of EXPECTATIONS."""

    name: str
    expect: str
    statements: tuple[str, ...]


def load_corpus(file: Path = FILE) -> list[Entry]:
    """Every entry, in order."""
    return list(_entries(file.read_text()))


def _entries(text: str) -> Iterator[Entry]:
    for part in text.split("\n-- name: ")[1:]:
        name, rest = part.split("\n", 1)
        head, sql = rest.split("\n", 1)
        expect = head.removeprefix("-- expect: ")
        assert expect in EXPECTATIONS, (name, head)
        yield Entry(name, expect, tuple(s.strip() for s in postgast.split(sql) if s.strip()))
