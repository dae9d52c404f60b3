"""Which path of the console is whose. Ids are of one strict form and never parts of a file's path (R9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, Map, Rule

from twisted_hoop.console.agents import AgentPages
from twisted_hoop.console.archive import ArchivePages
from twisted_hoop.console.door import Door
from twisted_hoop.console.estate import EstatePages
from twisted_hoop.console.inbox import InboxPages
from twisted_hoop.console.live import Live
from twisted_hoop.console.pages import redirect
from twisted_hoop.console.saml import SamlPages
from twisted_hoop.console.static import Static
from twisted_hoop.console.upkeep import UpkeepPages
from twisted_hoop.web.calls import Answer, Call, Reply
from twisted_hoop.web.problems import Problem

Handler = Callable[..., Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Page:
    """A handler. `anybody`: also for those who are not logged in; `whole`: shows a page people may come back to."""

    handler: Handler
    anybody: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """All handlers."""

    door: Door
    static: Static
    inbox: InboxPages
    archive: ArchivePages
    estate: EstatePages
    agents: AgentPages
    upkeep: UpkeepPages
    live: Live
    saml: SamlPages


class _Id(BaseConverter):
    regex = "[A-Za-z0-9_-]{8,64}"


class _Name(BaseConverter):
    regex = "[a-z0-9][a-z0-9-]{0,39}"


class _File(BaseConverter):
    regex = r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+){1,6}"


async def _first(call: Call, visit: object) -> Reply:
    return redirect("/approvals")


def make_routes(room: Room) -> Map:
    """Every route of the console."""
    rules = [Rule(path, methods=[method], endpoint=page) for method, path, page in _table(room)]
    return Map(
        rules,
        converters={"id": _Id, "file": _File, "name": _Name},
        strict_slashes=False,
        merge_slashes=False,
        redirect_defaults=False,
    )


def _table(room: Room) -> list[tuple[str, str, Page]]:
    door, inbox, archive, estate = room.door, room.inbox, room.archive, room.estate
    return [
        ("GET", "/", Page(_first, whole=True)),
        ("GET", "/login", Page(door.page, anybody=True)),
        ("GET", "/login/start", Page(door.start, anybody=True)),
        ("GET", "/login/callback", Page(door.callback, anybody=True)),
        ("GET", "/saml/<name:name>/metadata", Page(room.saml.metadata, anybody=True)),
        ("GET", "/saml/<name:name>/login", Page(room.saml.login, anybody=True)),
        ("POST", "/saml/<name:name>/acs", Page(room.saml.acs, anybody=True)),
        ("POST", "/saml/token", Page(room.saml.token, anybody=True)),
        ("POST", "/logout", Page(door.logout)),
        ("GET", "/static/<id:version>/<file:name>", Page(room.static.file, anybody=True)),
        ("GET", "/approvals", Page(inbox.page, whole=True)),
        ("GET", "/approvals/list", Page(inbox.part)),
        ("GET", "/approvals/events", Page(room.live.approvals)),
        ("GET", "/approvals/past", Page(inbox.past, whole=True)),
        ("GET", "/approvals/<id:ident>", Page(inbox.show, whole=True)),
        ("POST", "/approvals/<id:ident>/decide", Page(inbox.decide)),
        ("POST", "/approvals/<id:ident>/take-back", Page(inbox.take_back)),
        ("GET", "/access", Page(inbox.access, whole=True)),
        ("POST", "/access", Page(inbox.ask)),
        ("GET", "/search", Page(archive.search, whole=True)),
        ("GET", "/sessions", Page(archive.sessions, whole=True)),
        ("GET", "/sessions/<id:ident>", Page(archive.session, whole=True)),
        ("GET", "/sessions/<id:ident>/recording", Page(archive.recording, whole=True)),
        ("GET", "/sessions/<id:ident>/entries", Page(archive.more)),
        ("GET", "/sessions/<id:ident>/replay", Page(archive.replay, whole=True)),
        ("GET", "/sessions/<id:ident>/cast", Page(archive.cast)),
        ("GET", "/sessions/<id:ident>/export", Page(archive.export)),
        ("POST", "/sessions/<id:ident>/end", Page(archive.end)),
        ("GET", "/targets", Page(estate.targets, whole=True)),
        ("GET", "/rules", Page(estate.rules, whole=True)),
        ("GET", "/may-i", Page(estate.may_i, whole=True)),
        ("POST", "/may-i", Page(estate.explain)),
        ("GET", "/health", Page(estate.health, whole=True)),
        ("GET", "/agents", Page(room.agents.page, whole=True)),
        ("POST", "/agents/<id:ident>/revoke", Page(room.agents.revoke)),
        ("GET", "/holds", Page(room.upkeep.holds, whole=True)),
        ("POST", "/holds", Page(room.upkeep.hold)),
        ("POST", "/holds/<id:ident>/lift", Page(room.upkeep.lift)),
        ("GET", "/retention", Page(room.upkeep.retention, whole=True)),
        ("POST", "/retention", Page(room.upkeep.run)),
        ("GET", "/retention/<id:ident>", Page(room.upkeep.report, whole=True)),
        ("GET", "/retention/<id:ident>/part", Page(room.upkeep.part)),
    ]


def find(routes: Map, method: str, path: str) -> tuple[Page, dict[str, str]]:
    """The page and the ids in the path, or a Problem. No path of ours needs escapes, so none is taken (R9)."""
    odd = "%" in path or "//" in path or not path.isascii() or (path.endswith("/") and path != "/")
    if odd or not path.startswith("/"):
        raise Problem(404, "no such page")
    try:
        page, ids = routes.bind("hoop").match(path, method)
    except MethodNotAllowed as fault:
        raise Problem(405, "", {"Allow": ", ".join(sorted(fault.valid_methods or ()))}) from None
    except HTTPException:
        raise Problem(404, "no such page") from None
    return page, dict(ids)


def is_page(routes: Map, path: str) -> bool:
    """Whether a GET of the path shows a whole page: what people may be led to after a log-in (I7)."""
    try:
        return find(routes, "GET", path)[0].whole
    except Problem:
        return False
