"""The demo as a newcomer runs it: a process, real PostgreSQL, psql and `hoop`, every printed command carried out.

`--check` is the proof of what README promises: M1 (cells, whole rows as JSON), M5 (comparing a masked column), M8
(COPY), M12 (recordings without clear values), A1 (nobody approves their own), R4 (recordings verify).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PATIENCE = 90.0


class Demo:
    """One folder, in which demos are started one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "twisted_hoop.demo", "--folder", str(self.folder), *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(command, text=True, cwd=self.folder.parent, env=self.environment, **pipes)

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        output, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, output

    def started(self) -> subprocess.Popen[str]:
        """A demo that has printed its tour."""
        process = self.start()
        self.said = until(process, "Ctrl-C stops everything")
        return process

    def paste(self, line: str) -> str:
        """What a printed command prints."""
        where = {"cwd": self.folder.parent, "env": self.environment}
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE, **where)
        return done.stdout

    def left_behind(self) -> list[str]:
        """Commands of processes that have this folder, or its database's, on their command line."""
        homes = [str(self.folder)]
        memory = self.folder / "postgres-home"
        homes += [memory.read_text()] if memory.exists() else []
        return [line for line in commands() if any(home in line for home in homes)]

    def remove(self) -> None:
        memory = self.folder / "postgres-home"
        if memory.exists():
            shutil.rmtree(memory.read_text(), ignore_errors=True)


def commands() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"the demo ended early ({process.wait()}):\n{said}")


def end(process: subprocess.Popen[str], number: int) -> int:
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    return process.returncode


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    made = Demo(tmp_path_factory.mktemp("tour") / "demo")
    yield made
    made.remove()


def test_the_tour_does_what_it_says_twice(demo: Demo) -> None:
    """M1, M5, M8, M12, A1, R4. The second time finds the rows that the first has deleted, and its recordings."""
    for _ in range(2):
        code, output = demo.run("--check")
        assert code == 0 and "the tour does what it says" in output, output
        assert "FAILED" not in output and output.count("  ok  ") > 20
        assert demo.left_behind() == []


def test_a_check_that_fails_says_which_and_fails(demo: Demo) -> None:
    """A psql that shows clear values in the place of the real one: the check must notice, or it proves nothing."""
    liar = demo.folder.parent / "bin"
    liar.mkdir()
    (liar / "psql").write_text("#!/bin/sh\necho 'Ada Lovelace 4111111111111111 (3 rows)'\n")
    (liar / "psql").chmod(0o755)
    lying = Demo(demo.folder)
    lying.environment["PATH"] = f"{liar}{os.pathsep}{os.environ['PATH']}"
    code, output = lying.run("--check")
    assert code == 1 and "'4111111111111111' is there" in output, output
    assert demo.left_behind() == []


def test_stopping_leaves_nothing_running(demo: Demo) -> None:
    process = demo.started()
    assert len(demo.left_behind()) >= 3
    assert end(process, signal.SIGTERM) == 0
    assert demo.left_behind() == []


def test_stopping_while_it_starts_leaves_nothing_running(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "demo")
    process = demo.start()
    until(process, "PostgreSQL")
    end(process, signal.SIGINT)
    assert demo.left_behind() == []
    demo.remove()


def test_what_a_running_demo_offers(demo: Demo) -> None:
    """What is printed can be pasted, files are ours alone (R11), ports are remembered, a second demo is sent away."""
    process = demo.started()
    lines = [line.strip() for line in demo.said.splitlines() if line.startswith("     ")]
    assert len(lines) == 18 and lines[-1].startswith("http://127.0.0.1:")
    shown = demo.paste(lines[0])
    assert "Ada Lovelace" in shown and "1111" in shown and "4111111111111111" not in shown
    files = [*demo.folder.glob("tokens/*"), *demo.folder.glob("secrets/*"), *demo.folder.glob("**/*.key")]
    assert len(files) > 10
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [demo.folder, *files]} == {0}
    before = json.loads((demo.folder / "ports.json").read_text())
    assert set(re.findall(r"port=(\d+)", demo.said)) == {str(before["port"])}
    code, output = demo.run()
    assert code == 1 and "another --folder" in output
    assert end(process, signal.SIGINT) == 0
    assert demo.left_behind() == []


def test_a_port_in_use_is_named(demo: Demo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = demo.run("--api-port", str(port))
    assert code == 1 and f"port {port} is in use" in output and "--api-port" in output
    assert "Traceback" not in output and demo.left_behind() == []


def test_a_demo_that_was_killed_is_followed_by_one_that_works(demo: Demo) -> None:
    process = demo.started()
    process.kill()
    process.communicate()
    assert demo.left_behind(), "a killed demo cannot stop what it started"
    code, output = demo.run("--check")
    assert code == 0, output
    deadline = time.monotonic() + PATIENCE
    while demo.left_behind() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert demo.left_behind() == []
