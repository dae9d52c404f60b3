"""Which sessions ran something: recordings read through for a text, for auditors. Hits are readings of them (R2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.threads import deferToThreadPool

from twisted_hoop.approval.shown import shown
from twisted_hoop.errors import RecordingDamaged, UnknownRecording
from twisted_hoop.model import Peer, Principal
from twisted_hoop.store.paging import cursor_of
from twisted_hoop.store.sessions import SessionRow
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.views import SessionQuery, session_view

SECONDS = 4.0
"""How long one page may read recordings; the next goes on where it stopped."""
MOST_HITS = 3
"""Commands of one session that are shown."""
_ASKED = frozenset({"command", "refused", "review"})


@dataclass(frozen=True, slots=True)
class _Found:
    """Sessions with their commands that hold the text, and how many were read through."""

    sessions: list[tuple[SessionRow, list[str]]]
    read: int


class Search:
    """See the module. Recordings are read in the reactor's threads; `clock` measures how long."""

    def __init__(
        self, parts: Parts, archive: Archive, reactor: Any, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._parts = parts
        self._archive = archive
        self._reactor = reactor
        self._clock = clock

    async def commands(
        self, principal: Principal, peer: Peer, request_id: str, query: SessionQuery, text: str
    ) -> dict[str, Any]:
        """Sessions like `query` with a command that holds `text` in any case: a `shapes.Sessions` with `hits` in each.

        `read` says how many were looked through; `next` goes on behind them, found or not.
        """
        self._archive.check_reader(principal)
        page = await self._parts.sessions.search(query.wanted(None), query.limit, query.cursor)
        pool = self._reactor.getThreadPool()
        found = await deferToThreadPool(self._reactor, pool, self._through, page.items, text.casefold())
        for row, _ in found.sessions:
            await self._archive.read_by(principal, peer, request_id, row.id, "search")
        views = [{**session_view(row), "hits": hits} for row, hits in found.sessions]
        return {"sessions": views, "read": found.read, "next": _behind(page.items, found.read, page.next)}

    def _through(self, rows: Sequence[SessionRow], wanted: str) -> _Found:
        """Blocks. At least one recording is read, so that pages get somewhere."""
        found: list[tuple[SessionRow, list[str]]] = []
        until = self._clock() + SECONDS
        for number, row in enumerate(rows, 1):
            hits = self._hits(row.id, wanted)
            if hits:
                found.append((row, hits))
            if self._clock() >= until:
                return _Found(found, number)
        return _Found(found, len(rows))

    def _hits(self, ident: str, wanted: str) -> list[str]:
        try:
            return _matching(self._parts.recordings.read(ident), wanted)
        except UnknownRecording:
            return []  # kept for a shorter time than the index


def _matching(entries: Iterable[dict[str, Any]], wanted: str) -> list[str]:
    hits: list[str] = []
    try:
        for entry in entries:
            text = entry.get("text")
            if entry.get("kind") in _ASKED and isinstance(text, str) and wanted in text.casefold():
                hits.append(shown(text))
            if len(hits) >= MOST_HITS:
                break
    except RecordingDamaged:
        pass  # what came before it can be trusted; reading the recording itself tells where it ends
    return hits


def _behind(rows: Sequence[SessionRow], read: int, following: str) -> str:
    return following if read >= len(rows) else cursor_of(rows[read - 1].started, rows[read - 1].id)
