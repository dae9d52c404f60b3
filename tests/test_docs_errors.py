"""docs/reference/errors.md: every code that the source can send stands there, and none that it cannot."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted_hoop.cli import exits
from twisted_hoop.kubernetes import statuses
from twisted_hoop.postgres import state

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/reference/errors.md").read_text()
_SQLSTATE = re.compile(r"(?=.{0,2}\d)(?:[0-5][0-9A-Z]|XX)[0-9A-Z]{3}")
_ELSEWHERE = {"store", "demo", "testing"}
"""Rooms that talk to servers of ours, not to clients."""


def part(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(title: str) -> set[str]:
    return set(re.findall(r"^\| `?(\w+)`? \|", part(title), re.M)) - {"code", "status"}


def texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def sources() -> list[Path]:
    rooms = ROOT / "twisted_hoop"
    return [path for path in rooms.rglob("*.py") if path.relative_to(rooms).parts[0] not in _ELSEWHERE]


def test_every_sqlstate_of_the_source_is_told() -> None:
    sent = {text for path in sources() for text in texts(path) if _SQLSTATE.fullmatch(text) and not text.isalpha()}
    assert first_cells("PostgreSQL") == {code for code in sent if not code.startswith("3F")}


def test_every_code_of_a_refusal_is_told_with_its_sqlstate() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| `(\w+)` \|$", part("Codes of refusals"), re.M))
    assert rows == state._SQLSTATES


def test_every_reason_of_a_status_is_told() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|$", part("Kubernetes"), re.M)
    assert {int(code): reason for code, reason in rows} == statuses._REASONS


def test_every_status_of_the_api_is_told() -> None:
    told = {int(status) for status in first_cells("HTTP targets, and the API")}
    raised = set()
    for path in (ROOT / "twisted_hoop/web").glob("*.py"):
        raised |= {int(code) for code in re.findall(r"Problem\(\s*(\d{3})", path.read_text())}
    assert raised <= told


def test_every_exit_code_is_told() -> None:
    codes = {exits.OK, exits.REFUSED, exits.USAGE, exits.UNREACHABLE, exits.UNAUTHENTICATED}
    assert {int(code) for code in re.findall(r"^\| (\d) \|", part("The hoop command"), re.M)} == codes
