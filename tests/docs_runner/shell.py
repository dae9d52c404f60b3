"""One bash for the steps of a page: variables and folders last, each step's output is kept apart."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs_runner.standing import end_all
from tests.docs_runner.steps import Step, literal, matches

PATIENCE = 600
_UNTIL = """
for _ in $(seq 900); do grep -qF -- {text} {out} && break; kill -0 $! 2>/dev/null || break; sleep 0.1; done
grep -qF -- {text} {out} || exit 1
"""


@dataclass(frozen=True, slots=True)
class Table:
    """What stands in a page → what is run in its place. In shown output it becomes `…`: it differs there too."""

    rows: dict[str, str]
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


def run(steps: Sequence[Step], folder: Path, environ: Mapping[str, str], table: Table, typed: str = "") -> list[str]:
    """Run them in this folder; what was not as the page says, a line or more for each. `typed` is on stdin."""
    around = folder.with_name(folder.name + ".notes")
    around.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    # what stays goes on writing into the notes of its own part
    notes = around / str(sum(1 for found in around.iterdir() if found.is_dir()))
    notes.mkdir()
    script = "set -E\nwaiting=()\n" + "".join(_line(number, step, notes, table) for number, step in enumerate(steps))
    (notes / "script").write_text(script + 'for one in "${waiting[@]}"; do wait "$one"; done; true\n')
    command = ["bash", "--norc", str(notes / "script")]
    ended = subprocess.run(
        command,
        cwd=folder,
        env=dict(environ),
        input=typed,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    wrong = [_wrong(number, step, notes, table) for number, step in enumerate(steps)]
    return [line for line in [ended.stderr.strip(), *wrong] if line]


def end_what_stays(folder: Path) -> None:
    """End what blocks of this folder began that go on until they are stopped. Idempotent."""
    end_all(folder.with_name(folder.name + ".notes") / "stays")


def _line(number: int, step: Step, notes: Path, table: Table) -> str:
    out, code = (shlex.quote(str(notes / f"{name}.{number}")) for name in ("out", "code"))
    command = table.command(step.command)
    if step.block.ends:
        began = shlex.quote(str(notes.parent / "stays"))
        command = f"{shlex.quote(sys.executable)} -m tests.docs_runner.standing {began}\n{command}"
    if not (step.block.waits or step.block.stays):  # the trap sees every command that fails, not only the last
        noted = f"echo 0 >{code}; trap 'echo 1 >{code}' ERR"
        return f"{noted}\n{{\n{command}\n}} >{out} 2>&1\ntrap - ERR\n"
    text = shlex.quote(literal(table.shown(step.shown or "")))
    if step.block.stays:  # a session of its own: all of it is ended by its number
        numbers = shlex.quote(str(notes.parent / "stays"))
        begun = f"env --default-signal=INT setsid bash -c {shlex.quote(command)} >{out} 2>&1 &\necho $! >>{numbers}\n"
    else:
        begun = f"{{\n{command}\n}} >{out} 2>&1 &\nwaiting+=($!)\n"
    return begun + _UNTIL.format(text=text, out=out)  # what comes after it would wait for it in vain


def _wrong(number: int, step: Step, notes: Path, table: Table) -> str:
    out, code = notes / f"out.{number}", notes / f"code.{number}"
    printed = out.read_text(errors="replace") if out.exists() else "(it was not reached)"
    said = printed if len(printed) < 4000 else f"{printed[:2000]}\n[…]\n{printed[-2000:]}"
    ended = code.read_text().strip() if code.exists() else "?"
    if step.shown is None:
        return "" if ended == "0" else f"{step.block}: {step.command}\nended with {ended} and printed:\n{said}"
    shown = table.shown(step.shown)
    if matches(shown, _plain(printed)):
        return ""
    return f"{step.block}: {step.command}\nis to print:\n{shown}\nand printed ({ended}):\n{said}"


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
