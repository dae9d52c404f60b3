"""One PostgreSQL session after log-in, as pure logic: the two directions joined, and what happens at its edges."""

from __future__ import annotations

from collections.abc import Callable

from zope.interface import classImplements

from twisted_hoop.interfaces import IRelay
from twisted_hoop.model import ApprovalRequest, Decision, Effect, Outcome, Refusal, Verdict
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.binding import InwardMasks
from twisted_hoop.postgres.client_side import ClientSide
from twisted_hoop.postgres.hiding import Hiding
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.letters import IDLE
from twisted_hoop.postgres.registry import Registry
from twisted_hoop.postgres.state import Run, State
from twisted_hoop.postgres.target_side import TargetSide, split_path
from twisted_hoop.postgres.wire import Rewriter
from twisted_hoop.steps import Finish, Record, Side, Step, ToClient, ToTarget, Withdraw


def _nobody(kind: int, body: bytes) -> bytes | None:
    raise AssertionError("a message came before there was anybody to read it")


def _no_masks() -> frozenset[str]:
    return frozenset()


class PostgresRelay:
    """See IRelay. `masks` tells the names of the masks that hold for the session now; a reload may change them.

    `parameters` is what the target reported at log-in; `path` its search_path when it did not report that.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        parameters: dict[str, str],
        *,
        masks: Callable[[], frozenset[str]] = _no_masks,
        path: str = "",
        database: str = "",
        login: str = "",
        statements: int = 1000,
        functions: frozenset[int] = frozenset(),
    ) -> None:
        rewriter = Rewriter(_nobody)
        self._state = State(knowledge, Registry(statements), rewriter, masks, parameters=dict(parameters), login=login)
        reported = parameters.get("search_path")
        self._state.path_reported = reported is not None
        self._state.path = split_path(reported or path, login)
        self._state.database = database
        self._inward = InwardMasks(self._state)
        self._client = ClientSide(self._state, self._inward, functions)
        self._target = TargetSide(self._state, Hiding(self._state), self._copy_in)
        rewriter.listener = self._target.message
        self._waiting: Decision | None = None
        self._closing = False

    def _copy_in(self, run: Run | None, body: bytes) -> None:
        self._client.copy_in_started(self._inward.copy_started(run, body))

    def held_back(self) -> int:
        """See IRelay."""
        return self._client.waiting() if self._client.asking else 0

    @property
    def asking(self) -> bool:
        """Whether a question is outstanding."""
        return self._client.asking

    @property
    def busy(self) -> bool:
        """Whether the target owes answers: a cancel is passed on only then."""
        return bool(self._state.expects)

    @property
    def in_transaction(self) -> bool:
        """Whether the last ReadyForQuery told of an open transaction."""
        return self._state.transaction != IDLE

    def client_received(self, data: bytes) -> list[Step]:
        """See IRelay. Raises ProtocolError."""
        return self._client.received(data)

    def target_received(self, data: bytes) -> list[Step]:
        """See IRelay. Raises ProtocolError."""
        out = self._state.rewriter.feed(data)
        steps: list[Step] = self._state.take_records()
        if out:
            steps.append(ToClient(out))
        return steps + self._client.answered()

    def decided(self, verdict: Verdict) -> list[Step]:
        """See IRelay."""
        self._waiting = None
        return self._client.decided(verdict)

    def held(self, request: ApprovalRequest, decision: Decision) -> list[Step]:
        """See IRelay: the statement takes longer, a notice says why."""
        question = self._client.question
        if question is None:
            return []
        self._waiting = decision
        reason = f": {decision.reason}" if decision.reason else ""
        who = ", ".join(sorted(decision.approvers))
        text = f"hoop: waiting for approval{reason}"
        detail = f"Request {request.id}, rule {decision.rule}; {decision.quorum} of: {who}."
        told = pg.notice(text, detail, f"Approve or deny at {request.url} - or: hoop approvals approve {request.id}")
        return [*self._client.flush(), ToClient(told)]

    def refreshed(self) -> list[Step]:
        """See IRelay."""
        return self._client.refreshed()

    def cancelled(self) -> list[Step] | None:
        """See IRelay: a waiting command is withdrawn with 57014."""
        question = self._client.question
        if question is None:
            return None
        decision = self._waiting or Decision(Effect.REVIEW, "review")
        command, self._waiting = question.command, None
        reason = "canceling statement due to user request while it waited for approval"
        refusal = Refusal(command, decision, "withdrawn", reason)
        return [Withdraw("cancelled by the client"), *self._client.decided(refusal)]

    def ended(self, code: str, message: str) -> list[Step]:
        """See IRelay: one FATAL, then the end."""
        if self._closing:
            return []
        self._closing = True
        return [ToClient(pg.fatal(code, message)), Finish(Outcome("ended", message))]

    def lost(self, side: Side) -> list[Step]:
        """See IRelay. A client whose target is gone gets exactly one FATAL."""
        if self._closing:
            return []
        self._closing = True
        if side == "client":
            return [ToTarget(pg.message(b"X")), Finish(Outcome("client-lost", "the client is gone"))]
        text = "the target closed the connection"
        if self._state.said_farewell:
            return [Finish(Outcome("target-lost", text))]
        return [ToClient(pg.fatal("08006", f"hoop: {text}")), Finish(Outcome("target-lost", text))]

    def recorded_close(self) -> list[Record]:
        """What is still to be written when the session ends; whatever it renamed is over too."""
        self._state.end_renaming()
        return [s for s in self._state.take_records() if isinstance(s, Record)]


classImplements(PostgresRelay, IRelay)  # a decorator would keep mypyc from making it native
