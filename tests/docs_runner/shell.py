"""One bash for the steps of a page: variables and folders last, each step's output is kept apart."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs_runner.steps import Step, literal, matches

PATIENCE = 180
_UNTIL = """
for _ in $(seq 600); do grep -qF -- {text} {out} && break; sleep 0.1; done
"""


@dataclass(frozen=True, slots=True)
class Table:
    """What stands in a page → what is run in its place. In shown output it becomes `…`: it differs there too."""

    rows: Mapping[str, str]
    differ: str = r"(?!)"
    """What is made anew each time, as a pattern: in what is shown it becomes `…`, too."""

    def command(self, text: str) -> str:
        """A command as it is run."""
        for written, real in self.rows.items():
            text = text.replace(written, real)
        return text

    def shown(self, text: str) -> str:
        """Output as it is compared."""
        for written in self.rows:
            text = text.replace(written, "…")
        return re.sub(self.differ, "…", text)


def run(steps: Sequence[Step], folder: Path, environ: Mapping[str, str], table: Table) -> list[str]:
    """Run them in this folder; what was not as the page says, a line or more for each."""
    notes = folder.with_name(folder.name + ".notes")
    folder.mkdir(parents=True, exist_ok=True)
    notes.mkdir(exist_ok=True)
    script = "set -E\n" + "".join(_line(number, step, notes, table) for number, step in enumerate(steps))
    (notes / "script").write_text(script + "wait\n")
    command = ["bash", "--norc", str(notes / "script")]
    ended = subprocess.run(
        command,
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    wrong = [_wrong(number, step, notes, table) for number, step in enumerate(steps)]
    return [line for line in [ended.stderr.strip(), *wrong] if line]


def _line(number: int, step: Step, notes: Path, table: Table) -> str:
    out, code = (shlex.quote(str(notes / f"{name}.{number}")) for name in ("out", "code"))
    command = table.command(step.command)
    if not step.block.waits:  # the trap sees every command that fails, not only the last
        noted = f"echo 0 >{code}; trap 'echo 1 >{code}' ERR"
        return f"{noted}\n{{\n{command}\n}} >{out} 2>&1\ntrap - ERR\n"
    text = shlex.quote(literal(table.shown(step.shown or "")))
    return f"{{\n{command}\n}} >{out} 2>&1 &\n{_UNTIL.format(text=text, out=out)}"


def _wrong(number: int, step: Step, notes: Path, table: Table) -> str:
    out, code = notes / f"out.{number}", notes / f"code.{number}"
    printed = out.read_text(errors="replace") if out.exists() else "(it was not reached)"
    ended = code.read_text().strip() if code.exists() else "?"
    if step.shown is None:
        return "" if ended == "0" else f"{step.block}: {step.command}\nended with {ended} and printed:\n{printed}"
    shown = table.shown(step.shown)
    if matches(shown, _plain(printed)):
        return ""
    return f"{step.block}: {step.command}\nis to print:\n{shown}\nand printed ({ended}):\n{printed}"


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
