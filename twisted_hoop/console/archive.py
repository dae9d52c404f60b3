"""Sessions and recordings as pages. Who may read is checked, and each reading written down, in `web.archive` (R2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twisted_hoop.console.forms import asked, form_of, options
from twisted_hoop.console.pages import PLAYER_HEADERS, Pages, redirect
from twisted_hoop.console.place import Place
from twisted_hoop.console.timeline import timeline
from twisted_hoop.console.visits import Visit
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.calls import Call, Reply, Stream
from twisted_hoop.web.casts import Casts
from twisted_hoop.web.inputs import EntriesQuery, SearchQuery
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.search import Search
from twisted_hoop.web.views import SessionQuery

SHOWN = 50
_ENTRIES = 500
_DAY = 86_400.0


class ArchivePages:
    """Handlers."""

    def __init__(self, archive: Archive, search: Search, casts: Casts, pages: Pages, place: Place) -> None:
        self._archive = archive
        self._search = search
        self._casts = casts
        self._pages = pages
        self._place = place

    async def sessions(self, call: Call, visit: Visit) -> Reply:
        """GET /sessions: live and past ones, newest first, by who, target and day."""
        days = {name: asked(call, name) for name in ("from", "to")}
        given = {"limit": SHOWN, **_bounds(days["from"], days["to"])}
        query = options(call, SessionQuery, given, besides=("from", "to"))
        page = await self._archive.sessions(visit.principal, query)
        return await self._pages.drawn("sessions.html", visit, query=query, days=days, **page)

    async def search(self, call: Call, visit: Visit) -> Reply:
        """GET /search: commands of all sessions, newest first, for auditors; a query that cannot be read says why."""
        query = options(call, SearchQuery, {"limit": SHOWN})
        page: dict[str, Any] = {"hits": [], "next": "", "why": ""}
        try:
            page |= await self._search.commands(visit.principal, call.peer, call.request_id, query)
        except Problem as fault:
            if fault.status != 400:
                raise
            page["why"] = fault.detail
        words = _plain_words(query.q)
        return await self._pages.drawn("search.html", visit, query=query, words=words, **page)

    async def session(self, call: Call, visit: Visit, ident: str) -> Reply:
        """GET /sessions/{id}: one session, and for auditors who read its recording."""
        found = await self._archive.session(visit.principal, ident)
        reads = (await self._archive.readings(visit.principal, ident))["reads"]
        return self._pages.show("session.html", visit, session=found, reads=reads, tab="about")

    async def recording(self, call: Call, visit: Visit, ident: str) -> Reply:
        """GET /sessions/{id}/recording: what was asked, decided and answered, as a timeline."""
        found = await self._archive.session(visit.principal, ident)
        page = await self._entries(call, visit, ident)
        return await self._pages.drawn("recording.html", visit, session=found, tab="recording", **page)

    async def more(self, call: Call, visit: Visit, ident: str) -> Reply:
        """GET /sessions/{id}/entries?after=…: what was recorded since, for a page that watches."""
        found = await self._archive.session(visit.principal, ident)
        page = await self._entries(call, visit, ident)
        return await self._pages.drawn("entries.html", visit, session=found, **page)

    async def _entries(self, call: Call, visit: Visit, ident: str) -> dict[str, Any]:
        query = options(call, EntriesQuery, {"limit": _ENTRIES}, besides=("find",))
        search = asked(call, "find")
        page = await self._archive.entries(visit.principal, call.peer, call.request_id, ident, query)
        last = page["entries"][-1]["n"] if page["entries"] else query.after
        moments = timeline(page["entries"], search)
        told = {"next": page["next"], "damaged": page["damaged"]}
        return {"moments": moments, "last": last, "find": search, "kind_asked": query.kind, **told}

    async def replay(self, call: Call, visit: Visit, ident: str) -> Reply:
        """GET /sessions/{id}/replay?channel=…: a terminal, played back."""
        found = await self._archive.session(visit.principal, ident)
        self._archive.check_reader(visit.principal)
        channel = _channel(call)
        source = f"/sessions/{ident}/cast" + (f"?channel={channel}" if channel >= 0 else "")
        return self._pages.show(
            "replay.html", visit, headers=PLAYER_HEADERS, session=found, tab="replay", source=source
        )

    async def cast(self, call: Call, visit: Visit, ident: str) -> Reply:
        """GET /sessions/{id}/cast?channel=…: what the player plays, asciicast v3."""
        data = await self._casts.cast(visit.principal, call.peer, call.request_id, ident, _channel(call))
        return Reply(text=data, media_type="application/x-asciicast")

    async def export(self, call: Call, visit: Visit, ident: str) -> Stream:
        """GET /sessions/{id}/export: the whole recording, one JSON value a line."""
        pieces = await self._archive.lines(visit.principal, call.peer, call.request_id, ident)
        return Stream(lambda: pieces)

    async def end(self, call: Call, visit: Visit, ident: str) -> Reply:
        """POST /sessions/{id}/end: for operators; the reason is told to the client."""
        form = form_of(call, visit, self._place.origin)
        reason = form.get("reason", "").strip() or "ended by an operator"
        if len(reason) > 500 or not reason.isprintable():
            raise Problem(400, "the reason is too long")
        await self._archive.end(visit.principal, ident, reason)
        return redirect(f"/sessions/{ident}")


def _plain_words(text: str) -> str:
    """The longest word of a query, to be marked in the recording; "" when it only names people and things."""
    words = [word.strip('"*') for word in text.split() if ":" not in word]
    return max(words, key=len, default="")


def _channel(call: Call) -> int:
    text = asked(call, "channel", 6)
    if text and not text.isdecimal():
        raise Problem(400, "a channel is a number")
    return int(text) if text else -1


def _bounds(first: str, last: str) -> dict[str, Any]:
    """The days, both included, as POSIX times."""
    found = {}
    if first:
        found["since"] = _midnight(first)
    if last:
        found["until"] = _midnight(last) + _DAY
    return found


def _midnight(day: str) -> float:
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Problem(400, "write a day as 2027-01-31") from None
