"""The judge of a legacy scp transfer (`scp -O`, `scp -t` and `-f` at the target): every file is asked for (S15). Pure.

The protocol is in lockstep: a line (`C0644 SIZE NAME`, `D0755 0 NAME`, `E`, `T…`), an answer (NUL, or 1 or 2 and a
line), then SIZE bytes and a NUL, and another answer. What gives files speaks, what takes them answers; which side is
which depends on the direction. A file that is refused is answered with the protocol's own error: the giving side goes
on with the next one, the taking side never hears of it, and the person reads the reason. Content passes as bytes.

`T` lines (times, with -p) are kept until the file they belong to is let through.
"""

from __future__ import annotations

import re
import shlex
from enum import Enum, auto
from typing import Final

from twisted_hoop.errors import ProtocolError
from twisted_hoop.model import Admission, Command, Refusal, Verdict
from twisted_hoop.ssh.scp_paths import Names, ScpCommand, scp_command
from twisted_hoop.ssh.sftp import joined
from twisted_hoop.ssh.telling import refusal_text
from twisted_hoop.ssh.transfers import Operations, RemoteFile, file_facts
from twisted_hoop.steps import Ask, Side, Step, ToClient, ToTarget

LONGEST_LINE: Final = 8192
"""Bytes of a line: OpenSSH's own limit is 2048 and a message."""
HELD: Final = 256 * 1024
"""Bytes of the target that are kept while a question waits; it should send none."""

_FILE: Final = re.compile(rb"([CD])([0-7]{4,5}) ([0-9]{1,19}) ([^/\0]+)", re.DOTALL)
_TIMES: Final = re.compile(rb"T[0-9]{1,19} [0-9]{1,9} [0-9]{1,19} [0-9]{1,9}")


class _At(Enum):
    LINE = auto()
    """The giving side says what comes next."""
    TIMES = auto()
    """A kept T line was sent ahead; its answer is ours to swallow."""
    ANSWER = auto()
    """The taking side answers a line."""
    CONTENT = auto()
    """The bytes of a file."""
    STATUS = auto()
    """The giving side says whether they were all right."""
    DONE = auto()
    """The taking side answers the file."""


class ScpJudge:
    """See the module and transfers.py."""

    def __init__(self, scp: ScpCommand, channel: int = 0, command: int = 0) -> None:
        self._upload = scp.direction == "upload"
        self._giving: Side = "client" if self._upload else "target"
        self._names = Names(scp)
        self._operations = Operations(channel, command)
        self._at = _At.DONE  # the taking side begins, as if it had taken a file
        self._waiting: dict[Side, bytes] = {"client": b"", "target": b""}
        self._question: tuple[bytes, str, int] | None = None
        self._times = b""
        self._line = b""
        self._left = 0
        self._file: RemoteFile | None = None

    @classmethod
    def of(cls, text: bytes, channel: int = 0, command: int = 0) -> ScpJudge | None:
        """The judge of this command line; None when it is no scp that can be judged file by file."""
        found = scp_command(text)
        return None if found is None else cls(found, channel, command)

    def held_back(self) -> int:
        """See TransferJudge."""
        return len(self._waiting["client"])

    def client_received(self, data: bytes) -> list[Step]:
        """See TransferJudge."""
        return self._received("client", data)

    def target_received(self, data: bytes) -> list[Step]:
        """See TransferJudge."""
        return self._received("target", data)

    def decided(self, verdict: Verdict) -> list[Step]:
        """See TransferJudge."""
        question, self._question = self._question, None
        if question is None:
            return []
        steps = self._refuse(verdict) if isinstance(verdict, Refusal) else self._let(verdict, *question)
        return joined([*steps, *self._go_on()])

    def finished(self) -> list[Step]:
        """See TransferJudge."""
        file, self._file = self._file, None
        steps = [] if file is None else [self._operations.closed(file, status="not finished")]
        last, self._waiting["target"] = self._waiting["target"], b""
        # What a taking target said last is a message; what a giving one did was never asked for.
        return [*steps, ToClient(last)] if last and self._upload else steps

    # -- both streams ---------------------------------------------------------------------------------------------

    def _received(self, side: Side, data: bytes) -> list[Step]:
        self._waiting[side] += data
        if side == "target" and self._question is not None and len(self._waiting[side]) > HELD:
            raise ProtocolError("scp: the target does not wait for its answer", side="target")
        return joined(self._go_on())

    def _go_on(self) -> list[Step]:
        steps: list[Step] = []
        while self._question is None:
            taking = self._at in (_At.TIMES, _At.ANSWER, _At.DONE)
            side: Side = self._giving if not taking else ("target" if self._upload else "client")
            data = self._waiting[side]
            used = self._step(side, data, steps) if data else 0
            if not used:
                break
            self._waiting[side] = data[used:]
        return steps

    def _step(self, side: Side, data: bytes, steps: list[Step]) -> int:
        if self._at is _At.CONTENT:
            return self._content(data, steps)
        if self._at in (_At.TIMES, _At.ANSWER, _At.DONE):
            return self._answer(side, data, steps)
        if self._at is _At.STATUS:
            return self._status(side, data, steps)
        return self._said(side, data, steps)

    def _over(self, data: bytes) -> Step:
        """To the taking side."""
        return ToTarget(data) if self._upload else ToClient(data)

    def _back(self, data: bytes) -> Step:
        """To the giving side."""
        return ToClient(data) if self._upload else ToTarget(data)

    def _message(self, side: Side, data: bytes) -> int:
        """The length of an answer: a NUL, or a code and a line. 0 when it is not there yet."""
        if data[0] == 0:
            return 1
        end = data.find(b"\n") + 1
        if not end and len(data) > LONGEST_LINE:
            raise ProtocolError("scp: a line without end", side=side)
        return end

    # -- what the giving side says --------------------------------------------------------------------------------

    def _said(self, side: Side, data: bytes, steps: list[Step]) -> int:
        end = self._message(side, data)
        if not end:
            return 0
        line = data[:end]
        body = line[:-1]
        if line[0] in (1, 2):
            steps.append(self._over(line))  # a file it could not give: there is no answer to that
        elif _TIMES.fullmatch(body):
            self._times = line
            steps.append(self._back(b"\0"))
        elif body == b"E" and self._names.depth:
            self._names.leave()
            self._at, self._line = _At.ANSWER, b"E"
            steps.append(self._over(line))
        elif match := _FILE.fullmatch(body):
            self._ask(match, line, steps)
        else:
            raise ProtocolError("scp: a line that is not understood", side=side)
        return end

    def _ask(self, match: re.Match[bytes], line: bytes, steps: list[Step]) -> None:
        name = match[4].decode("utf-8", "surrogateescape")
        if name in (".", "..") and not (name == "." and match[1] == b"D"):
            steps.append(self._back(b"\1hoop: refused: a file may not be called that\n"))
            return
        size = int(match[3])
        command = self._command(match[1] == b"D", name, match[2].decode(), size)
        self._question = (line, name, size)
        steps.append(Ask(command))

    def _command(self, folder: bool, name: str, mode: str, size: int) -> Command:
        paths = self._names.of(name)
        kind, access = ("file-write", "write") if self._upload else ("file-read", "read")
        facts = tuple(file_facts(kind, access, frozenset((path,))) for path in sorted(paths))
        shown = tuple(_text(path) for path in sorted(paths))
        words = " or ".join(map(shlex.quote, shown))
        what = "folder" if folder else f"{size} bytes"
        verb = "write" if self._upload else "read"
        return Command(f"scp-{verb}", f"{verb} {words} ({what}, mode {mode})", facts, parameters=shown)

    def _let(self, admission: Admission, line: bytes, name: str, size: int) -> list[Step]:
        number, record = self._operations.admitted(admission)
        steps: list[Step] = [record]
        if line[:1] == b"D":
            self._names.enter(name)
            self._file = None
        else:
            path = admission.command.parameters[-1] or ""
            self._file = RemoteFile(path, number, admission.decision.content)
        self._line, self._left, self._at = line, size, _At.ANSWER
        if self._times:
            steps.append(self._over(self._times))
            self._at = _At.TIMES
        else:
            steps.append(self._over(line))
        self._times = b""
        return steps

    def _refuse(self, refusal: Refusal) -> list[Step]:
        self._times = b""
        told = b"\1" + refusal_text(refusal).replace("\n", " - ").encode("utf-8", "replace") + b"\n"
        record = self._operations.refused(refusal)
        return [record, self._back(told)] if self._upload else [record, ToClient(told), ToTarget(told)]

    # -- what the taking side answers -----------------------------------------------------------------------------

    def _answer(self, side: Side, data: bytes, steps: list[Step]) -> int:
        end = self._message(side, data)
        if not end:
            return 0
        answer = data[:end]
        good = answer[0] == 0
        if self._at is _At.TIMES:
            # The giving side had its answer to the times already.
            steps.append(self._over(self._line) if good else self._back(answer))
            self._at = _At.ANSWER if good else _At.LINE
            return end
        steps.append(self._back(answer))
        if self._at is _At.DONE:
            self._at = _At.LINE
            steps += self._close({} if good else {"status": _text_of(answer)})
        elif not good:
            self._not_taken()
            steps += self._close({"status": _text_of(answer)})
        else:
            self._at = self._after_line()
        return end

    def _after_line(self) -> _At:
        if self._line[:1] != b"C":
            return _At.LINE
        return _At.CONTENT if self._left else _At.STATUS

    def _not_taken(self) -> None:
        if self._line[:1] == b"D":
            self._names.leave()
        self._at = _At.LINE

    def _close(self, said: dict[str, object]) -> list[Step]:
        file, self._file = self._file, None
        return [] if file is None else [self._operations.closed(file, **said)]

    # -- content --------------------------------------------------------------------------------------------------

    def _content(self, data: bytes, steps: list[Step]) -> int:
        piece = data[: self._left]
        self._left -= len(piece)
        file = self._file
        if file is not None:
            (file.written if self._upload else file.read).passed(piece)
            if file.content:
                steps.append(self._operations.content(file, "input" if self._upload else "output", piece))
        steps.append(self._over(piece))
        if not self._left:
            self._at = _At.STATUS
        return len(piece)

    def _status(self, side: Side, data: bytes, steps: list[Step]) -> int:
        end = self._message(side, data)
        if end:
            steps.append(self._over(data[:end]))
            self._at = _At.DONE
        return end


def _text(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _text_of(answer: bytes) -> str:
    return answer[1:].strip().decode("utf-8", "backslashreplace")
