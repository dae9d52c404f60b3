"""docs/reference/errors.md: every code that the source can send stands there, and none that it cannot."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from twisted_hoop.cli import exits
from twisted_hoop.kubernetes import statuses
from twisted_hoop.postgres import state
from twisted_hoop.ssh import events, telling

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


def statuses_of(*rooms: str) -> set[int]:
    """Numbers and lines of a room that are an error of HTTP; 443 and 512 are ports and lengths, not statuses."""
    known, found = {status.value for status in HTTPStatus}, set()
    for room in rooms:
        for path in (ROOT / "twisted_hoop" / room).glob("*.py"):
            text = path.read_text()
            found |= {int(code) for code in re.findall(r"HTTP/1\.1 ([45]\d\d)", text)}
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Constant) and re.fullmatch(r"[45]\d\d", str(node.value)):
                    found.add(int(str(node.value)))
    return found & known


def test_every_status_of_the_api_is_told() -> None:
    assert {int(status) for status in first_cells("The API and the console")} == statuses_of("web", "console")


def test_every_status_of_http_targets_is_told() -> None:
    assert {int(status) for status in first_cells("HTTP targets")} == statuses_of("http")


def numbers_of(title: str) -> set[int]:
    """First cells of one of the tables of SSH."""
    table = part("SSH").partition(f"| {title} |")[2].partition("\n\n")[0]
    return {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.M)}


def test_every_exit_status_of_ssh_is_told() -> None:
    sent = {value for name, value in vars(telling).items() if name.isupper() and name != "STDERR"}
    assert numbers_of("exit status of a command | means") == sent
    rows = re.findall(r"\| (\d+) \|", (ROOT / "docs/ssh.md").read_text().partition("## What comes back")[2])
    assert {int(row) for row in rows} == sent


def test_every_reason_of_a_disconnect_is_told() -> None:
    """First arguments of `disconnect` and `_end`, and codes of errors that `Packets.guarded` ends connections with."""
    sent: set[int] = set()
    for path in [*(ROOT / "twisted_hoop/ssh").glob("*.py"), ROOT / "twisted_hoop/turning_away.py"]:
        tree = ast.parse(path.read_text())
        spelled = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
            sent |= {int(code) for code in map(partial(number_of, vars(spelled)), codes_of(call)) if code.isdigit()}
    assert numbers_of("disconnect reason (RFC 4253, section 11.1) | means") == sent


def codes_of(call: ast.Call) -> list[ast.expr]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in ("disconnect", "_end"):
        return call.args[:1]
    return [word.value for word in call.keywords if word.arg == "code"] if name == "ProtocolError" else []


def number_of(names: Mapping[str, Any], code: ast.expr) -> str:
    """What stands there as digits: a number, a text, a name of the module, `str(NAME)`; "" for what is passed on."""
    if isinstance(code, ast.Call):
        return number_of(names, code.args[0])
    found = code.value if isinstance(code, ast.Constant) else names.get(getattr(code, "id", ""), "")
    return str(found) if str(found).isdigit() else ""


def test_every_channel_that_is_not_opened_is_told() -> None:
    named = [events.ADMINISTRATIVELY_PROHIBITED, events.CONNECT_FAILED]
    named += [events.UNKNOWN_CHANNEL_TYPE, events.RESOURCE_SHORTAGE]
    assert numbers_of("channel is not opened (RFC 4254, section 5.1) | means") == set(named)


def test_every_exit_code_is_told() -> None:
    codes = {exits.OK, exits.REFUSED, exits.USAGE, exits.UNREACHABLE, exits.UNAUTHENTICATED}
    assert {int(code) for code in re.findall(r"^\| (\d) \|", part("The hoop command"), re.M)} == codes
