"""A command line's text → what it does."""

from __future__ import annotations

from twisted_hoop.model import Facts
from twisted_hoop.shell.reading import Reading

LONGEST = 64 << 10
"""Bytes; a longer command line is not read at all."""

_PROBLEMS: dict[str, Facts] = {name: {"class": frozenset(("exec", name))} for name in ("unknown", "oversize")}


def understand(text: bytes) -> Reading:
    """What the command line does, without cache. Never raises."""
    problem = "oversize" if len(text) > LONGEST else "unknown"
    return Reading(text, (_PROBLEMS[problem],), why=problem)
