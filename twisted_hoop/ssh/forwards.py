"""Forwarded channels and requests to listen as pure logic: asked for before anything opens, counted, recorded (S10).

A channel that the client opens leads through the target's own sshd; one that the target opens leads back to the client,
and only where it was granted before. A request to listen has the same shape: asked, passed on, answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Union

from zope.interface import implementer

from twisted_hoop.interfaces import IRelay
from twisted_hoop.model import ApprovalRequest, Command, Decision, Outcome, Refusal, Verdict
from twisted_hoop.recording.streams import stream_entry
from twisted_hoop.ssh.entries import command_entry, notice_entry, outcome_entry, refused_entry
from twisted_hoop.ssh.events import (
    ADMINISTRATIVELY_PROHIBITED,
    Close,
    Data,
    Eof,
    Event,
    Open,
    Opened,
    OpenFailed,
    Reply,
    Request,
)
from twisted_hoop.ssh.telling import refusal_text
from twisted_hoop.steps import Ask, Finish, Record, Side, Step, ToClient, ToTarget, Withdraw

To = Union[type[ToClient], type[ToTarget]]
_CLOSED = Outcome("closed")


@implementer(IRelay)
class ForwardRelay:
    """See the module and IRelay. `command` is what is asked before the client's wish is passed on; None for a channel
    that the target opens. `lasts` is false for a request to listen, which is over once it is answered.
    """

    def __init__(
        self,
        channel: int,
        number: Callable[[], int],
        command: Command | None,
        *,
        about: str = "",
        content: bool = False,
        lasts: bool = True,
    ) -> None:
        self.channel = channel
        self.granted: Mapping[bytes, bool] = {}
        self.moved = 0
        self.waiting = False
        self._count = number
        self._number = 0
        self._command = command
        self._about = about
        self._content = content
        self._lasts = lasts
        self._wish: Open | None = None
        self._asking = False
        self._open = False
        self._over = False
        self._sizes = {ToTarget: 0, ToClient: 0}

    @property
    def content(self) -> bool:
        """Whether the bytes themselves are recorded."""
        return self._content

    @property
    def busy(self) -> bool:
        """Whether anything waits or flows."""
        return not self._over

    def held_back(self) -> int:
        """See IRelay: nothing comes before the channel is open."""
        return 0

    # -- opening --------------------------------------------------------------------------------------------------

    def client_received(self, data: Event) -> list[Step]:
        """See IRelay: an event of the client's channel, or its wish."""
        if isinstance(data, Open) and self._command is not None:
            self._wish, self._asking = data, True
            return [Ask(self._command)]
        return self._received(data, ToTarget, ToClient)

    def target_received(self, data: Event) -> list[Step]:
        """See IRelay: an event of the target's channel, or its wish."""
        if isinstance(data, Open) and self._command is None:
            kind = data.kind.decode("ascii", "backslashreplace")
            return [Record(notice_entry(self.channel, f"the target opens {kind}: {self._about}")), ToClient(data)]
        return self._received(data, ToClient, ToTarget)

    def decided(self, verdict: Verdict) -> list[Step]:
        """See IRelay."""
        if not self._asking or self._over or self._wish is None:
            return []
        self._asking = False
        self._number = self._count()
        if isinstance(verdict, Refusal):
            entry = refused_entry(self.channel, self._number, verdict)
            return self._refused(Record(entry), refusal_text(verdict))
        self._content = verdict.decision.content
        return [Record(command_entry(self.channel, self._number, verdict, {})), ToTarget(self._wish)]

    def _refused(self, record: Record, text: str) -> list[Step]:
        self._over = True
        return [record, ToClient(OpenFailed(ADMINISTRATIVELY_PROHIBITED, text)), Finish(_CLOSED)]

    def held(self, request: ApprovalRequest, decision: Decision) -> list[Step]:
        """See IRelay: a channel that is not open yet has nowhere to say so."""
        return []

    # -- flowing --------------------------------------------------------------------------------------------------

    def _received(self, event: Event, on: To, back: To) -> list[Step]:
        if self._over:
            return []
        match event:
            case Data():
                return self._flows(event, on)
            case Eof():
                return [on(event)]
            case Opened():
                return self._opened(on(event))
            case OpenFailed():
                return self._ended(on(event), opened=False)
            case Close():
                return self._ended(on(event), back(event))
            case Request():
                return [back(Reply(False))] if event.want_reply else []
        return []

    def _opened(self, passed: Step) -> list[Step]:
        self._open = True
        return [passed] if self._lasts else self._ended(passed)

    def _flows(self, event: Data, on: To) -> list[Step]:
        size = len(event.data)
        self._sizes[on] += size
        self.moved += size
        if not self._content:
            return [on(event)]
        kind, stream = ("input", "to target") if on is ToTarget else ("output", "to client")
        return [Record(stream_entry(kind, self.channel, stream, event.data)), on(event)]

    # -- ending ---------------------------------------------------------------------------------------------------

    def _ended(self, *passed: Step, opened: bool = True, **more: object) -> list[Step]:
        return [*self._outcome(opened=opened, **more), *passed, Finish(_CLOSED)]

    def _outcome(self, **more: object) -> list[Step]:
        self._over = True
        sizes: dict[str, object] = {}
        if self._lasts:
            sizes = {"to_target": self._sizes[ToTarget], "to_client": self._sizes[ToClient]}
        return [Record(outcome_entry(self.channel, self._number, **sizes, **more))]

    def ended(self, code: str, message: str) -> list[Step]:
        """See IRelay."""
        return self._stopped(Outcome("ended", message), message)

    def lost(self, side: Side) -> list[Step]:
        """See IRelay."""
        return self._stopped(Outcome(f"{side}-lost", f"the {side} is gone"), f"the {side} is gone")

    def _stopped(self, outcome: Outcome, text: str) -> list[Step]:
        if self._over:
            return []
        last = Close() if self._open else OpenFailed(ADMINISTRATIVELY_PROHIBITED, text)
        told = self._outcome(opened=self._open, ended=text) if self._number or self._command is None else []
        self._over = True
        return [*told, ToClient(last), ToTarget(last), Finish(outcome)]

    def cancelled(self) -> list[Step] | None:
        """See IRelay."""
        if not self._asking:
            return None
        self._asking, self._over = False, True
        return [Withdraw("the client gave up"), Finish(_CLOSED)]

    def refreshed(self) -> list[Step]:
        """See IRelay; nothing is asked to be refreshed."""
        return []

    def flush(self) -> list[Step]:
        """Nothing is held back."""
        return []
