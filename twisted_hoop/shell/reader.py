"""The door of this room: `ShellReader.read` says what a command line does, and remembers it by the exact bytes."""

from __future__ import annotations

from twisted_hoop.shell.reading import Reading
from twisted_hoop.shell.understanding import Understanding

_MOST_FACTS = 200
"""A reading of more commands is not remembered: it may be many times as large as its text."""


class ShellReader:
    """Reads command lines. `cache_size` bounds what is remembered in texts, `cache_bytes` in bytes of them.

    Two generations stand in for a least-recently-used list: a hit costs one look-up.
    """

    def __init__(self, cache_size: int = 4096, cache_bytes: int = 2 << 20) -> None:
        self._half = max(1, cache_size // 2)
        self._most_bytes = cache_bytes // 2
        self._young: dict[bytes, Reading] = {}
        self._old: dict[bytes, Reading] = {}
        self._bytes = 0
        self._understanding = Understanding()

    def read(self, text: bytes) -> Reading:
        """What the command line does. Never raises."""
        known = self._young.get(text)
        return known if known is not None else self._look_again(text)

    def _look_again(self, text: bytes) -> Reading:
        known = self._old.pop(text, None) or self._understanding.understand(text)
        if len(text) <= self._most_bytes // 16 and len(known.facts) <= _MOST_FACTS:
            self._remember(text, known)
        return known

    def _remember(self, text: bytes, known: Reading) -> None:
        if len(self._young) >= self._half or self._bytes + len(text) > self._most_bytes:
            self._old, self._young, self._bytes = self._young, {}, 0
        self._young[text] = known
        self._bytes += len(text)
