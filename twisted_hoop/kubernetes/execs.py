"""exec and attach as a Tunnel: each frame read, streams masked, counted and recorded, the exit status kept. Pure.

What is sent is written anew, so nothing that was not read goes through. Sizes of terminals are clamped, and of many
only the last one is passed on (S21).
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted_hoop.kubernetes.exits import exit_of, refused_status
from twisted_hoop.kubernetes.lines import LineJudge, resized
from twisted_hoop.kubernetes.parts import FROM_CLIENT, FROM_TARGET, Codec, Part, Stream
from twisted_hoop.kubernetes.sizes import Size, Sizes
from twisted_hoop.kubernetes.streams import Streams
from twisted_hoop.model import Outcome, Verdict
from twisted_hoop.recording.asciicast import COLUMNS, ROWS
from twisted_hoop.recording.streams import resize_entry, terminal_entry
from twisted_hoop.ssh.entries import refused_entry
from twisted_hoop.ssh.script import ScriptJudge
from twisted_hoop.ssh.streams import Objection
from twisted_hoop.ssh.terminal import TerminalJudge
from twisted_hoop.steps import Finish, Record, Step, ToClient, ToTarget

RESIZES = 20
"""Sizes that are passed on between two moments without data; of more, the last one."""
_OUTPUT: tuple[Stream, ...] = ("stdout", "stderr")


class ExecTunnel:
    """A Tunnel, see the module. `channel` is its number in the recording, `about` what its outcome tells besides.

    `judge` asks for each line of a shell.
    """

    def __init__(
        self,
        channel: int,
        codec: Codec,
        streams: Streams,
        terminal: bool,
        about: Mapping[str, object] | None = None,
        judge: LineJudge | None = None,
    ) -> None:
        self._channel = channel
        self._codec = codec
        self._streams = streams
        self._terminal = terminal
        self._about = dict(about or {})
        self._judge = judge
        self._input_ends = False
        self._sizes = Sizes()
        self._sized = False
        self._resizes = 0
        self._late: Size | None = None
        self._exit: dict[str, object] = {}
        self._over = False

    def begin(self) -> list[Step]:
        """See Tunnel."""
        return []

    # -- the client -----------------------------------------------------------------------------------------------

    def client_received(self, data: bytes) -> list[Step]:
        """See Tunnel."""
        steps: list[Step] = []
        for part in _joined(self._codec.client(data)):
            steps += self._of_client(part)
        return steps

    def _of_client(self, part: Part) -> list[Step]:
        if part.stream == "stdin":
            return self._input(part)
        if part.stream == "resize":
            return self._resized(part)
        self._over = self._over or part.last
        rest = self._end(False) if part.last else []
        return [*rest, ToTarget(part.data)] if part.data else rest

    def _input(self, part: Part) -> list[Step]:
        judge = self._judge
        if judge is None:
            return self._typed(*self._streams.incoming(part.data), part.last) if part.data else self._end(part.last)
        self._input_ends = self._input_ends or part.last
        steps = self._judged(judge.client_received(part.data)) if part.data else []
        if part.last and isinstance(judge, ScriptJudge):
            steps += self._judged(judge.ended())
        return steps + self._end_of_lines()

    def _end_of_lines(self) -> list[Step]:
        """The client's end of input follows what the judge still holds."""
        if not self._input_ends or self.held_back():
            return []
        self._input_ends = False
        return self._end(True)

    def _judged(self, steps: list[Step]) -> list[Step]:
        """The steps of a judge speak of bytes: they become messages."""
        found: list[Step] = []
        for step in steps:
            if isinstance(step, ToTarget):
                found += self._typed(*self._streams.incoming(step.data), False)
            elif isinstance(step, ToClient):
                found += self._shown("stdout", *self._streams.outgoing("stdout", step.data))
            else:
                found.append(step)
        return found

    def _typed(self, data: bytes, records: list[Step], last: bool) -> list[Step]:
        steps = [*records, ToTarget(self._codec.to_target("stdin", data))] if data else records
        return steps + self._end(True) if last else steps

    def _end(self, last: bool) -> list[Step]:
        """What is held back of the input, and its end."""
        data, records = self._streams.input_ended()
        out = self._codec.to_target("stdin", data, last) if data or last else b""
        return [*records, ToTarget(out)] if out else records

    def _resized(self, part: Part) -> list[Step]:
        steps: list[Step] = []
        for size in self._sizes.feed(part.data):
            self._resizes += 1
            if self._resizes > RESIZES:
                self._late = size
            else:
                steps += self._resize(size)
        out = self._codec.to_target("resize", b"", True) if part.last else b""
        return [*steps, ToTarget(out)] if out else steps

    def _resize(self, size: Size) -> list[Step]:
        entry = resize_entry(self._channel, size.columns, size.rows)
        if self._terminal and not self._sized:
            entry = terminal_entry(self._channel, "", size.columns, size.rows)
        self._sized = True
        resized(self._judge, size)
        return [Record(entry), ToTarget(self._codec.to_target("resize", size.encoded()))]

    # -- the target -----------------------------------------------------------------------------------------------

    def target_received(self, data: bytes) -> list[Step]:
        """See Tunnel."""
        steps: list[Step] = []
        for part in _joined(self._codec.target(data)):
            steps += self._of_target(part)
        return steps

    def _of_target(self, part: Part) -> list[Step]:
        if part.stream in _OUTPUT:
            shown = self._output(part.stream, part.data) if part.data else []
            return shown + self._finished(part.stream, True) if part.last else shown
        if part.stream == "error":
            return self._status(part)
        self._over = self._over or part.last
        rest = self._rest() if part.last else []
        return [*rest, ToClient(part.data)] if part.data else rest

    def _output(self, stream: Stream, data: bytes) -> list[Step]:
        if self._judge is not None and stream == "stdout":
            return self._judged(self._judge.target_received(data))
        return self._shown(stream, *self._streams.outgoing(stream, data))

    def _shown(self, stream: Stream, data: bytes, records: list[Step]) -> list[Step]:
        if not data:
            return records
        told = self._opened() if self._terminal and not self._sized else []
        return [*told, *records, ToClient(self._codec.to_client(stream, data))]

    def _opened(self) -> list[Step]:
        """A terminal whose size nobody has told."""
        self._sized = True
        return [Record(terminal_entry(self._channel, "", COLUMNS, ROWS))]

    def _finished(self, stream: Stream, last: bool) -> list[Step]:
        data, records = self._streams.ended(stream)
        out = self._codec.to_client(stream, data, last) if data or last else b""
        return [*records, ToClient(out)] if out else records

    def _rest(self) -> list[Step]:
        """Output that is held back while nothing follows it."""
        return [step for stream in _OUTPUT for step in self._finished(stream, False)]

    def _status(self, part: Part) -> list[Step]:
        """How it ended follows all output."""
        data = self._streams.status(part.data) if part.data else b""
        if data:
            self._exit = exit_of(data)
        self._over = self._over or bool(data) or part.last
        out = self._codec.to_client("error", data, part.last)
        return [*self._rest(), ToClient(out)] if out else self._rest()

    # -- both -----------------------------------------------------------------------------------------------------

    def decided(self, verdict: Verdict) -> list[Step]:
        """See Tunnel: about a line. One of a script that is refused ends it."""
        if self._judge is None:
            return []
        try:
            steps = self._judge.decided(verdict)
        except Objection as error:
            return self._refused(error)
        return [*self._judged(steps), *self._end_of_lines()]

    def _refused(self, error: Objection) -> list[Step]:
        entry = refused_entry(self._channel, self._channel, error.refusal) if error.refusal is not None else None
        told: list[Step] = [] if entry is None else [Record(entry)]
        return [*told, *self.ended(str(error)), Finish(Outcome("closed", str(error)))]

    def held_back(self) -> int:
        """See Tunnel."""
        return self._judge.held_back() if self._judge is not None else 0

    def tick(self) -> list[Step]:
        """See Tunnel."""
        steps = self._judged(self._judge.idle()) if isinstance(self._judge, TerminalJudge) else []
        steps += self._typed(*self._streams.input_idle(), False)
        for stream in _OUTPUT:
            steps += self._shown(stream, *self._streams.idle(stream))
        late, self._late, self._resizes = self._late, None, 0
        return steps + self._resize(late) if late is not None else steps

    def ended(self, message: str) -> list[Step]:
        """See Tunnel: clients print the message of a Status as their error."""
        return [*self.lost(), ToClient(self._codec.goodbye(refused_status(message)))]

    def over(self) -> bool:
        """See Tunnel: by how the command ended, or by the end of the connection that carries it."""
        return self._over

    def cut(self, message: str) -> list[Step]:
        """See Tunnel."""
        return self.ended(message)

    def lost(self) -> list[Step]:
        """See Tunnel."""
        return self._rest()

    def outcome(self) -> Mapping[str, object]:
        """See Tunnel."""
        return {"channel": self._channel, **self._exit, **self._streams.totals(), **self._about}


def _joined(parts: list[Part]) -> list[Part]:
    """Parts of one stream that came together are one: one entry, one look."""
    if len(parts) < 2:
        return parts
    found: list[Part] = []
    at = 0
    while at < len(parts):
        first, end = parts[at], at + 1
        if first.stream in FROM_CLIENT or (first.stream in FROM_TARGET and first.stream != "error"):
            while end < len(parts) and parts[end].stream == first.stream and not parts[end - 1].last:
                end += 1
        data = first.data if end == at + 1 else b"".join(part.data for part in parts[at:end])
        found.append(Part(first.stream, data, parts[end - 1].last))
        at = end
    return found
