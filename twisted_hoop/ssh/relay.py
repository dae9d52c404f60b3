"""One channel `session` of a client as pure logic: what it asks for goes through the gate before anything opens (S14).

The client's channel is accepted at once. Terminal, environment, display and agent are collected, each judged by name or
by rule. The command is asked for; when it is admitted the target's channel is opened, and then everything flows: see
running.py. What the client sends meanwhile waits.

Closing (the race that loses exit codes, S23): the CLOSE of a client is passed on, and answered only once the target has
closed as well, for the exit status may still be on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from zope.interface import implementer

from twisted_hoop.identity.ssh_wire import string
from twisted_hoop.interfaces import IRelay
from twisted_hoop.model import Admission, ApprovalRequest, Command, Decision, Outcome, Refusal, Verdict
from twisted_hoop.shell.reading import Reading
from twisted_hoop.ssh import requests as names
from twisted_hoop.ssh.asking import explained, refused_here, side_command, start_command, withdrawn
from twisted_hoop.ssh.entries import command_entry, notice_entry, refused_entry
from twisted_hoop.ssh.events import Close, Data, Event, Open, Opened, OpenFailed, Request
from twisted_hoop.ssh.holding import Holding
from twisted_hoop.ssh.replies import OwedReplies
from twisted_hoop.ssh.running import Running
from twisted_hoop.ssh.setup import Setup
from twisted_hoop.ssh.starting import cannot_be_judged, is_transfer, judge_of, text_streams, transfer_streams
from twisted_hoop.ssh.streams import Objection
from twisted_hoop.ssh.telling import (
    GIVEN_UP,
    REFUSED,
    UNREACHABLE,
    farewell,
    refusal_json,
    refusal_text,
    said,
    waiting_text,
)
from twisted_hoop.ssh.terms import Terms
from twisted_hoop.steps import Ask, Finish, Record, Side, Step, ToClient, ToTarget, Withdraw

NOTICES = 50
"""Refused requests of one channel that are recorded one by one."""
SESSION = b"session"


class Phase(Enum):
    """How far a channel has come."""

    WAITING = "nothing was asked for"
    ASKING = "the command is with the gate"
    OPENING = "the target's channel is being opened"
    RUNNING = "the command runs"
    OVER = "nothing follows"


@implementer(IRelay)
class ChannelRelay:
    """See the module and IRelay. `channel` is its number in the recording.

    `granted` has the kinds of channels that the target may open because of this one (`x11`, the agent's), and whether
    their bytes are recorded.
    """

    def __init__(self, channel: int, terms: Terms) -> None:
        self.channel = channel
        self.granted: dict[bytes, bool] = {}
        self._terms = terms
        self._setup = Setup(terms.env)
        self._replies = OwedReplies()
        self._held = Holding()
        self._phase = Phase.WAITING
        self._question: Callable[[Verdict], list[Step]] | None = None
        self._command: Command | None = None
        self._waiting_for: Decision | None = None
        self._start: Request | None = None
        self._reading: Reading | None = None
        self._running: Running | None = None
        self._notices = 0

    # -- what others look at --------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a command waits or runs, other than somebody's shell."""
        if self._phase is Phase.RUNNING:
            return self._start is not None and self._start.name != names.SHELL
        return self._phase in (Phase.ASKING, Phase.OPENING)

    @property
    def waiting(self) -> bool:
        """Whether `flush` would let something go that is held back for a moment."""
        return self._running is not None and self._running.waiting

    @property
    def moved(self) -> int:
        """Bytes the client sent: somebody is there."""
        return self._running.moved if self._running is not None else 0

    def held_back(self) -> int:
        """See IRelay."""
        return self._held.size + (self._running.held_back() if self._running is not None else 0)

    # -- the client -----------------------------------------------------------------------------------------------

    def client_received(self, data: Event) -> list[Step]:
        """See IRelay: an event of the client's channel."""
        if self._phase is Phase.OVER:
            return []
        if isinstance(data, Close):
            return self._client_closed()
        if self._holds:
            return self._while_holding(data)
        if self._running is not None:
            running = self._running
            return self._unless_forbidden(lambda: running.client_received(data))
        if isinstance(data, Open):
            return [ToClient(Opened())]
        if isinstance(data, Request):
            return self._requested(data)
        self._held.add(data)  # bytes and EOF in front of the command are its input
        return []

    @property
    def _holds(self) -> bool:
        return self._question is not None or self._phase is Phase.OPENING

    def _while_holding(self, event: Event) -> list[Step]:
        """What waits for the answer that is due, and what does not."""
        if isinstance(event, Request) and self._running is not None and self._phase is Phase.RUNNING:
            return self._running.control(event)
        if self._question is not None and self._is_giving_up(event):
            return self._given_up() if self._phase is Phase.ASKING else self._line_given_up()
        self._held.add(event)
        return []

    def _is_giving_up(self, event: Event) -> bool:
        """A signal, or Ctrl-C on a terminal: what waits for approval is withdrawn."""
        if isinstance(event, Data):
            return self._setup.terminal is not None and b"\x03" in bytes(event.data)
        return isinstance(event, Request) and event.name == names.SIGNAL and event.data[4:] in names.GIVING_UP

    def _client_closed(self) -> list[Step]:
        steps: list[Step] = []
        if self._question is not None and self._command is not None:
            refusal = withdrawn(self._command, self._waiting_for)
            steps = [Withdraw(refusal.message), Record(refused_entry(self.channel, self._terms.number(), refusal))]
            self._question = None
        if self._phase is Phase.RUNNING and self._running is not None:
            return steps + self._running.client_received(Close())
        steps += self._outcome(started=False)
        return self._over([*steps, ToClient(Close()), Finish(Outcome("closed"))])

    def _unless_forbidden(self, produce: Callable[[], list[Step]]) -> list[Step]:
        try:
            return self._heard(produce())
        except Objection as objection:
            return self._objected(objection)

    def _objected(self, objection: Objection) -> list[Step]:
        """What may not go in ends the command, and none of it was sent."""
        if objection.refusal is not None:
            entry = refused_entry(self.channel, self._terms.number(), objection.refusal)
        else:
            entry = notice_entry(self.channel, str(objection), mask=objection.mask)
        told = [Record(entry), *self._hang_up()]
        return told + self._goodbye(str(objection), REFUSED, Outcome("closed"), ended="refused")

    # -- in front of the command ----------------------------------------------------------------------------------

    def _requested(self, request: Request) -> list[Step]:
        try:
            if request.name in names.STARTS:
                return self._started(request)
            if request.name == names.PTY:
                self._setup.terminal = names.parse_terminal(request.data)
                return self._answer(request, True)
            if request.name == names.ENV:
                return self._variable(request)
            if request.name == names.RESIZE:
                self._setup.resize(names.parse_size(request.data))
                return self._answer(request, True)
        except ValueError as error:
            return self._refuse(request, str(error))
        if request.name == names.X11:
            return self._ask(side_command("x11"), lambda verdict: self._display(request, verdict))
        if request.name == names.AGENT:
            return self._ask(side_command("agent"), lambda verdict: self._agent(request, verdict))
        return self._refuse(request, "is not one that comes before a command")

    def _variable(self, request: Request) -> list[Step]:
        name, value = names.parse_env(request.data)
        if self._setup.variable(name, value):
            return self._answer(request, True)
        return self._refuse(request, f"variable {names.shown(name)[:256]} does not reach this target")

    def _display(self, request: Request, verdict: Verdict) -> list[Step]:
        if isinstance(verdict, Admission):
            self._setup.display = request
            self.granted[b"x11"] = verdict.decision.content
        return self._side(request, verdict)

    def _agent(self, request: Request, verdict: Verdict) -> list[Step]:
        if isinstance(verdict, Admission):
            self._setup.agent = request
            self.granted[b"auth-agent@openssh.com"] = verdict.decision.content
        return self._side(request, verdict)

    def _side(self, request: Request, verdict: Verdict) -> list[Step]:
        """Display and agent, by rule only (S12, S24): the answer, behind its record."""
        number = self._terms.number()
        if isinstance(verdict, Admission):
            entry = command_entry(self.channel, number, verdict, {})
        else:
            entry = refused_entry(self.channel, number, verdict)
        return [Record(entry), *self._answer(request, isinstance(verdict, Admission))]

    def _answer(self, request: Request, ok: bool) -> list[Step]:
        return [ToClient(reply) for reply in self._replies.now(ok)] if request.want_reply else []

    def _refuse(self, request: Request, why: str) -> list[Step]:
        """A request that goes no further (S12, S16); a flood of them is not recorded one by one (R10)."""
        self._notices += 1
        steps: list[Step] = []
        if self._notices <= NOTICES:
            entry = notice_entry(self.channel, f"request {names.shown(request.name)[:256]} refused: {why}")
            steps.append(Record(entry))
        return steps + self._answer(request, False)

    # -- the command ----------------------------------------------------------------------------------------------

    def _started(self, request: Request) -> list[Step]:
        text = b"" if request.name == names.SHELL else names.parse_text(request.data)
        self._start, self._phase = request, Phase.ASKING
        self._reading = self._terms.read(text) if request.name == names.EXEC else None
        command = start_command(request.name, text, self._setup, self._reading, self._terms.masks)
        if request.name == names.SHELL and self._terms.exec_only:
            # C3: what is typed into a shell can only be judged by its echo.
            return self._refused(
                refused_here(command, "exec_only", "this target takes commands only", "Give ssh the command to run.")
            )
        if self._raw and is_transfer(request, self._reading):
            # S15: a terminal erases, ends and translates lines, so its program reads other bytes than its judge.
            why = "what a terminal makes of the bytes of a transfer cannot be judged"
            return self._refused(refused_here(command, "terminal", why, "Ask for no terminal: ssh -T."))
        if cannot_be_judged(self._reading):
            why = "the files of this transfer cannot be told, so they cannot be judged (S15)"
            return self._refused(refused_here(command, "transfer", why, "Run scp or sftp-server by itself."))
        return self._ask(command, self._command_decided)

    def _ask(self, command: Command, then: Callable[[Verdict], list[Step]]) -> list[Step]:
        self._command, self._question = command, then
        return [Ask(command)]

    def decided(self, verdict: Verdict) -> list[Step]:
        """See IRelay."""
        question, self._question, self._waiting_for = self._question, None, None
        if question is None or self._phase is Phase.OVER:
            return []
        return self._unless_forbidden(lambda: question(verdict)) + self._resume()

    def _heard(self, steps: list[Step]) -> list[Step]:
        """What runs may have asked about one operation, or be over."""
        running = self._running
        if running is not None and running.asked is not None:
            self._command, self._question, running.asked = running.asked, running.decided, None
        elif steps and isinstance(steps[-1], Finish):
            self._over(steps)
        return steps

    def _resume(self) -> list[Step]:
        """What was held back goes on; what has to wait again is held back again, in the same order."""
        if self._holds:
            return []
        steps: list[Step] = []
        for event in self._held.take():
            steps += self.client_received(event)
        return steps

    def _command_decided(self, verdict: Verdict) -> list[Step]:
        if isinstance(verdict, Refusal):
            return self._refused(explained(verdict, self._reading))
        assert self._start is not None
        number = self._terms.number()
        self._running = self._run(verdict, number, self._start)
        self._phase = Phase.OPENING
        return [Record(command_entry(self.channel, number, verdict, self._setup.entry())), ToTarget(Open(SESSION))]

    def _run(self, admission: Admission, number: int, start: Request) -> Running:
        terms, decision, terminal = self._terms, admission.decision, self._setup.terminal
        judge = judge_of(self.channel, number, start, self._reading, terms, terminal)
        if is_transfer(start, self._reading):
            streams = transfer_streams(self.channel, decision, terms, judge)
        else:
            streams = text_streams(self.channel, decision, terms, terminal is not None)
        return Running(self.channel, number, start, self._setup.requests(), self._replies, streams, judge)

    def _refused(self, refusal: Refusal, status: int = REFUSED) -> list[Step]:
        text = refusal_json(refusal, self._terms.session) if self._setup.as_json else refusal_text(refusal)
        entry = refused_entry(self.channel, self._terms.number(), refusal)
        return [Record(entry), *self._goodbye(text, status, Outcome("closed"))]

    def _given_up(self) -> list[Step]:
        assert self._command is not None
        refusal = withdrawn(self._command, self._waiting_for)
        self._question = None
        return [Withdraw(refusal.message), *self._refused(refusal, GIVEN_UP)]

    def _line_given_up(self) -> list[Step]:
        """Ctrl-C while a line that was typed waits for approval."""
        question, command = self._question, self._command
        if question is None or command is None:
            return []
        refusal = withdrawn(command, self._waiting_for)
        self._question = None
        return [Withdraw(refusal.message), *self._unless_forbidden(lambda: question(refusal)), *self._resume()]

    def held(self, request: ApprovalRequest, decision: Decision) -> list[Step]:
        """See IRelay: told on stderr."""
        if self._question is None:
            return []
        self._waiting_for = decision
        return [ToClient(said(waiting_text(request, decision), self._raw))]

    def cancelled(self) -> list[Step] | None:
        """See IRelay."""
        return self._given_up() if self._phase is Phase.ASKING and self._question is not None else None

    def refreshed(self) -> list[Step]:
        """See IRelay; nothing is asked to be refreshed."""
        return []

    # -- the target -----------------------------------------------------------------------------------------------

    def target_received(self, data: Event) -> list[Step]:
        """See IRelay: an event of the target's channel."""
        if self._phase is Phase.OVER or self._running is None:
            return []
        if self._phase is Phase.RUNNING:
            return self._heard(self._running.target_received(data))
        if isinstance(data, Opened):
            self._phase = Phase.RUNNING
            return self._running.begin() + self._resume()
        if isinstance(data, OpenFailed):
            return self._goodbye(f"hoop: {data.text}", UNREACHABLE, Outcome("closed"), started=False)
        return []

    # -- the edges ------------------------------------------------------------------------------------------------

    def flush(self) -> list[Step]:
        """A moment has passed: what is held back for want of more goes on."""
        running = self._running
        if running is None or self._phase is not Phase.RUNNING or self._question is not None:
            return []
        return self._unless_forbidden(running.flush)

    def ended(self, code: str, message: str) -> list[Step]:
        """See IRelay: told on stderr."""
        if self._phase is Phase.OVER:
            return []
        return self._hang_up() + self._goodbye(message, UNREACHABLE, Outcome("ended", message), ended=message)

    def _hang_up(self) -> list[Step]:
        """A command that the gateway ends is told so; sshd would let one without a terminal run on.

        OpenSSH's passes signals on for everybody but root.
        """
        runs = self._phase is Phase.RUNNING
        return [ToTarget(Request(names.SIGNAL, string(b"HUP")))] if runs else []

    def lost(self, side: Side) -> list[Step]:
        """See IRelay."""
        if self._phase is Phase.OVER:
            return []
        text = f"the {side} is gone"
        outcome = Outcome(f"{side}-lost", text)
        if side == "target":
            return self._goodbye(f"hoop: {text}", UNREACHABLE, outcome, ended=text)
        return self._over([*self._outcome(ended=text), ToTarget(Close()), Finish(outcome)])

    def _outcome(self, **more: object) -> list[Step]:
        return self._running.outcome(**more) if self._running is not None else []

    def _goodbye(self, text: str, status: int, outcome: Outcome, **more: object) -> list[Step]:
        """The last words of the gateway on a channel that it ends itself, behind the record of how it ended."""
        rest = self._running.rest() if self._running is not None else []
        replies = self._replies.settle(True)
        if self._running is None or self._phase is Phase.OPENING:  # its request was not answered yet
            replies += self._replies.now(True) if self._start is not None and self._start.want_reply else []
        words = [*replies, said(text, self._raw), *farewell(status)]
        return self._over([*rest, *self._outcome(**more), *(ToClient(event) for event in words), Finish(outcome)])

    def _over(self, steps: list[Step]) -> list[Step]:
        self._phase, self._question = Phase.OVER, None
        return steps

    @property
    def _raw(self) -> bool:
        return self._setup.terminal is not None
