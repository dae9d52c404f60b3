"""The recordings as the store knows them: one row each, written behind the recorder. Functions here block."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from twisted_hoop.store.codec import dumps
from twisted_hoop.store.tables import recordings

LIVE, CLOSED, DAMAGED, DELETING, DELETED = "live", "closed", "damaged", "deleting", "deleted"
_MANY = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """One recording. `state` is one of the above; times are POSIX seconds; `about` has groups, attributes and who.

    `indexed` is the number of its last entry that search knows, `complete` whether none follows. `stored` is the
    SHA-256 of its copy in object storage, "" without one; `evicted`: only that copy is left. `key_json` is the wrapped
    data key of a copy.
    """

    id: str
    path: str
    state: str
    started: float
    ended: float | None
    target: str
    protocol: str
    principal_key: str
    about: Mapping[str, Any]
    bytes: int
    indexed: int
    complete: bool
    stored: str = ""
    stored_at: float = 0.0
    evicted: bool = False
    key_json: str = ""
    deleted_at: float = 0.0
    deleted_by: str = ""


def described(path: str, header: Mapping[str, Any]) -> Kept:
    """A recording that begins, from its entry 0 ("open"); `path` is relative to the folder."""
    who = header["principal"]
    about = {
        "who": str(who["name"] or who["subject"]),
        "groups": sorted(map(str, who["groups"])),
        "attributes": {str(name): str(value) for name, value in header["attributes"].items()},
    }
    key = f"{who['issuer']}|{who['subject']}"
    named = (str(header["target"]), str(header["protocol"])[:16], key)
    return Kept(str(header["session"]), path, LIVE, float(header["started"]), None, *named, about, 0, 0, False)


def get(connection: Connection, session: str) -> Kept | None:
    """One recording, or None."""
    found = connection.execute(select(recordings).where(recordings.c.id == session)).first()
    return None if found is None else kept(found)


def kept(row: Row[Any]) -> Kept:
    """A row as a value."""
    data = dict(row._mapping)
    data["about"] = json.loads(data.pop("about_json"))
    return Kept(**data)


def save(connection: Connection, found: Kept) -> None:
    """Write down how far it was read. What retention and storage know of it stays as it is."""
    values: dict[str, Any] = {
        "state": found.state,
        "ended": found.ended,
        "bytes": found.bytes,
        "indexed": found.indexed,
        "complete": found.complete,
    }
    alive = recordings.c.state.not_in((DELETING, DELETED))
    changed = connection.execute(update(recordings).where(recordings.c.id == found.id, alive).values(values))
    if changed.rowcount or get(connection, found.id) is not None:
        return
    about = dumps(found.about)
    named = {name: getattr(found, name) for name in ("id", "path", "started", "target", "protocol", "principal_key")}
    connection.execute(insert(recordings).values(about_json=about, **named, **values))


def to_store(connection: Connection, limit: int) -> list[Kept]:
    """Closed recordings without a copy in object storage, the oldest first; whosever they are."""
    c = recordings.c
    query = select(recordings).where(c.state.in_((CLOSED, DAMAGED)), c.complete, c.stored == "")
    return [kept(row) for row in connection.execute(query.order_by(c.started, c.id).limit(limit))]


def growing(connection: Connection, longer: int) -> list[Kept]:
    """Live recordings that had more bytes when they were looked at last."""
    c = recordings.c
    query = select(recordings).where(c.state == LIVE, c.bytes > longer)
    return [kept(row) for row in connection.execute(query.order_by(c.started))]


def stored_here(connection: Connection, sessions: Sequence[str]) -> list[Kept]:
    """Those of some recordings that object storage has, the oldest first."""
    found: list[Kept] = []
    for at in range(0, len(sessions), _MANY):
        query = select(recordings).where(recordings.c.id.in_(sessions[at : at + _MANY]), recordings.c.stored != "")
        found += [kept(row) for row in connection.execute(query)]
    return sorted(found, key=lambda each: (each.started, each.id))


def note(connection: Connection, session: str, **values: object) -> bool:
    """Write something down about a recording that is not deleted, nor being so; whether there was one."""
    alive = recordings.c.state.not_in((DELETING, DELETED))
    return connection.execute(update(recordings).where(recordings.c.id == session, alive).values(**values)).rowcount > 0


def incomplete(connection: Connection, sessions: Iterable[str]) -> list[str]:
    """Those of some recordings that search does not know to the end."""
    wanted, known = list(sessions), set()
    for at in range(0, len(wanted), _MANY):
        some = wanted[at : at + _MANY]
        query = select(recordings.c.id).where(recordings.c.id.in_(some), recordings.c.complete)
        known |= set(connection.scalars(query))
    return [each for each in wanted if each not in known]
