"""Transfers for tests: a judge between two byte streams, with verdicts by patterns; and the same as a program.

The program stands between real clients and real servers over pipes:

    sftp -D "python -m tests.support.transfers SETUP"            # SETUP: a JSON file, see Setup
    scp -S SCRIPT …                                              # a script that calls it, see scp_script
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted_hoop.model import Command, Decision, Effect, Entry, Session, Verdict
from twisted_hoop.ssh.events import Data
from twisted_hoop.ssh.scp import ScpJudge
from twisted_hoop.ssh.sftp import SftpJudge
from twisted_hoop.ssh.transfers import TransferJudge
from twisted_hoop.steps import Ask, Record, Step, ToClient, ToTarget
from twisted_hoop.testing.fakes import FakeGate, make_session

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
ROOT = Path(__file__).parents[2]


def gate(denied: Sequence[str] = (), content: Sequence[str] = ()) -> FakeGate:
    """Admits everything but commands whose text matches one of `denied`."""

    def decide(session: Session, command: Command) -> Decision:
        if any(re.search(pattern, command.text) for pattern in denied):
            return Decision(Effect.DENY, "no-such-files", "not these")
        return Decision(Effect.ALLOW, "files", content=any(re.search(p, command.text) for p in content))

    return FakeGate(decide)


def admission(command: Command, **more: Any) -> Verdict:
    """The gate's leave."""
    verdict = FakeGate(Decision(Effect.ALLOW, "files", **more)).judge(make_session(), command)
    assert not isinstance(verdict, Decision)
    return verdict


@dataclass
class Passing:
    """A judge at work: what has come out on each side, what was asked and recorded. Questions are answered at once,
    unless `waiting` says that somebody must be asked: then by `answer`."""

    judge: TransferJudge
    gate: FakeGate = field(default_factory=gate)
    waiting: str = ""
    to_client: bytearray = field(default_factory=bytearray)
    to_target: bytearray = field(default_factory=bytearray)
    told: bytearray = field(default_factory=bytearray)
    entries: list[Entry] = field(default_factory=list)
    asked: list[Command] = field(default_factory=list)
    question: Command | None = None

    def client(self, data: bytes) -> None:
        """Bytes of the client."""
        self._carry(self.judge.client_received(data))

    def target(self, data: bytes) -> None:
        """Bytes of the target."""
        self._carry(self.judge.target_received(data))

    def finish(self) -> None:
        """The command is over."""
        self._carry(self.judge.finished())

    def answer(self) -> None:
        """The open question is answered by the gate."""
        question, self.question = self.question, None
        assert question is not None
        self._decide(question)

    def _decide(self, command: Command) -> None:
        verdict = self.gate.judge(make_session(), command)
        assert not isinstance(verdict, Decision)
        self._carry(self.judge.decided(verdict))

    def _carry(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Ask):
                assert step is steps[-1], "a question ends its list"
                self._ask(step.command)
            elif isinstance(step, Record):
                self.entries.append(step.entry)
            elif isinstance(step, ToTarget):
                self.to_target += step.data
            elif isinstance(step, ToClient):
                data: Any = step.data
                if isinstance(data, Data):
                    self.told += data.data
                else:
                    self.to_client += data

    def _ask(self, command: Command) -> None:
        assert self.question is None, "one question at a time"
        self.asked.append(command)
        if self.waiting and re.search(self.waiting, command.text):
            self.question = command
        else:
            self._decide(command)

    def outcomes(self, key: str = "path") -> list[Any]:
        """The data of outcome entries that have this key."""
        return [dict(entry.data) for entry in self.entries if entry.kind == "outcome" and key in entry.data]


@dataclass(frozen=True)
class Setup:
    """What the program does: patterns that are denied and recorded, where it reports, the server for sftp."""

    report: Path
    denied: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    chunk: int = 32768

    def write(self, path: Path) -> Path:
        """As a file for the program."""
        path.write_text(
            json.dumps({
                "report": str(self.report), "denied": self.denied, "content": self.content, "chunk": self.chunk,
            })
        )  # fmt: skip
        return path

    def entries(self) -> list[dict[str, Any]]:
        """What the program recorded: a dictionary for each entry, with its kind."""
        return [json.loads(line) for line in self.report.read_text().splitlines()]


def scp_script(folder: Path, setup: Path) -> Path:
    """A program for `scp -S`: runs the remote command through the judge."""
    script = folder / "through"
    script.write_text(f'#!/bin/sh\ncd {ROOT}\nexec {sys.executable} -m tests.support.transfers {setup} "$@"\n')
    script.chmod(0o755)
    return script


def main(arguments: list[str]) -> int:
    """`SETUP`: sftp-server behind a judge. `SETUP … HOST COMMAND`: as ssh would run it."""
    setup = json.loads(Path(arguments[0]).read_text())
    subsystem = len(arguments) == 1 or arguments[-1] == "sftp"
    command = [SFTP_SERVER] if subsystem else ["/bin/sh", "-c", arguments[-1]]
    judge: TransferJudge | None = SftpJudge(1, 1) if subsystem else ScpJudge.of(arguments[-1].encode(), 1, 1)
    if judge is None:
        print("no judge for", arguments, file=sys.stderr)
        return 3
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    passing = Passing(judge, gate(setup["denied"], setup["content"]))
    pump(passing, child, setup["chunk"])
    status = child.wait()
    passing.finish()
    _flush(passing, sys.stdout.fileno(), -1)
    with Path(setup["report"]).open("a") as report:
        for entry in passing.entries:
            report.write(json.dumps({"kind": entry.kind, **entry.data}, default=str) + "\n")
    return status


def pump(passing: Passing, child: subprocess.Popen[bytes], chunk: int) -> None:
    """Until both sides have ended; one thread each, one lock around the judge."""
    assert child.stdin is not None and child.stdout is not None
    lock, out, server = threading.Lock(), sys.stdout.fileno(), child.stdin.fileno()

    def carry(source: int, take: Callable[[bytes], None]) -> None:
        while data := os.read(source, chunk):
            with lock:
                take(data)
                _flush(passing, out, server)

    def upwards() -> None:
        try:
            carry(sys.stdin.fileno(), passing.client)
        finally:
            child.stdin.close()  # type: ignore[union-attr]

    threading.Thread(target=upwards, daemon=True).start()
    carry(child.stdout.fileno(), passing.target)


def _flush(passing: Passing, client: int, server: int) -> None:
    for data, place in ((passing.told, 2), (passing.to_client, client), (passing.to_target, server)):
        view = bytes(data)
        data.clear()
        while view and place >= 0:
            try:
                view = view[os.write(place, view) :]
            except (BrokenPipeError, OSError):
                return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
