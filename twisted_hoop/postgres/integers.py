"""The machine integers of mypyc for `wire.py`; plain ones when it runs interpreted, at a fifth of the price."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i32 as i32
    from mypy_extensions import i64 as i64
else:
    i32 = i64 = int
