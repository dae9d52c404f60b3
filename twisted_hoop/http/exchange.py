"""One request and its answer, as an IRelay: what is judged, recorded, forwarded and answered, in which order. Pure.

The request's side is here, the answer's in `answering.py`. Bytes of a client that waits (for a verdict, for the disk)
are held and counted; nothing else is ever collected but what a dialect wants to see before it judges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.ahead import Ahead, Let
from twisted_hoop.http.answering import Answering
from twisted_hoop.http.dialect import BodyFilter, BodyRefused, Dialect, Lookup, Reading, Tunnel
from twisted_hoop.http.entries import command_entry, notice_entry, refused_entry
from twisted_hoop.http.framing import Body, body_of, outgoing_framing
from twisted_hoop.http.looking import WHOLE, asking, with_findings
from twisted_hoop.http.mediatypes import readable
from twisted_hoop.http.messages import Answer, Framing, Headers
from twisted_hoop.http.reading import Heads, Request
from twisted_hoop.http.writing import CONTINUE, LAST_CHUNK, answer_bytes, chunk, request_start
from twisted_hoop.model import (
    Admission,
    Approval,
    ApprovalRequest,
    Command,
    Decision,
    Facts,
    Outcome,
    Session,
    Verdict,
)
from twisted_hoop.settings import MaskSection
from twisted_hoop.steps import Ask, Finish, Record, Side, Step, ToClient, ToTarget, Withdraw

DONE = Outcome("closed")
_GONE, _LEFT = "the target is gone", "the client left"
"""An exchange that came to its end."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the exchanges of a session are told. `host` is the Host that the target is sent; `open` lets in what needs
    no rule; `masks` gives the masks under a decision; `another` the number of a request the gateway makes by itself.
    """

    session: Session
    dialect: Dialect
    host: bytes
    open: Decision
    masks: Callable[[Decision], Sequence[MaskSection]]
    another: Callable[[], int]


class Exchange:
    """See the module. `close` says whether the client's connection ends with it, `cut` that its answer is not whole."""

    def __init__(self, terms: Terms, heads: Heads, request: Request, number: int, reason: str = "") -> None:
        self.request = request
        self.close = not request.keep_alive
        self.cut = False
        self.finished = False
        self.request_id = f"{terms.session.id}-{number}"
        self._terms = terms
        self._number = number
        self._reason = reason
        self._body: Body = body_of(request.head.framing, request.head.length)
        self._reading: Reading | None = None
        self._collecting = False
        self._looks: tuple[MaskSection, ...] = ()
        self._asking: Command | None = None
        self.admitted: Command | None = None
        """What was let in by a rule, without what people were shown of it."""
        self._waiting: list[bytes] = []
        self._held = 0
        self._pending: ApprovalRequest | None = None
        self._filter: BodyFilter | None = None
        self._framing = Framing.NONE
        self._recorded = False
        self._heads = heads
        self._ahead: Ahead | None = None
        self._let: Let | None = None
        self._answering = Answering(self, heads, terms.dialect, number)

    # -- what others ask ------------------------------------------------------------------------------------------

    @property
    def surplus(self) -> bytes:
        """What the client sent behind the request: its next one."""
        return self._body.surplus

    @property
    def sent(self) -> bool:
        """Whether the whole request was given to the target."""
        return self._recorded and self._body.complete

    @property
    def reusable(self) -> bool:
        """Whether the target's connection may carry another request (K8)."""
        if not self._recorded:
            return self.again
        return self.finished and self.sent and self._answering.reusable

    @property
    def again(self) -> bool:
        """Whether it may carry the client's request after one of ours."""
        return self._ahead is not None and self._ahead.reusable

    @property
    def uploading(self) -> bool:
        """Whether the client has not sent the whole request."""
        return not self._body.complete

    @property
    def key(self) -> str:
        """Under which its decision is shared; "" for what goes over an upgraded connection."""
        return "" if self._reading is None or self._answering.tunnel is not None else self._reading.key

    @property
    def tunnelled(self) -> bool:
        """Whether its connections were upgraded."""
        return self._answering.tunnel is not None

    @property
    def answered(self) -> bool:
        """Whether the target has begun to answer."""
        looks = self._ahead is not None and not self._recorded and self._ahead.status > 0
        return looks or self._answering.response is not None

    @property
    def turned_away(self) -> bool:
        """Whether the target did not take the gateway's credential."""
        response = self._answering.response
        ahead = self._ahead.status if self._ahead is not None else 0
        return ahead == 401 or (response is not None and response.head.status == 401)

    @property
    def quiet(self) -> bool:
        """Whether somebody holds something back that a pause sets free: see `tick`."""
        return not self.finished and self._answering.holding

    @property
    def phase(self) -> str:
        """What is waited for: "body" (of the client), "verdict", "answer" (of the target), "stream" (of either)."""
        if self._asking is not None:
            return "verdict"
        if self._answering.response is not None:
            return "stream"
        return "answer" if self._body.complete else "body"

    # -- the request ----------------------------------------------------------------------------------------------

    def begin(self) -> list[Step]:
        """Its head is there."""
        head = self.request.head
        try:
            self._reading = reading = self._terms.dialect.read(head)
        except ProtocolError as error:
            return self.failed(status_of(error), str(error))
        self._looks = () if reading.open else asking(head, self._terms.masks(self._terms.open))
        if (reading.wants or self._looks) and not self._body.complete:
            self._collecting = True
            return [ToClient(CONTINUE)] if self.request.expects else []
        return self._judge(reading)

    def client_received(self, data: bytes) -> list[Step]:
        """See IRelay."""
        tunnel = self._answering.tunnel
        if tunnel is not None:
            return self.of_tunnel(lambda: tunnel.client_received(data))
        body = self._body
        if body.complete:
            body.surplus += data
            return []
        try:
            payload = body.feed(data)
        except ProtocolError as error:
            return self.failed(status_of(error), str(error))
        if self.finished:
            return []
        if self._collecting:
            return self._collected(payload)
        if self._asking is not None:
            self._wait(payload)
            return []
        return self._forward(payload)

    def _wait(self, payload: bytes) -> None:
        if payload:
            self._waiting.append(payload)
            self._held += len(payload)

    def _collected(self, payload: bytes) -> list[Step]:
        self._wait(payload)
        assert self._reading is not None
        wanted = WHOLE if self._looks else self._reading.wants
        if self._held < wanted and not self._body.complete:
            return []
        self._collecting = False
        return self._judge(self._reading)

    def _judge(self, reading: Reading) -> list[Step]:
        context: tuple[tuple[str, str], ...] = ()
        if reading.wants:
            body = b"".join(self._waiting)
            self._waiting = [body]
            try:
                reading = self._terms.dialect.with_body(self.request.head, reading, body[: reading.wants])
            except ProtocolError as error:
                return self.failed(status_of(error), str(error))
            if body:  # an empty one is none: kubectl's exec over SPDY has one, over a WebSocket it has not
                context = (("body", hashlib.sha256(body).hexdigest()),)
        self._reading = reading
        facts = reading.facts
        if self._looks:
            try:
                found = self._found(reading)
            except BodyRefused as error:
                return self.body_refused(error)
            if found is not None:
                facts, context = found, (("body", hashlib.sha256(b"".join(self._waiting)).hexdigest()),)
        if reading.unseen:  # A4: what people do not see they have not agreed to in another form
            context = (*context, ("unseen", reading.unseen))
        command = Command(reading.action, reading.text, facts, reading.parameters, context, self._reason)
        if reading.parameters:  # as long as the body: the command alone keeps them, until it is decided (K10)
            self._reading = replace(reading, parameters=())
        if reading.open:
            return self._admit(command, self._terms.open, None)
        self._asking = command
        return [Ask(command)]

    def _found(self, reading: Reading) -> tuple[Facts, ...] | None:
        """What masks that ask people found in the body, as facts. Those have nothing to refuse later."""
        if not self._body.complete:
            self._looks = ()
            return None
        return with_findings(self._terms.dialect, self.request.head, reading, self._looks, b"".join(self._waiting))

    def decided(self, verdict: Verdict) -> list[Step]:
        """See IRelay."""
        tunnel = self._answering.tunnel
        if tunnel is not None:
            return self.of_tunnel(lambda: tunnel.decided(verdict))
        command, self._asking = self._asking, None
        assert command is not None
        if self._ahead is not None:
            return self._decided_ahead(self._ahead, verdict)
        if isinstance(verdict, Admission):
            return self._admit(command, verdict.decision, verdict.approval)
        answer = self._terms.dialect.refusal(self.request.head, verdict, self._terms.session, self.request_id)
        return [Record(refused_entry(self._number, verdict)), *self._own(answer), self._finish()]

    def _admit(self, command: Command, decision: Decision, approval: Approval | None) -> list[Step]:
        """Nothing is in front of the record; what goes in was looked at before anything is sent."""
        terms, head = self._terms, self.request.head
        assert self._reading is not None
        masks = terms.masks(decision)
        try:
            outgoing = terms.dialect.outgoing(head, self._reading, terms.session)
        except ProtocolError as error:
            return self.failed(status_of(error), str(error))
        outgoing = readable(outgoing) if masks else outgoing
        self._answering.admitted(self._reading, decision, masks, self._told(decision, approval))
        looks = [mask for mask in masks if mask not in self._looks] if self._looks else masks
        self._filter = (
            terms.dialect.request_body(head, self._reading, looks) if head.framing is not Framing.NONE else None
        )
        payload, self._waiting, self._held = b"".join(self._waiting), [], 0
        let = Let(command, decision, approval, outgoing)
        try:
            payload = self._filtered(payload)
        except Lookup as needed:
            return self._look_up(needed, let)
        except BodyRefused as error:
            return self.body_refused(error)
        return self._send(let, payload)

    def _send(self, let: Let, payload: bytes, restored: int = 0) -> list[Step]:
        """What goes in was looked at; `restored` values in it were put back."""
        head, command, complete = self.request.head, let.command, self._body.complete
        assert self._reading is not None
        self._framing = outgoing_framing(head.framing, complete, self._filter is not None)
        length = len(payload) if complete else head.length
        start = request_start(let.outgoing, self._terms.host, self._framing, length)
        start.body = payload if self._framing is not Framing.CHUNKED else chunk(payload)
        self._recorded = True
        if not self._reading.open:
            self.admitted = replace(command, parameters=()) if command.parameters else command
        upgrade = head.upgrade != b""
        entry = command_entry(self._number, command, let.decision, let.approval, upgrade, restored=restored)
        steps: list[Step] = [Record(entry), ToTarget(start)]
        if self.request.expects and not complete:
            steps.append(ToClient(CONTINUE))
        return steps

    # -- a request of ours ahead of it ----------------------------------------------------------------------------

    def _look_up(self, needed: Lookup, let: Let) -> list[Step]:
        """What is sent depends on what the target has: that is asked for by the same rules, in the same name."""
        terms = self._terms
        try:
            ahead = Ahead(needed, terms.dialect, terms.session, self._heads, terms.another(), self._number)
        except ProtocolError:
            return self.body_refused(needed)
        self._ahead, self._let, self._asking = ahead, let, ahead.command
        return [Ask(ahead.command)]

    def _decided_ahead(self, ahead: Ahead, verdict: Verdict) -> list[Step]:
        if isinstance(verdict, Admission):
            try:
                return ahead.begin(self._terms.host, verdict.decision, verdict.approval)
            except ProtocolError as error:
                return self.failed(status_of(error), str(error))
        entry = refused_entry(ahead.number, verdict)
        why = f"the object whose masked values come back may not be read: {verdict.message}"
        told = replace(verdict, message=why)
        answer = self._terms.dialect.refusal(self.request.head, told, self._terms.session, self.request_id)
        return [Record(entry), *self._own(answer), Record(notice_entry(self._number, why)), self._finish()]

    def _received_ahead(self, ahead: Ahead, data: bytes) -> list[Step]:
        ahead.received(data)
        if not ahead.whole:
            return []
        assert self._let is not None
        looked: list[Step] = [Record(ahead.outcome())]
        try:
            payload, restored = ahead.needed.finish(ahead.status, ahead.answer)
        except BodyRefused as error:
            return looked + self.body_refused(error)
        return looked + self._send(self._let, payload, restored)

    def _left_ahead(self, why: str) -> list[Step]:
        """The outcome of a request of ours that is given up."""
        ahead = self._ahead
        return [Record(ahead.outcome(why))] if ahead is not None and ahead.sent and not ahead.whole else []

    def _told(self, decision: Decision, approval: Approval | None) -> Headers:
        return () if self._pending is None else self._terms.dialect.told(self._pending, decision, approval)

    def _filtered(self, payload: bytes) -> bytes:
        looked = self._filter
        if looked is None:
            return payload
        out = looked.feed(payload) if payload else b""
        return out + looked.flush() if self._body.complete else out

    def _forward(self, payload: bytes) -> list[Step]:
        try:
            data = self._filtered(payload)
        except BodyRefused as error:
            return self.body_refused(error)
        if self._framing is Framing.CHUNKED:
            data = chunk(data) + (LAST_CHUNK if self._body.complete else b"")
        return [ToTarget(data)] if data else []

    # -- the answer -----------------------------------------------------------------------------------------------

    def target_received(self, data: bytes) -> list[Step]:
        """See IRelay."""
        if self.finished:
            return []
        tunnel = self._answering.tunnel
        if tunnel is not None:
            return self.of_tunnel(lambda: tunnel.target_received(data))
        try:
            if self._ahead is not None and not self._recorded:
                return self._received_ahead(self._ahead, data)
            return self._answering.received(data)
        except ProtocolError as error:
            return self.failed(502, str(error))
        except BodyRefused as error:
            return self.body_refused(error)

    def of_tunnel(self, produce: Callable[[], list[Step]]) -> list[Step]:
        """See Whole. A tunnel ends by a Finish, or because somebody breaks its protocol."""
        try:
            steps = produce()
        except ProtocolError as error:
            return self._tunnel_ended(str(error))
        if not steps or not isinstance(last := steps[-1], Finish):
            return steps
        return [*steps[:-1], Record(self._answering.outcome(last.outcome.message)), self._finish()]

    def _tunnel_ended(self, message: str) -> list[Step]:
        tunnel = self._answering.tunnel
        assert tunnel is not None
        return [*tunnel.ended(message), Record(self._answering.outcome(message)), self._finish()]

    def whole(self) -> list[Step]:
        """The answer has been given."""
        if not self._body.complete:
            self.close = True
        return [Record(self._answering.outcome()), self._finish()]

    def body_refused(self, error: BodyRefused) -> list[Step]:
        """A body holds what must not pass, in either direction."""
        own = self._own(error.answer)
        why = str(error)
        entry = self._answering.outcome(why) if self._recorded else notice_entry(self._number, why)
        return [*own, Record(entry), self._finish()]

    def failed(self, status: int, message: str) -> list[Step]:
        """Something went wrong: the client is told, or cut off in the middle of an answer."""
        if self.finished:
            return []
        self._asking = None
        head = self.request.head
        own = self._own(self._terms.dialect.failure(head, status, message, self.request_id))
        entry = (
            self._answering.outcome(message) if self._recorded else notice_entry(self._number, message, status=status)
        )
        return [*self._left_ahead(message), *own, Record(entry), self._finish()]

    def _own(self, answer: Answer) -> list[Step]:
        """An answer of ours, unless the target's has begun: then the connection tells that it is not whole."""
        if self._answering.begun:
            self.cut = self.close = True
            return []
        if not self._body.complete:
            self.close = True
        self._answering.own(answer)
        told = () if self._pending is None else self._answering.told
        return [ToClient(answer_bytes(answer, told, close=self.close, method=self.request.head.method))]

    def _finish(self) -> Step:
        self.finished = True
        return Finish(DONE)

    # -- the rest of IRelay ---------------------------------------------------------------------------------------

    def tick(self) -> list[Step]:
        """Nothing came for a moment: what was held back for want of more, as far as it is safe."""
        if self.finished:
            return []
        tunnel = self._answering.tunnel
        return self.of_tunnel(tunnel.tick) if tunnel is not None else self._answering.idle()

    def held(self, request: ApprovalRequest, decision: Decision) -> list[Step]:
        """See IRelay. The client is told nothing: clients take any 1xx for the answer."""
        self._pending = request
        return []

    def refreshed(self) -> list[Step]:
        """See IRelay; it is never asked for."""
        return []

    def held_back(self) -> int:
        """See IRelay. What is collected to be judged is not behind a question: it must come."""
        tunnel = self._answering.tunnel
        if tunnel is not None:
            return tunnel.held_back()
        return len(self._body.surplus) + (self._held if self._asking is not None else 0)

    def cancelled(self) -> list[Step]:
        """See IRelay."""
        asking = self._asking is not None or self._answering.tunnel is not None
        taken: list[Step] = [Withdraw("cancelled")] if asking else []
        return taken + self.ended("cancelled", "cancelled by an operator")

    def ended(self, code: str, message: str) -> list[Step]:
        """See IRelay."""
        self.close = True
        if self._answering.tunnel is not None and not self.finished:
            return self._tunnel_ended(message)
        return self.failed(503, message)

    def lost(self, side: Side) -> list[Step]:
        """See IRelay."""
        if self.finished:
            return []
        self.close = True
        if self._answering.tunnel is not None:
            return self._tunnel_lost(self._answering.tunnel, side)
        if side == "target":
            return self._target_lost()
        self.cut = True
        gone = self._answering.outcome(_LEFT) if self._recorded else notice_entry(self._number, _LEFT)
        return [*self._left_ahead(_LEFT), Record(gone), self._finish()]

    def _tunnel_lost(self, tunnel: Tunnel, side: Side) -> list[Step]:
        cut = side == "target" and not tunnel.over()
        steps = tunnel.cut(f"hoop: {_GONE}") if cut else tunnel.lost()
        return [*steps, Record(self._answering.outcome(_GONE if cut else "")), self._finish()]

    def _target_lost(self) -> list[Step]:
        try:
            ended = self._answering.closed()
        except BodyRefused as error:
            return self.body_refused(error)
        self.close = ended is None or not self.request.keep_alive
        return ended if ended is not None else self.failed(502, "the target closed the connection before its answer")


def status_of(error: ProtocolError) -> int:
    """The status of an answer to it: its code, where that is one."""
    code = error.code
    return int(code) if len(code) == 3 and code.isdigit() and code[0] in "45" else 400
