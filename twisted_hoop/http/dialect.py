"""What the engine asks of those who understand requests: plain APIs here, Kubernetes in its own room. Pure.

The engine frames, authenticates, asks the gate, records, carries bodies as they come, and holds; a dialect says what a
request means, what is sent in its place, what is hidden in bodies, how a refusal looks, and reads upgraded connections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted_hoop.http.messages import Answer, RequestHead, ResponseHead
from twisted_hoop.model import Approval, ApprovalRequest, Decision, Facts, Refusal, Session, Verdict
from twisted_hoop.settings import MaskSection
from twisted_hoop.steps import Step


@dataclass(frozen=True, slots=True)
class Reading:
    """What a request is: `action` and `text` name it in commands, recordings and to approvers.

    `open` marks what answers without a rule to whoever may open the target (discovery, health). `wants` is how many
    bytes of the body must be seen before the request can be judged, 0 for none: then `Dialect.with_body` reads again.
    Requests of one session with the same `key` share a decision and an approval for some seconds. `parameters` are
    shown to approvers beside the text, and are part of what they agree to: what of the body a person must see, masked.
    `unseen` is a keyed digest of what the text does not show of path and query, "" when it shows all: it binds an
    approval to what is sent (A4).
    """

    action: str
    text: str
    facts: tuple[Facts, ...]
    key: str
    open: bool = False
    wants: int = 0
    parameters: tuple[str | None, ...] = ()
    unseen: str = ""


class BodyFilter(Protocol):
    """Bytes of one body on their way through. Memory is bounded whatever comes."""

    masked: int
    """Values replaced so far."""

    def feed(self, data: bytes) -> bytes:
        """What may leave now. Raises BodyRefused when the message must not go on."""

    def idle(self) -> bytes:
        """Nothing came for some 50 ms: what is safe to show, though more may follow."""

    def flush(self) -> bytes:
        """The rest, at the end of the body. Raises BodyRefused as well."""


class BodyRefused(Exception):
    """A body holds what must not pass: `answer` tells the client; what was sent in part already is cut off."""

    def __init__(self, answer: Answer, reason: str) -> None:
        super().__init__(reason)
        self.answer = answer


class Lookup(BodyRefused):
    """A body cannot leave before the target has answered a request of the gateway's own, which is judged as any other.

    `finish` is given status and body of that answer, and says what is sent and how many values it put back; it may
    raise BodyRefused. Who cannot look up refuses.
    """

    def __init__(
        self, answer: Answer, reason: str, head: RequestHead, finish: Callable[[int, bytes], tuple[bytes, int]]
    ) -> None:
        super().__init__(answer, reason)
        self.head = head
        self.finish = finish


class Tunnel(Protocol):
    """What goes over a connection after 101: read, judged, recorded, masked. Steps as in `IRelay`.

    A ProtocolError ends it, and so does a Finish as the last of its steps, whose message stands in the outcome.
    """

    def begin(self) -> list[Step]:
        """The client has been told of the 101; nothing has passed yet."""

    def client_received(self, data: bytes) -> list[Step]:
        """Bytes of the client."""

    def target_received(self, data: bytes) -> list[Step]:
        """Bytes of the target."""

    def decided(self, verdict: Verdict) -> list[Step]:
        """The answer to the outstanding Ask."""

    def held_back(self) -> int:
        """Bytes of the client that wait behind it."""

    def tick(self) -> list[Step]:
        """Some 50 ms passed with something held back: let go of what is safe to show."""

    def ended(self, message: str) -> list[Step]:
        """The gateway ends it: what the protocol has to tell the client so."""

    def over(self) -> bool:
        """Whether one side has said that this is the end: that the target goes then is no loss."""

    def cut(self, message: str) -> list[Step]:
        """The target went without a word: what was held back, and what the protocol has to tell the client so."""

    def lost(self) -> list[Step]:
        """One side is gone, as it said or with the client: what was held back, and the last entries."""

    def outcome(self) -> Mapping[str, object]:
        """What it came to, for the outcome of the request: `channel`, `status`, `bytes`, `masked` …"""


class Dialect(Protocol):
    """One target's understanding of requests. It raises errors.ProtocolError: the client gets a 400 by `failure`.

    A target has one, made from its section when the configuration is loaded (`halls.Halls`).
    """

    def read(self, head: RequestHead) -> Reading:
        """What a request asks for; the path is without the target's prefix."""

    def with_body(self, head: RequestHead, reading: Reading, body: bytes) -> Reading:
        """The same, when the first `wants` bytes of the body (or all of it) are there."""

    def outgoing(self, head: RequestHead, reading: Reading, session: Session) -> RequestHead:
        """What the target is sent, but for its credential: headers clients may not set removed (K1, K2), ours added.

        A ProtocolError here is told to the client, and nothing is sent.
        """

    def request_body(self, head: RequestHead, reading: Reading, masks: Sequence[MaskSection]) -> BodyFilter | None:
        """A filter for what goes in; None when nothing needs to be looked at."""

    def response_body(
        self, head: RequestHead, reading: Reading, response: ResponseHead, masks: Sequence[MaskSection]
    ) -> BodyFilter | None:
        """A filter for what comes back; None when nothing needs to be looked at. May raise BodyRefused."""

    def tunnel(
        self,
        head: RequestHead,
        reading: Reading,
        response: ResponseHead,
        decision: Decision,
        masks: Sequence[MaskSection],
        number: int,
    ) -> Tunnel | None:
        """Who reads the upgraded connection; None refuses it. `number` is its channel in the recording."""

    def refusal(self, head: RequestHead, refusal: Refusal, session: Session, request_id: str) -> Answer:
        """The gate's no."""

    def failure(self, head: RequestHead | None, status: int, message: str, request_id: str) -> Answer:
        """Something else went wrong: 400, 401, 413, 431, 502, 504 …"""

    def told(
        self, request: ApprovalRequest, decision: Decision, approval: Approval | None
    ) -> tuple[tuple[bytes, bytes], ...]:
        """Headers of the answer to a request that was held and then admitted (`warning: 299 - "…"`)."""
