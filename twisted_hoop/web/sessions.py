"""Sessions and recordings over HTTP. Reading a recording is authorised, and itself written down first (R2)."""

from __future__ import annotations

from twisted_hoop.model import Principal
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.calls import Call, Reply, Stream
from twisted_hoop.web.casts import Casts
from twisted_hoop.web.inputs import CastQuery, EntriesQuery, SearchQuery
from twisted_hoop.web.search import Search
from twisted_hoop.web.views import EndBody, SessionQuery


class Sessions:
    """Handlers."""

    def __init__(self, archive: Archive, search: Search, casts: Casts) -> None:
        self._archive = archive
        self._search = search
        self._casts = casts

    async def list(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/sessions: one's own, or everybody's for auditors; newest first."""
        return call.page(await self._archive.sessions(principal, call.options(SessionQuery)))

    async def search(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/search: commands in all recordings, for auditors. What is shown of a recording is recorded."""
        query = call.options(SearchQuery)
        return call.page(await self._search.commands(principal, call.peer, call.request_id, query))

    async def show(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/sessions/{id}: one session."""
        return Reply(await self._archive.session(principal, ident))

    async def entries(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/sessions/{id}/entries: a page of its recording, for auditors. The reading is recorded."""
        query = call.options(EntriesQuery)
        return Reply(await self._archive.entries(principal, call.peer, call.request_id, ident, query))

    async def readings(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/sessions/{id}/reads: who read its recording."""
        return Reply(await self._archive.readings(principal, ident))

    async def recording(self, call: Call, principal: Principal, ident: str) -> Stream:
        """GET /v1/sessions/{id}/recording: all of it as JSON lines, for auditors. The reading is recorded."""
        pieces = await self._archive.lines(principal, call.peer, call.request_id, ident)
        return Stream(lambda: pieces)

    async def cast(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/sessions/{id}/cast: a terminal of it as asciicast v3, for auditors. The reading is recorded."""
        channel = call.options(CastQuery).channel
        made = await self._casts.cast(principal, call.peer, call.request_id, ident, channel)
        return Reply(text=made, media_type="application/x-asciicast")

    async def end(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/sessions/{id}/end: end a live session, for operators."""
        return Reply(await self._archive.end(principal, ident, call.json(EndBody).reason), status=202)
