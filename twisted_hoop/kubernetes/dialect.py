"""The dialect of Kubernetes API servers: what `requests`, `facts`, `impersonation` and the others say, put together.

Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.bodies import Bodies as PlainBodies
from twisted_hoop.http.dialect import BodyFilter, Reading, Tunnel
from twisted_hoop.http.frames import without_extensions
from twisted_hoop.http.messages import Answer, Framing, Headers, RequestHead, ResponseHead
from twisted_hoop.http.plain import unseen_of
from twisted_hoop.http.reading import without
from twisted_hoop.kubernetes.bodies import Bodies
from twisted_hoop.kubernetes.copying import Copies, looks_for, unpacking
from twisted_hoop.kubernetes.correlation import key_of
from twisted_hoop.kubernetes.facts import command_facts, facts_of
from twisted_hoop.kubernetes.impersonation import Impersonation, with_impersonation
from twisted_hoop.kubernetes.requests import KubeRequest, read_request
from twisted_hoop.kubernetes.statuses import refusal_answer, status_answer
from twisted_hoop.kubernetes.submitted import LONGEST, judged
from twisted_hoop.kubernetes.texts import action_of, hides_nothing, text_of
from twisted_hoop.kubernetes.tunnels import Tunnels
from twisted_hoop.kubernetes.warnings import held_warning
from twisted_hoop.model import Approval, ApprovalRequest, Decision, Refusal, Session
from twisted_hoop.settings import MaskSection, TargetSection
from twisted_hoop.shell.reader import ShellReader

_REMEMBERED = 1024
_ACCEPTING = frozenset({b"accept", b"accept-encoding"})
_LONGEST_KEY = 4096
_MOST_SENT = 256


class KubernetesDialect:
    """A Dialect. `section` and `masks` are the target's, `key` the gateway's masking key."""

    def __init__(
        self, section: TargetSection, key: bytes, shell: ShellReader, masks: Sequence[MaskSection] = ()
    ) -> None:
        self._shell = shell
        self._impersonation = Impersonation(section.impersonate, section.impersonate_groups)
        self._own = section.header.lower().encode().replace(b"_", b"-")
        self._copies = Copies()
        self._bodies = Bodies(section, key, masks)
        self._key = key
        self._told = PlainBodies(key, masks)
        self._tunnels = Tunnels(key, shell)
        self._readings: dict[tuple[object, ...], Reading] = {}
        self._sent: dict[tuple[object, ...], tuple[Session, Headers]] = {}

    # -- what is asked --------------------------------------------------------------------------------------------

    def read(self, head: RequestHead) -> Reading:
        """See Dialect. Requests that were read before are remembered: rules decide the same facts faster."""
        request = _request(head)
        destination = looks_for(head, request)
        key = (head.method, head.path, head.query, head.upgrade, head.framing is Framing.NONE, destination)
        found = self._readings.get(key)
        if found is None:
            found = self._read(head, request, destination)
            if len(head.path) + len(head.query) <= _LONGEST_KEY:
                if len(self._readings) >= _REMEMBERED:
                    self._readings.clear()
                self._readings[key] = found
        shared = self._copies.key(head, request) or key_of(head, request)
        if not shared:
            return found
        same = (found.open, found.wants, found.parameters, found.unseen)
        return Reading(found.action, found.text, found.facts, shared, *same)

    def _read(self, head: RequestHead, request: KubeRequest, destination: str) -> Reading:
        if head.upgrade and request.verb != "connect":
            # A watch over a WebSocket would be a list that no mask looks into.
            raise ProtocolError("only exec, attach, port-forward and proxy are upgraded here", code="501")
        method, path, query = head.method.decode(), head.path.decode("utf-8", "replace"), head.query.decode()
        facts, text = facts_of(request, method, self._shell), text_of(request, method, path, query)
        if destination:
            after = unpacking(destination)
            facts += command_facts(after, facts[0], self._shell)
            text += f", then {shlex.join(after)} (kubectl cp)"
        wants = 0 if head.framing is Framing.NONE else LONGEST + 1
        is_open = "discovery" in request.classes and not wants
        shown = self._told.told(text)
        unseen = "" if shown == text and hides_nothing(request) else unseen_of(self._key, head)
        return Reading(action_of(request), shown, facts, "", is_open, wants, unseen=unseen)

    def with_body(self, head: RequestHead, reading: Reading, body: bytes) -> Reading:
        """See Dialect."""
        request, kind = _request(head), head.value(b"content-type").lower()
        found = judged(request, reading, body, kind, self._bodies.showing(request))
        shown = tuple(None if value is None else self._told.told(value) for value in found.parameters)
        return replace(found, parameters=shown)

    # -- what is sent ---------------------------------------------------------------------------------------------

    def outgoing(self, head: RequestHead, reading: Reading, session: Session) -> RequestHead:
        """See Dialect. Clients send the same headers over and over: what becomes of them is remembered."""
        key = (head.headers, head.method, head.path, head.query, head.upgrade, session.id)
        known = self._sent.get(key)
        if known is not None and known[0] is session:
            headers = known[1]
        else:
            headers = self._outgoing(head, session)
            if sum(len(name) + len(value) for name, value in head.headers) <= _LONGEST_KEY:
                if len(self._sent) >= _MOST_SENT:
                    self._sent.clear()
                self._sent[key] = (session, headers)
        return RequestHead(
            head.method, head.path, head.query, head.host, headers, head.framing, head.length, head.upgrade
        )

    def _outgoing(self, head: RequestHead, session: Session) -> Headers:
        """The client's word about who it is removed, ours set last (K1, K2)."""
        given = head.headers
        if self._own:  # of two headers of one name the target might take the client's for the credential
            given = tuple(pair for pair in given if pair[0].replace(b"_", b"-") != self._own)
        if head.upgrade:
            kept = without_extensions(given)
        else:
            kept = without(given, _ACCEPTING) + self._bodies.accept(_request(head), head)
        return with_impersonation(kept, self._impersonation.headers(session))

    def request_body(self, head: RequestHead, reading: Reading, masks: Sequence[MaskSection]) -> BodyFilter | None:
        """See Dialect."""
        return self._bodies.request_body(_request(head), head, masks)

    def response_body(
        self, head: RequestHead, reading: Reading, response: ResponseHead, masks: Sequence[MaskSection]
    ) -> BodyFilter | None:
        """See Dialect."""
        return self._bodies.response_body(_request(head), head, response, masks)

    def tunnel(
        self,
        head: RequestHead,
        reading: Reading,
        response: ResponseHead,
        decision: Decision,
        masks: Sequence[MaskSection],
        number: int,
    ) -> Tunnel | None:
        """See Dialect."""
        request = _request(head)
        return self._tunnels.open_tunnel(request, head, reading, response, decision, masks, number)

    # -- what the client is told ----------------------------------------------------------------------------------

    def refusal(self, head: RequestHead, refusal: Refusal, session: Session, request_id: str) -> Answer:
        """See Dialect."""
        return refusal_answer(_request(head), refusal, request_id)

    def failure(self, head: RequestHead | None, status: int, message: str, request_id: str) -> Answer:
        """See Dialect."""
        return status_answer(status, f"hoop: {message} (request {request_id})")

    def told(
        self, request: ApprovalRequest, decision: Decision, approval: Approval | None
    ) -> tuple[tuple[bytes, bytes], ...]:
        """See Dialect."""
        return held_warning(request, approval)


def _request(head: RequestHead) -> KubeRequest:
    return read_request(head.method, head.path, head.query)
