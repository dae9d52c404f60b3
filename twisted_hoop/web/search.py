"""Which commands were run where: the index asked, for auditors. What is shown of a recording is a reading (R2)."""

from __future__ import annotations

from typing import Any

from twisted_hoop.approval.shown import shown
from twisted_hoop.archive.index import Hit
from twisted_hoop.archive.query import BadQuery
from twisted_hoop.model import Peer, Principal
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.inputs import SearchQuery
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem

_SHOWN = ("who", "issuer", "subject", "target", "protocol", "kind", "action", "decision", "rule", "text")


class Search:
    """See the module."""

    def __init__(self, parts: Parts, archive: Archive) -> None:
        self._parts = parts
        self._archive = archive

    async def commands(self, principal: Principal, peer: Peer, request_id: str, query: SearchQuery) -> dict[str, Any]:
        """A page of commands, newest first: a `shapes.Hits`. 400 says what is wrong with the query."""
        self._archive.check_reader(principal)
        try:
            page = await self._parts.index.search(query.q, query.limit, query.cursor)
        except BadQuery as error:
            raise Problem(400, f"the query cannot be read: {error}") from None
        sessions = sorted({hit.session for hit in page.items})
        await self._parts.reads.add_all(principal, peer, sessions, "search", request_id)
        return {"hits": [_view(hit) for hit in page.items], "next": page.next}


def _view(hit: Hit) -> dict[str, Any]:
    about = {name: shown(str(hit.about[name])) for name in _SHOWN}
    return {"session": hit.session, "n": hit.n, "at": hit.at, **about, "cut": bool(hit.about["cut"])}
