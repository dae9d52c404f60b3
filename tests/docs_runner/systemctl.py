"""`systemctl` for a machine below a folder, which systemd itself does not run.

    HOOP_TEST_ROOT=FOLDER python -m tests.docs_runner.systemctl enable --now hoop

Units are read by systemd's own programs: `systemd-analyze verify` at each daemon-reload, `systemctl --root` for enable
and disable. Starting, stopping and reloading is done here, as the unit says: ExecStartPre, ExecStart, ExecReload, a
group of processes that gets SIGTERM. The sandbox of the unit is not made: tests/test_units.py looks at that.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs_runner.standing import end, gone

REAL = shutil.which("systemctl", path="/usr/bin:/bin") or "systemctl"
_OURS = re.compile(r"/(?:opt|etc/hoop|var/lib)/")


def main(words: list[str]) -> int:
    root = Path(os.environ["HOOP_TEST_ROOT"])
    verb, now = words[0], "--now" in words
    names = [word for word in words[1:] if not word.startswith("-")]
    if verb == "daemon-reload":
        return max((_verified(root, file) for file in _folder(root).glob("hoop*.service")), default=0)
    for name in names:
        if verb in ("enable", "disable"):
            subprocess.run([REAL, f"--root={root}", verb, name], check=True)
        if verb in ("stop", "restart") or (verb == "disable" and now):
            _stop(root, name)
        if verb in ("start", "restart") or (verb == "enable" and now):
            _start(root, name)
        if verb == "reload":
            subprocess.run(_lines(root, name, "ExecReload")[0], check=True)
    return 0


def _folder(root: Path) -> Path:
    return root / "etc/systemd/system"


def _verified(root: Path, file: Path) -> int:
    """Programs are below the root, where `verify` does not look."""
    copy = root / file.name
    copy.write_text(_OURS.sub(lambda found: f"{root}{found[0]}", file.read_text()))
    return subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)]).returncode


def _lines(root: Path, name: str, key: str) -> list[list[str]]:
    """Commands of one key, with the paths that are ours."""
    number = root / f"{name}.pid"
    told = {"MAINPID": number.read_text()} if number.exists() else {}
    text = (_folder(root) / f"{name}.service").read_text()
    found = [
        re.sub(r"\$(\w+)", lambda word: told.get(word[1], ""), line)
        for line in re.findall(rf"^{key}=(.+)$", text, re.M)
    ]
    return [shlex.split(_OURS.sub(lambda path: f"{root}{path[0]}", line)) for line in found]


def _start(root: Path, name: str) -> None:
    if _runs(root, name):
        return
    for command in _lines(root, name, "ExecStartPre"):
        subprocess.run(command, check=True)
    with (root / f"{name}.log").open("ab") as log:
        command = _lines(root, name, "ExecStart")[0]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    (root / f"{name}.pid").write_text(str(process.pid))


def _runs(root: Path, name: str) -> bool:
    number = root / f"{name}.pid"
    return number.exists() and Path(f"/proc/{number.read_text()}").exists()


def _stop(root: Path, name: str) -> None:
    number = root / f"{name}.pid"
    if number.exists():
        end(int(number.read_text()))
        gone(int(number.read_text()))
        number.unlink()


def stop_all(root: Path) -> None:
    """End every unit that was started. Idempotent."""
    for number in root.glob("*.pid"):
        _stop(root, number.stem)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
