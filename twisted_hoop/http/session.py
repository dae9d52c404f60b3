"""Requests of one principal to one target, from one address: one recording, one entry in the registry.

A session opens with the first request and closes some seconds after the last: HTTP has no log-out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.errors import RecordingFailed, UnknownTarget
from twisted_hoop.http.exchange import Terms
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.recording import ExchangeRecording
from twisted_hoop.http.sharing import Shared
from twisted_hoop.interfaces import IRecording
from twisted_hoop.model import Command, Decision, Outcome, Session, Verdict
from twisted_hoop.services import Services

IDLE = 30.0
"""Seconds without a request after which a session closes."""


class Running(Protocol):
    """An exchange under way."""

    def end(self, code: str, message: str) -> None:
        """End it, telling the client."""

    def cancel(self) -> None:
        """Take back what it waits for."""

    def judge_again(self, judge: Callable[[Command], Verdict | Decision]) -> None:
        """The rules have changed: an answer under way ends when they would not let it begin."""


class HttpSession:
    """See the module, and Ending for what the registry may do."""

    log: ClassVar[Logger] = Logger()

    def __init__(
        self, services: Services[HttpHall], session: Session, recording: IRecording, hall: HttpHall, admitted: Decision
    ) -> None:
        self.session = session
        self.hall = hall
        self.over = False
        self.running: set[Running] = set()
        self.shared = Shared(services.gate, services.reactor.seconds)
        self.recording = ExchangeRecording(recording, services.reactor.seconds, self._recording_failed)
        self.terms = Terms(session, hall.dialect, hall.host, admitted, self._masks, self._another)
        self.commands = 0
        self._rules = admitted.policy_version
        self._services = services
        self._recording = recording
        self._numbers = itertools.count(1)
        self._last = services.reactor.seconds()
        self._timer: Any = services.reactor.callLater(IDLE, self._look)
        services.sessions.open(session, self)
        services.observe(session, None, 0)

    def _masks(self, decision: Decision) -> Any:
        names = self._services.masks(self.session)
        return self.hall.masks(names | decision.masks if decision.masks else names)

    def begins(self, exchange: Running) -> int:
        """Another request; its number."""
        self.running.add(exchange)
        return self._another()

    def _another(self) -> int:
        self.commands = next(self._numbers)
        return self.commands

    def ends(self, exchange: Running) -> None:
        """A request has been answered, or given up."""
        self.running.discard(exchange)
        self._last = self._services.reactor.seconds()

    def _look(self) -> None:
        """Whether it has been idle long enough to close."""
        left = self._last + IDLE - self._services.reactor.seconds()
        if self.running or left > 0:
            self._timer = self._services.reactor.callLater(IDLE if self.running else max(left, 0.1), self._look)
        else:
            self._timer = None
            self._finish(Outcome("closed"))

    # -- what the registry may do ---------------------------------------------------------------------------------

    def activity(self) -> tuple[int, bool, bool]:
        """(requests so far, whether one runs or waits, False): for limits."""
        return self.commands, bool(self.running), False

    def outdated(self) -> bool:
        """See Ending. What is known here, masks above all, is then not what is in force (R13).

        Rules alone hold for requests to come, and for answers under way: a watch, or a log, would go on for ever.
        """
        version = self._services.policy().version
        if version != self._rules:
            self._rules = version
            for each in list(self.running):
                each.judge_again(lambda command: self._services.gate.judge(self.session, command))
        try:
            return self._services.hall(self.session.target.name) is not self.hall
        except UnknownTarget:
            return True

    def end(self, code: str, message: str) -> None:
        """See Ending."""
        if not self.over:
            self._end_all(code, message)
            self._finish(Outcome("ended", message))

    def cancel(self) -> None:
        """See Ending."""
        for each in list(self.running):
            each.cancel()

    # -- the end --------------------------------------------------------------------------------------------------

    def _end_all(self, code: str, message: str) -> None:
        for each in list(self.running):
            each.end(code, message)

    def _recording_failed(self, error: RecordingFailed) -> None:
        """Nothing more is carried, by any exchange (R1). The one whose entry it was ends itself first."""
        if not self.over:
            self._services.reactor.callLater(0, self._give_up, error)

    def _give_up(self, error: RecordingFailed) -> None:
        if self.over:
            return
        self.log.error("recording failed, session ends: {error}", error=str(error), session=self.session.id)
        message = "hoop: the recording failed, the session ends"
        self._end_all("58030", message)
        self._finish(Outcome("failed", f"{message} ({error})"))

    def _finish(self, outcome: Outcome) -> None:
        """Everything that must happen when a session is over, once."""
        if self.over:
            return
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        services = self._services
        services.sessions.close(self.session.id)
        services.approver.ended(self.session)
        closing: Any = self._recording.close(outcome)
        if isinstance(closing, Deferred):
            closing.addErrback(lambda f: self.log.error("a recording did not close: {e}", e=str(f.value)))
        services.observe(self.session, outcome, self.commands)
