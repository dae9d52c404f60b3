"""Rows of a result that are recorded, while it passes. Compiled with the byte loops, which put them here."""

from __future__ import annotations

from typing import Final

from twisted_hoop.postgres.integers import i64

KEPT_LIMIT: Final = 1 << 20
"""Bytes of the rows of one result that are recorded: what a rule asks for beyond that is counted only (R10)."""


class KeptRows:
    """`wanted` more rows are kept in `rows`: DataRow bodies, as the client gets them."""

    def __init__(self) -> None:
        self.wanted: i64 = 0
        self.rows: list[bytes] = []
        self._size: i64 = 0

    def add(self, body: bytes) -> None:
        """One more; after the first that would be too much, none."""
        self._size += len(body)
        if self._size > KEPT_LIMIT:
            self.wanted = 0
            return
        self.wanted -= 1
        self.rows.append(body)

    def forget(self) -> None:
        """The result is over."""
        self.wanted = self._size = 0
        if self.rows:
            self.rows = []
