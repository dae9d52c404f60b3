"""Sessions and recordings over HTTP. Reading a recording is authorised, and itself written down first (R2)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from twisted.internet.threads import deferToThreadPool

from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Reply, Stream
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.views import EndBody, SessionQuery, session_view

T = TypeVar("T")
_PIECE = 64 * 1024
_ENDED = "57P01"
"""How clients are told that an operator ended their session: PostgreSQL's admin_shutdown, as for locks and limits."""


class Sessions:
    """Handlers; `reactor` lends the threads recordings are read in."""

    def __init__(self, parts: Parts, reactor: Any) -> None:
        self._parts = parts
        self._reactor = reactor

    async def list(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/sessions: one's own, or everybody's for auditors; newest first."""
        query = call.options(SessionQuery)
        owner = None if self._parts.audits(principal) else principal.key
        rows = await self._parts.sessions.list(owner, query.limit, query.target, query.subject)
        return Reply({"sessions": [session_view(row) for row in rows]})

    async def show(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/sessions/{id}: 404 alike for one that is not there and one that is not theirs."""
        row = await self._parts.sessions.get(ident)
        if row is None or not (row.principal_key == principal.key or self._parts.audits(principal)):
            raise Problem(404, "no such session")
        return Reply(session_view(row))

    async def recording(self, call: Call, principal: Principal, ident: str) -> Stream:
        """GET /v1/sessions/{id}/recording: JSON lines, for auditors only. R2: no reading without its row."""
        if not self._parts.audits(principal):
            raise Problem(403, "recordings are for auditors")
        pieces = await self._in_thread(self._opened, ident)
        # The first piece now, so that what cannot be read is an error and not half an answer.
        first = await self._in_thread(next, pieces)
        await self._parts.reads.add(principal, call.peer, ident, "recording", call.request_id)
        return Stream(lambda: itertools.chain((first,), pieces))

    def _opened(self, ident: str) -> Iterator[bytes]:
        return _pieces(self._parts.recordings.read(ident))

    def _in_thread(self, function: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), function, *arguments)

    async def end(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/sessions/{id}/end {"reason": …}: for operators."""
        if not self._parts.operates(principal):
            raise Problem(403, "ending sessions is for operators")
        reason = call.json(EndBody).reason
        if not self._parts.live.end_where(lambda session: session.id == ident, _ENDED, f"hoop: {reason}"):
            raise Problem(404, "no such session is live here")
        return Reply({"ended": ident}, status=202)


def _pieces(entries: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Whole lines, about 64 KiB at a time. A damaged recording says so in its last line: never silently cut."""
    piece = bytearray()
    try:
        for entry in entries:
            piece += json.dumps(entry).encode("ascii") + b"\n"
            if len(piece) >= _PIECE:
                yield bytes(piece)
                piece.clear()
    except RecordingDamaged as fault:
        said = {"kind": "damaged", "message": str(fault), "offset": fault.offset}
        piece += json.dumps(said).encode("ascii") + b"\n"
    yield bytes(piece)
