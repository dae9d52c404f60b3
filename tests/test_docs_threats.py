"""docs/threat-model.md: every row of its tables is in the tests it names; rows that tests are named after are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/threat-model.md").read_text()
ROWS = re.findall(r"^\| ([SCPMKIAR]\d+) \| (.+?) \| (.+) \|$", PAGE, re.M)


def test_every_row_is_carried_out_where_the_page_says() -> None:
    assert len(ROWS) > 100
    for row, _, files in ROWS:
        named = re.findall(r"`(tests/[\w/]+\.py)`", files)
        assert named, f"{row}: no test"
        for file in named:
            assert re.search(rf"(?:\b|_){row}(?:\b|_)", (ROOT / file).read_text()), f"{row} is not in {file}"


def test_every_row_that_a_test_is_named_after_is_on_the_page() -> None:
    listed = {row for row, _, _ in ROWS}
    for path in (ROOT / "tests").rglob("test_*.py"):
        missing = set(re.findall(r"def test_([SCPMKIAR]\d+)_", path.read_text())) - listed
        assert not missing, f"{path.name}: {missing}"
