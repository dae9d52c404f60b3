"""The live places that pages are run in, each with its table of what stands for what."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.docs_runner.pages import blocks_of
from tests.docs_runner.people import browser_in
from tests.docs_runner.shell import Table
from tests.support.gateway import PATIENCE
from twisted_hoop.demo.database import programs

_MADE = r"\bh_\w{22}\b|\b[0-9a-f]{20}\b"
"""Hashes of masks, and ids: another gateway makes others."""
ROOT = Path(__file__).parent.parent.parent


@dataclass
class Place:
    """Where pages are run: what bash is given, and what of their text is replaced."""

    home: Path
    table: Table
    links: dict[str, Path] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    typed: str = ""
    """What somebody types where a command asks for it."""
    ended: Callable[[], None] = lambda: None
    """Called after each page: nothing that one has started is there for the next."""

    def folder(self, name: str) -> Path:
        """The folder of one page, empty at first but for the links that stand in every one."""
        made = self.home / name
        if made.exists():
            return made
        made.mkdir(parents=True)
        for link, target in self.links.items():
            (made / link).parent.mkdir(parents=True, exist_ok=True)
            (made / link).symlink_to(target)
        return made

    def given(self, who: str) -> dict[str, str]:
        """The environment for somebody: their API, their token; nothing of this machine's own settings."""
        programs = f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
        plain = {"PATH": programs, "HOME": str(self.home), "LC_ALL": "C.UTF-8", "COLUMNS": "160"}
        name, _, browser = who.partition(" at a ")
        token = self.home / ".demo/tokens" / name
        mine = {"USER": name} if name else {}
        if name and not browser:
            mine |= {"HOOP_TOKEN_FILE": str(token), "TOKEN": token.read_text()}
        return {**plain, "PSQLRC": os.devnull, "PAGER": "cat", "PYTHONPATH": str(ROOT), **self.environ, **mine}


@contextlib.contextmanager
def demo(home: Path) -> Iterator[Place]:
    """`./dev demo` in a folder of its own. README's ports are replaced by those it chose."""
    home.mkdir(parents=True)
    shim(home / "bin")
    browser_in(home / "bin")
    (home / "twisted-hoop").symlink_to(ROOT)
    given = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(["bash", "-c", _start_of(home)], cwd=home, env=given, text=True, **pipes) as process:
        try:
            _until_ready(process)
            place = _demo_place(home)
            _first_session(place)
            yield place
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)
            memory = home / ".demo/postgres-home"
            if memory.exists():
                shutil.rmtree(memory.read_text(), ignore_errors=True)


def _start_of(home: Path) -> str:
    """README's first commands. `./dev` would make an environment: the one that runs the tests is taken."""
    shown = next(block.text for block in blocks_of(ROOT / "README.md", "README.md") if block.starts == "demo")
    assert shown.endswith("./dev demo\n"), shown
    program = f"exec {sys.executable} -m twisted_hoop.demo --folder {home}/.demo"
    return shown.replace("./dev demo", program)


def _demo_place(home: Path) -> Place:
    ports = json.loads((home / ".demo/ports.json").read_text())
    api = f"http://127.0.0.1:{ports['api_port']}"
    bob = home / ".demo/tokens/bob"
    newest = f"$(HOOP_TOKEN_FILE={bob} hoop approvals list --ids --limit 1)"
    carol = home / ".demo/tokens/carol"
    session = f"$(HOOP_TOKEN_FILE={carol} hoop sessions list --ids --limit 1)"
    rows = {
        "55203": str(ports["port"]),
        "46695": str(ports["api_port"]),
        "e65ccb7b1dce600af89d": newest,
        "3f1c9a77e0b24d51a6c8": session,
        "1f0c2a7be4d85b93": "$(hoop hold list | grep -om1 '^[0-9a-f]\\{16\\}')",
        "https://hoop.example.com:8443": api,
        "https://hoop.example.com/": f"{api}/",
        "https://hoop.example.com": api,
        "https://hoop.example": api,
        "host=hoop.example.com ": f"host=localhost port={ports['port']} ",
        "/var/lib/hoop": str(home / ".demo/state"),
        "cat token)": "cat .demo/tokens/$USER)",
        '"… user=': f'"host=localhost port={ports["port"]} dbname=shop sslmode=verify-full user=',
        ' …"': '"',
    }
    links = {".demo": home / ".demo", ".venv/bin": home / "bin", "ca.pem": home / ".demo/pki/ca.pem"}
    authority = str(home / ".demo/pki/ca.pem")
    environ = {"HOOP_URL": api, "HOOP_CA": authority, "PGSSLROOTCERT": authority}
    return Place(home, Table(rows, _MADE), links, environ)


def _first_session(place: Place) -> None:
    """Pages that look back have something to look at."""
    command = place.table.command('psql "… user=ci-bot …" -c "select 1"')
    given = {**place.given(""), "PGPASSWORD": (place.home / ".demo/tokens/ci-bot").read_text()}
    subprocess.run(["bash", "-c", command], env=given, check=True, capture_output=True, timeout=PATIENCE)


def fenced(page: Path, language: str) -> list[str]:
    """What stands in the page's blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def shim(folder: Path) -> None:
    """`hoop` and `twistd` of this very Python and programs of PostgreSQL 17, whatever is installed."""
    folder.mkdir(parents=True)
    for name in ("psql", "pgbench", "pg_dump"):
        (folder / name).symlink_to(programs(17) / name)
    starts = {"hoop": "-m twisted_hoop.cli", "twistd": '-c "from twisted.scripts.twistd import run; run()"'}
    for name, words in starts.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (folder / name).chmod(0o755)


def _until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C stops everything" in line:
            return said
    raise AssertionError(f"the demo ended early ({process.wait()}):\n{said}")
