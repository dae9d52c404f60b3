"""A request of the gateway's own, ahead of a client's: judged, recorded and sent as any other. Pure.

Its answer is kept whole, up to a bound, for who needs it (`dialect.Lookup`); it is in no recording and no log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.dialect import Dialect, Lookup
from twisted_hoop.http.entries import command_entry, outcome_entry
from twisted_hoop.http.framing import Body, body_of
from twisted_hoop.http.messages import Framing, RequestHead
from twisted_hoop.http.reading import MAX_HEAD, Heads, Response
from twisted_hoop.http.writing import request_start
from twisted_hoop.model import Approval, Command, Decision, Entry, Session
from twisted_hoop.steps import Record, Step, ToTarget

LONGEST: Final = 8 * 1024 * 1024
"""Bytes of an answer: more than API servers store of one object (K10)."""


@dataclass(frozen=True, slots=True)
class Let:
    """The client's request, which was let in and waits: what is sent of it but for its body."""

    command: Command
    decision: Decision
    approval: Approval | None
    outgoing: RequestHead


class Ahead:
    """See the module. `number` is that of the request, `for_number` that of the client's."""

    def __init__(
        self, needed: Lookup, dialect: Dialect, session: Session, heads: Heads, number: int, for_number: int
    ) -> None:
        self.needed = needed
        self.number = number
        self.status = 0
        self.sent = False
        self.whole = False
        self._dialect = dialect
        self._session = session
        self._heads = heads
        self._for = for_number
        self._reading = dialect.read(needed.head)
        self.command: Final = Command(self._reading.action, self._reading.text, self._reading.facts)
        self._buffer = b""
        self._response: Response | None = None
        self._body: Body | None = None
        self._kept: list[bytes] = []
        self._size = 0

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another request: the answer was whole, nothing behind it (K8)."""
        response, body = self._response, self._body
        return self.whole and response is not None and response.keep_alive and body is not None and not body.surplus

    @property
    def answer(self) -> bytes:
        """The body of the answer."""
        return b"".join(self._kept)

    def begin(self, host: bytes, decision: Decision, approval: Approval | None) -> list[Step]:
        """It was let in. Raises ProtocolError for what may not be sent."""
        outgoing = self._dialect.outgoing(self.needed.head, self._reading, self._session)
        entry = command_entry(self.number, self.command, decision, approval, before=self._for)
        self.sent = True
        return [Record(entry), ToTarget(request_start(outgoing, host, Framing.NONE, 0))]

    def received(self, data: bytes) -> None:
        """Bytes of the target. Raises ProtocolError for what is no answer, or too long a one."""
        if self._body is not None:
            self._keep(self._body, data)
            return
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD)) >= 0:
            response = self._heads.response(self._buffer[:end], b"GET")
            self._buffer = self._buffer[end + 4 :]
            if response.head.status >= 200:
                self._begun(response)
                return
            self._interim()
        if len(self._buffer) >= MAX_HEAD:
            raise ProtocolError("the head of the target's answer is too long", "target")

    def _interim(self) -> None:
        self._size += 1
        if self._size > 10:
            raise ProtocolError("the target's answer begins too often", "target")

    def _begun(self, response: Response) -> None:
        head = response.head
        if head.framing is Framing.CLOSE:
            raise ProtocolError("the target's answer does not tell where it ends", "target")
        self._response, self.status, self._size = response, head.status, 0
        self._body = body_of(head.framing, head.length)
        rest, self._buffer = self._buffer, b""
        self._keep(self._body, rest)

    def _keep(self, body: Body, data: bytes) -> None:
        self._kept.append(body.feed(data))
        self._size += len(self._kept[-1])
        if self._size > LONGEST:
            raise ProtocolError(f"the target's answer is longer than {LONGEST} bytes", "target")
        self.whole = body.complete

    def outcome(self, error: str = "") -> Entry:
        """What it came to."""
        return outcome_entry(self.number, self.status, self._size, 0, error)
