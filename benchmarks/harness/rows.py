"""One measurement a row: printed as a table for people, or one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What one variant did in one work. None where a figure makes no sense.

    `ratio` is the speed against direct in the same run (1 is as fast, 0.5 half as fast). `added_*` are microseconds
    more than direct, `cpu_us` CPU of the gateway's process for each unit (transaction, row of a bulk work, connection),
    `peak_mb` the gateway's peak resident memory. `value` is the measured figure itself, in `unit`.
    """

    work: str
    variant: str
    value: float
    unit: str
    ratio: float | None = None
    added_p50_us: float | None = None
    added_p99_us: float | None = None
    cpu_us: float | None = None
    peak_mb: float | None = None
    cpu_s_per_gb: float | None = None
    """CPU seconds for a gigabyte that was carried."""


Work = tuple[str, Callable[[], Iterable[Row]]]
"""A work's name, as `--only` matches it, and how to do it."""

_TITLES = {
    "ratio": "ratio",
    "added_p50_us": "+p50 us",
    "added_p99_us": "+p99 us",
    "cpu_us": "cpu us",
    "peak_mb": "peak MB",
    "cpu_s_per_gb": "cpu s/GB",
}
COLUMNS = ("ratio", "added_p50_us", "added_p99_us", "cpu_us", "peak_mb")
SSH_COLUMNS = ("ratio", "cpu_s_per_gb", "added_p50_us", "added_p99_us", "cpu_us", "peak_mb")


def as_json(row: Row) -> str:
    """One line."""
    return json.dumps({key: _rounded(value) for key, value in asdict(row).items()})


def heading(command: str, columns: Sequence[str] = COLUMNS) -> str:
    """The table's head and how to have it again."""
    titles = "".join(f"{_TITLES[name]:>10}" for name in columns)
    return f"# {command}\n{'work':<22}{'variant':<16}{'measured':>18}{titles}"


def as_line(row: Row, columns: Sequence[str] = COLUMNS) -> str:
    """One line of the table."""
    measured = f"{_short(row.value)} {row.unit}"
    cells = "".join(f"{_short(getattr(row, name)):>10}" for name in columns)
    return f"{row.work:<22}{row.variant:<16}{measured:>18}{cells}"


def _short(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _rounded(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value
