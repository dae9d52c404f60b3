"""A command that was admitted, from the opening of the target's channel to its end. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from twisted_hoop.model import Command, Entry, Outcome, Verdict
from twisted_hoop.recording.streams import resize_entry
from twisted_hoop.ssh import requests as names
from twisted_hoop.ssh.entries import notice_entry, outcome_entry
from twisted_hoop.ssh.events import STDOUT, Close, Data, Eof, Event, Reply, Request
from twisted_hoop.ssh.replies import OwedReplies
from twisted_hoop.ssh.script import ScriptJudge
from twisted_hoop.ssh.starting import Judge
from twisted_hoop.ssh.streams import Streams
from twisted_hoop.ssh.terminal import TerminalJudge
from twisted_hoop.steps import Ask, Finish, Record, Step, ToClient, ToTarget

RESIZES = 20
"""Resizes that are passed on between two flushes; of more, the last one (S21)."""


class Running:
    """See the module. `start` is the client's request, `before` what goes to the target in front of it.

    `asked` is the command of a question that its judge has just asked.
    """

    def __init__(
        self,
        channel: int,
        number: int,
        start: Request,
        before: list[Request],
        replies: OwedReplies,
        streams: Streams,
        judge: Judge | None = None,
    ) -> None:
        self.moved = 0
        self.asked: Command | None = None
        self._channel = channel
        self._number = number
        self._start = start
        self._before = before
        self._replies = replies
        self._streams = streams
        self._judge = judge
        self._lines = judge if isinstance(judge, TerminalJudge) else None
        self._answers: deque[Callable[[bool], list[Step]]] = deque()
        self._client_closed = False
        self._eof = self._input_ends = self._input_over = False
        self._resizes = 0
        self._late: Request | None = None
        self._exit: dict[str, object] = {}
        self._told = False

    @property
    def waiting(self) -> bool:
        """Whether `flush` has something to do."""
        lines = self._lines is not None and self._lines.waiting
        return self._resizes > 0 or self._streams.held or lines

    def held_back(self) -> int:
        """Bytes of the client that wait with the judge."""
        return self._judge.held_back() if self._judge is not None else 0

    def begin(self) -> list[Step]:
        """The target's channel is open: what was collected, then the command itself."""
        steps: list[Step] = []
        for request in self._before:
            steps.append(ToTarget(request))
            if request.want_reply:
                self._answers.append(partial(self._prepared, request.name))
        if self._start.want_reply:
            self._replies.owe()
        self._answers.append(self._started)
        return [*steps, ToTarget(Request(self._start.name, self._start.data, True))]

    def _prepared(self, name: bytes, ok: bool) -> list[Step]:
        text = f"the target refused {names.shown(name)}"
        return [] if ok else [Record(notice_entry(self._channel, text))]

    def _started(self, ok: bool) -> list[Step]:
        if not ok:
            self._exit = {"started": False}
        return self._to_client(self._replies.answered(ok) if self._start.want_reply else [])

    # -- the client -----------------------------------------------------------------------------------------------

    def client_received(self, event: Event) -> list[Step]:
        """What the client sends while the command runs."""
        match event:
            case Data():
                self.moved += len(event.data)
                if self._judge is not None:
                    return self._judged(self._judge.client_received(bytes(event.data)))
                return self._streams.incoming(event.data)
            case Request():
                return self.control(event)
            case Eof():
                self._input_ends = True
                return self._judged(self._judge.ended()) if isinstance(self._judge, ScriptJudge) else self._end_input()
            case Close():
                return self._client_closes()
        return []

    def _client_closes(self) -> list[Step]:
        """The CLOSE is passed on; but where the target has no more to say than how it ended, it may say so first.

        OpenSSH's server drops the exit status of a process that it has not yet reaped when the CLOSE comes (S23).
        """
        self._client_closed = True
        if self._eof and not self._exit:
            return [] if self._input_over else [ToTarget(Eof())]
        return [ToTarget(Close())]

    def _end_input(self) -> list[Step]:
        """The client's EOF follows what its judge still holds."""
        if not self._input_ends or self.held_back():
            return []
        self._input_ends, self._input_over = False, True
        return [*self._streams.input_ended(), ToTarget(Eof())]

    def control(self, request: Request) -> list[Step]:
        """A request about the command; it does not wait behind held-back bytes."""
        try:
            match request.name:
                case names.SIGNAL:
                    return self._signalled(request)
                case names.RESIZE:
                    return self._resized(request)
                case names.BREAK | names.NO_MORE_OUTPUT:
                    return self._passed(request)
        except ValueError:
            pass
        text = f"request {names.shown(request.name)[:256]} refused while a command runs"
        return [Record(notice_entry(self._channel, text)), *self._answer(request, False)]

    def _signalled(self, request: Request) -> list[Step]:
        signal = names.parse_text(request.data)
        if signal not in names.SIGNALS:
            raise ValueError("there is no such signal")
        entry = Entry("signal", {"channel": self._channel, "signal": names.shown(signal)})
        passed = Request(request.name, request.data)
        return [Record(entry), ToTarget(passed), *self._answer(request, True)]

    def _resized(self, request: Request) -> list[Step]:
        size = names.parse_size(request.data)
        passed = Request(request.name, size.packed())
        answer = self._answer(request, True)
        self._resizes += 1
        if self._resizes > RESIZES:
            self._late = passed
            return answer
        return [*self._resize(passed, size), *answer]

    def _resize(self, passed: Request, size: names.Size) -> list[Step]:
        if self._lines is not None:
            self._lines.resize(size.columns, size.rows)
        entry = resize_entry(self._channel, size.columns, size.rows)
        return [Record(entry), ToTarget(passed)]

    def _passed(self, request: Request) -> list[Step]:
        if request.want_reply:
            self._replies.owe()
            self._answers.append(lambda ok: self._to_client(self._replies.answered(ok)))
        return [ToTarget(request)]

    def _answer(self, request: Request, ok: bool) -> list[Step]:
        return self._to_client(self._replies.now(ok)) if request.want_reply else []

    # -- the target -----------------------------------------------------------------------------------------------

    def target_received(self, event: Event) -> list[Step]:
        """What the target sends."""
        match event:
            case Data():
                return self._output(event)
            case Reply():
                return self._answers.popleft()(event.ok) if self._answers else []
            case Request():
                return self._told_by_target(event)
            case Eof():
                self._eof = True
                return [*self.rest(), *self._to_client([event])]
            case Close():
                return self._target_closed()
        return []

    def _output(self, event: Data) -> list[Step]:
        if self._client_closed or self._eof:
            return []
        if self._judge is not None and event.stream == STDOUT:
            return self._judged(self._judge.target_received(bytes(event.data)))
        return self._streams.outgoing(event)

    def _told_by_target(self, request: Request) -> list[Step]:
        if request.name in (names.EXIT_STATUS, names.EXIT_SIGNAL):
            self._exit = names.parse_exit(request)
            late: list[Step] = [ToTarget(Close())] if self._client_closed else []
            return [*self.rest(), *self._to_client([Request(request.name, request.data)]), *late]
        if request.name in (names.FLOW, names.NO_MORE_OUTPUT):
            return self._to_client([Request(request.name, request.data)])
        return [ToTarget(Reply(False))] if request.want_reply else []  # keep-alives and whatever else (S16)

    def _target_closed(self) -> list[Step]:
        steps = [*self.rest(), *self.outcome(), *self._to_client(self._replies.settle(False))]
        # The client's CLOSE is answered now that nothing can follow (S23); the target's is answered at once.
        return [*steps, ToClient(Close()), ToTarget(Close()), Finish(Outcome("closed"))]

    def _to_client(self, events: list[Reply] | list[Event] | list[Request] | list[Eof]) -> list[Step]:
        return [ToClient(event) for event in events]

    # -- both -----------------------------------------------------------------------------------------------------

    def decided(self, verdict: Verdict) -> list[Step]:
        """The answer to a question about one operation."""
        assert self._judge is not None
        return self._judged(self._judge.decided(verdict))

    def _judged(self, steps: list[Step]) -> list[Step]:
        """The steps of a judge speak of bytes: they become those of a channel."""
        found: list[Step] = []
        for step in steps:
            if isinstance(step, ToTarget):
                found += self._streams.incoming(step.data)
            elif isinstance(step, ToClient):
                data = step.data if isinstance(step.data, Data) else Data(STDOUT, step.data)
                found += self._streams.outgoing(data)
            else:
                found.append(step)
                self.asked = step.command if isinstance(step, Ask) else self.asked
        return found + self._end_input()

    def flush(self) -> list[Step]:
        """A moment has passed: what was held back goes on."""
        steps = self._judged(self._lines.idle()) if self._lines is not None else []
        steps += self._streams.idle() if not self._client_closed else []
        late, self._late, self._resizes = self._late, None, 0
        if late is not None:
            steps += self._resize(late, names.parse_size(late.data))
        return steps

    def rest(self) -> list[Step]:
        """Output that is held back while nothing follows it."""
        return self._streams.output_ended() if not self._client_closed else []

    def outcome(self, **more: object) -> list[Step]:
        """The record of how it ended, once."""
        if self._told:
            return []
        self._told = True
        last = self._judged(self._judge.finished()) if self._judge is not None else []
        return [
            *last,
            Record(outcome_entry(self._channel, self._number, **self._exit, **self._streams.totals(), **more)),
        ]
