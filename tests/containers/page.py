"""The commands of docs/compose.md, as they stand there, run in a house that is up; see tests/docs_runner."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path

from tests.containers.machine import Machine
from tests.docs_runner.pages import Block, blocks_of
from tests.docs_runner.shell import Table, run
from tests.docs_runner.steps import steps_of
from twisted_hoop.demo.database import programs

PAGE = "docs/compose.md"
PLACE = "containers"
_WRITTEN = {
    "HOOP_POSTGRES_PORT": "15432",
    "HOOP_SSH_PORT": "12222",
    "HOOP_CONSOLE_PORT": "18443",
    "HOOP_ISSUER_PORT": "18081",
}
_EXEC = """\
dc() {{
  if [ "$1" = exec ]; then
    shift; [ "$1" != -T ] || shift; one=$1; shift; {run} "$@" 2> >(sed /systemd/d >&2)
  else
    {compose} "$@"
  fi
}}"""
"""Bash knows no aliases where nobody types; podman-compose's own `exec` wants a terminal."""


def blocks(root: Path) -> list[Block]:
    """Those that are run here."""
    return [block for block in blocks_of(root / PAGE, PAGE) if block.place == PLACE and not block.reason]


def run_page(root: Path, machine: Machine, folder: Path) -> list[str]:
    """What was not as the page says; AssertionError when it has no such commands any more."""
    found = blocks(root)
    assert len(found) >= 6, f"{PAGE}: {len(found)} blocks for {PLACE}"
    wrong = []
    for _, part in groupby(found, key=lambda block: block.who):
        steps = [step for block in part for step in steps_of(block)]
        wrong += run(steps, folder, machine.given({"HOME": str(folder), **_settings()}), _table(machine))
    return wrong


def _settings() -> dict[str, str]:
    path = f"{programs(17)}:{os.environ['PATH']}:/usr/sbin:/sbin"
    return {"PATH": path, "PSQLRC": os.devnull, "PAGER": "cat", "LC_ALL": "C.UTF-8"}


def _table(machine: Machine) -> Table:
    function = _EXEC.format(compose=machine.compose_line, run=machine.exec_line)
    newest = "dc exec -T issuer as bob hoop approvals list --ids --limit 1"
    rows = {
        "alias dc='docker compose -f docker/compose.yaml'": function,
        **{port: machine.ports[name] for name, port in _WRITTEN.items()},
        "e65ccb7b1dce600af89d": f"$(for _ in $(seq 60); do {newest} | grep . && break; sleep 0.5; done)",
        "3f1c9a77e0b24d51a6c8": "$(dc exec -T issuer as carol hoop sessions list --ids --limit 1)",
        "ssh -F hoop-ssh-config": "ssh -F hoop-ssh-config -o BatchMode=yes",
    }
    return Table(rows)
