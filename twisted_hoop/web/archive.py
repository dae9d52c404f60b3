"""Sessions and their recordings as values: what the API answers and the console shows. Rights are checked here (R2)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from twisted.internet.threads import deferToThreadPool

from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.model import Peer, Principal
from twisted_hoop.news.word import ENDS
from twisted_hoop.store.owning import owns
from twisted_hoop.web.inputs import EntriesQuery
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.views import SessionQuery, session_view

T = TypeVar("T")
ENDED = "57P01"
"""How clients are told that an operator ended their session: PostgreSQL's admin_shutdown, as for locks and limits."""
MAX_PAGE = 1024 * 1024
"""Bytes of entries after which a page ends, whatever its limit; about, for it is counted in characters."""
_PIECE = 64 * 1024
_SAME_READING = 60.0
"""Seconds in which further pages of one recording, read by one person, are one reading."""


class Archive:
    """See the module. `reactor` lends the threads recordings are read in."""

    def __init__(self, parts: Parts, reactor: Any) -> None:
        self._parts = parts
        self._reactor = reactor
        self._lately: dict[tuple[str, str], float] = {}

    async def sessions(self, principal: Principal, query: SessionQuery) -> dict[str, Any]:
        """A page of one's own sessions, or everybody's for auditors: a `shapes.Sessions`."""
        viewer = None if self._parts.audits(principal) else principal
        page = await self._parts.sessions.search(query.wanted(viewer), query.limit, query.cursor)
        return {"sessions": [session_view(row) for row in page.items], "next": page.next}

    async def session(self, principal: Principal, ident: str) -> dict[str, Any]:
        """One session; 404 alike for one that is not there and one that is not theirs."""
        row = await self._parts.sessions.get(ident)
        if row is None or not (owns(principal, row.principal_key, row.principal) or self._parts.audits(principal)):
            raise Problem(404, "no such session")
        return session_view(row)

    async def entries(
        self, principal: Principal, peer: Peer, request_id: str, ident: str, query: EntriesQuery
    ) -> dict[str, Any]:
        """A page of a recording, for auditors: a `shapes.Entries`. R2: no reading without its row."""
        self.check_reader(principal)
        page = await self._in_thread(self._page, ident, query)
        await self.read_by(principal, peer, request_id, ident, "entries")
        return page

    def check_reader(self, principal: Principal) -> None:
        """403 for who is no auditor."""
        if not self._parts.audits(principal):
            raise Problem(403, "recordings are for auditors")

    async def read_by(self, principal: Principal, peer: Peer, request_id: str, ident: str, what: str) -> None:
        """Write down who is about to see what. Pages that follow within a minute belong to the same reading."""
        now, key = self._reactor.seconds(), (principal.key, ident)
        self._lately = {each: at for each, at in self._lately.items() if now - at < _SAME_READING}
        if what == "entries" and key in self._lately:
            return
        await self._parts.reads.add(principal, peer, ident, what, request_id)
        self._lately[key] = now

    def _page(self, ident: str, query: EntriesQuery) -> dict[str, Any]:
        """Blocks."""
        taken: list[dict[str, Any]] = []
        size, last, damaged = 0, query.after, ""
        entries = self._parts.recordings.read(ident)
        try:
            for entry in _behind(entries, query.after):
                last = entry["n"]
                if query.kind and entry["kind"] != query.kind:
                    continue
                taken.append(entry)
                size += len(str(entry))
                if len(taken) >= query.limit or size >= MAX_PAGE:
                    return {"entries": taken, "next": last, "damaged": ""}
        except RecordingDamaged as fault:
            damaged = f"{fault} (byte {fault.offset})"
        return {"entries": taken, "next": None, "damaged": damaged}

    async def readings(self, principal: Principal, ident: str) -> dict[str, Any]:
        """Who read the recording, for auditors and for whose session it is: a `shapes.Readings`."""
        await self.session(principal, ident)
        return {"reads": await self._parts.reads.of(ident)}

    async def end(self, principal: Principal, ident: str, reason: str) -> dict[str, Any]:
        """End a live session, also one that lives at another replica: for operators."""
        if not self._parts.operates(principal):
            raise Problem(403, "ending sessions is for operators")
        here = self._parts.live.end_where(lambda session: session.id == ident, ENDED, f"hoop: {reason}")
        if not here and not await self._parts.sessions.order_end(ident, reason):
            raise Problem(404, "no such session is live")
        if not here:
            self._parts.tell(ENDS, ident)
        return {"ended": ident}

    async def lines(self, principal: Principal, peer: Peer, request_id: str, ident: str) -> Iterator[bytes]:
        """A whole recording as JSON lines, for auditors; it blocks between its pieces. R2: no reading without its row.

        The first piece is made now, so that what cannot be read is an error and not half an answer.
        """
        self.check_reader(principal)
        pieces = await self._in_thread(self._opened, ident)
        first = await self._in_thread(next, pieces)
        await self.read_by(principal, peer, request_id, ident, "recording")
        return itertools.chain((first,), pieces)

    def _opened(self, ident: str) -> Iterator[bytes]:
        return _pieces(self._parts.recordings.read(ident))

    def _in_thread(self, function: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), function, *arguments)


def _behind(entries: Iterator[dict[str, Any]], after: int) -> Iterator[dict[str, Any]]:
    return (entry for entry in entries if entry["n"] > after)


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
