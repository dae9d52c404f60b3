"""The machine integers of mypyc for `cards.py`; plain ones when it runs interpreted. Never compiled itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64 as i64
else:
    i64 = int
