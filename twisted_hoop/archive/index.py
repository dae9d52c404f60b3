"""The index in the store: rows put in, taken out, and found, newest first. By FTS5 in SQLite, by GIN in PostgreSQL.

All functions of a Connection block, and run in one transaction of their caller's.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, delete, insert, select, text

from twisted_hoop.archive.query import Mark, Phrase, Query, parse
from twisted_hoop.archive.rows import Row, first_id
from twisted_hoop.store.codec import dumps
from twisted_hoop.store.database import Database
from twisted_hoop.store.paging import BadCursor, Page, page_of, parse_cursor
from twisted_hoop.store.tables import commands

T = TypeVar("T")

_MOST_POSITION = 16_383  # of a word in a tsvector; see PostgreSQL's manual, 12.11 "Limitations"
_MANY = 500
_ROWS = 100
_END = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Hit:
    """One command that was found; `about` as `rows.Row.about`, `at` POSIX seconds."""

    id: int
    session: str
    n: int
    about: dict[str, Any]

    @property
    def at(self) -> float:
        """When it was recorded, to the microsecond."""
        return (self.id >> 10) / 1_000_000


class Index:
    """Looking things up. `now` gives POSIX time, from which `since:7d` counts."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def search(self, text: str, limit: int, cursor: str = "") -> Awaitable[Page[Hit]]:
        """A page of what is looked for (docs/search.md), newest first.

        Raises BadQuery and BadCursor at once; the Awaitable may fail with StoreUnavailable.
        """
        query, before = parse(text, self._now()), _before(cursor)
        return self._database.read(lambda connection: find(connection, query, limit, before))


def _before(cursor: str) -> int | None:
    if not cursor:
        return None
    ident = parse_cursor(cursor)[1]
    if not (ident.isdecimal() and len(ident) <= 19):
        raise BadCursor("this is no cursor of ours")
    return int(ident)


def find(connection: Connection, query: Query, limit: int, before: int | None = None) -> Page[Hit]:
    """Up to `limit` commands, newest first, of ids below `before`."""
    bounds = _bounds(query, before)
    c = commands.c
    found = select(c.id, c.session_id, c.n, c.about_json).order_by(c.id.desc())
    if query.phrases or query.marks:
        by_words = _in_sqlite if connection.dialect.name == "sqlite" else _in_postgresql
        found = found.where(c.id.in_(by_words(connection, query, bounds, limit + 1)))
    else:
        found = found.where(c.id >= bounds[0], c.id < bounds[1]).limit(limit + 1)
    hits = [Hit(row.id, row.session_id, row.n, json.loads(row.about_json)) for row in connection.execute(found)]
    return page_of(hits, limit, lambda hit: (0.0, str(hit.id)))


def _bounds(query: Query, before: int | None) -> tuple[int, int]:
    """The lowest id, and the one behind the highest."""
    ends = [_END if before is None else before, _END if query.until is None else first_id(query.until)]
    return 0 if query.since is None else first_id(query.since), min(ends)


def _in_sqlite(connection: Connection, query: Query, bounds: tuple[int, int], limit: int) -> list[int]:
    """Ids, newest first. FTS5 walks its lists in the order of rowids and stops at the limit: nothing is sorted."""
    wanted = text(
        "SELECT rowid FROM command_words WHERE command_words MATCH :wanted AND rowid >= :lowest AND rowid < :highest"
        " ORDER BY rowid DESC LIMIT :limit"
    ).bindparams(wanted=sqlite_match(query), lowest=bounds[0], highest=bounds[1], limit=limit)
    return list(connection.scalars(wanted))


def _in_postgresql(connection: Connection, query: Query, bounds: tuple[int, int], limit: int) -> list[int]:
    """Ids, newest first. What is frequent is among the latest; what is not there is rare, and GIN has it at once.

    The planner cannot know which: of words it has not counted it believes that they are in many commands, and walks all
    of them from the newest to the oldest.
    """
    given = {"wanted": tsquery(query), "lowest": bounds[0], "highest": bounds[1], "limit": limit}
    latest = list(connection.scalars(_LATEST.bindparams(most=_LOOKED_AT, **given)))
    if len(latest) == limit:
        return latest
    connection.execute(text("SET LOCAL enable_indexscan = off"))  # to this transaction's end, which is near
    return list(connection.scalars(_ALL.bindparams(**given)))


_LOOKED_AT = 20_000
_LATEST = text(
    "SELECT id FROM (SELECT id, words FROM command_words WHERE id >= :lowest AND id < :highest ORDER BY id DESC"
    " LIMIT :most) AS latest WHERE words @@ CAST(:wanted AS tsquery) ORDER BY id DESC LIMIT :limit"
)
_ALL = text(
    "SELECT id FROM command_words WHERE words @@ CAST(:wanted AS tsquery) AND id >= :lowest AND id < :highest"
    " ORDER BY id DESC LIMIT :limit"
)


def sqlite_match(query: Query) -> str:
    """The query in FTS5's words. Only letters, digits and what is not ASCII is ever between its quotes."""
    parts = [f'words : "{" ".join(each.words)}"{_star(each)}' for each in query.phrases]
    parts += [f'marks : "{each.mark}"{_star(each)}' for each in query.marks]
    return " AND ".join(parts)


def _star(part: Phrase | Mark) -> str:
    return " *" if part.prefix else ""


def tsquery(query: Query) -> str:
    """The query in PostgreSQL's words. Marks begin with a colon, which words cannot."""
    parts = ["(" + " <-> ".join(_lexemes(each)) + ")" for each in query.phrases]
    parts += [f"':{each.mark}'{':*' if each.prefix else ''}" for each in query.marks]
    return " & ".join(parts)


def _lexemes(phrase: Phrase) -> list[str]:
    last = ":*" if phrase.prefix else ""
    return [*(f"'{word}'" for word in phrase.words[:-1]), f"'{phrase.words[-1]}'{last}"]


def tsvector(row: Row) -> str:
    """The words with their places, and the marks, as PostgreSQL reads a tsvector."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(row.words, 1):
        places.setdefault(word, []).append(str(min(place, _MOST_POSITION)))
    found = [f"'{word}':{','.join(at[:255])}" for word, at in places.items()]
    return " ".join((*found, *(f"':{mark}'" for mark in sorted(row.marks))))


def put(connection: Connection, rows: Sequence[Row]) -> None:
    """Put commands in; those that are there already, of the same recording and number, stay as they are."""
    new = _placed(connection, rows) if rows else []
    if not new:
        return
    if connection.dialect.name == "sqlite":
        for some in _pieces(new, _ROWS):
            _put_in_sqlite(connection, some)
        return
    shown = [{"id": i, "session_id": row.session, "n": row.n, "about_json": _dumped(row.about)} for i, row in new]
    connection.execute(insert(commands), shown)
    values = [{"id": i, "w": tsvector(row)} for i, row in new]
    connection.execute(text("INSERT INTO command_words(id, words) VALUES (:id, CAST(:w AS tsvector))"), values)


def _put_in_sqlite(connection: Connection, new: Sequence[tuple[int, Row]]) -> None:
    """Many rows to a statement: between two of them SQLite waits for the interpreter, which sessions need as well."""
    shown = [value for i, row in new for value in (i, row.session, row.n, _dumped(row.about))]
    words = [value for i, row in new for value in (i, " ".join(row.words), " ".join(sorted(row.marks)))]
    for head, each, values in (
        ("commands(id, session_id, n, about_json)", "(?, ?, ?, ?)", shown),
        ("command_words(rowid, words, marks)", "(?, ?, ?)", words),
    ):
        connection.exec_driver_sql(f"INSERT INTO {head} VALUES {', '.join([each] * len(new))}", tuple(values))  # noqa: S608


def _dumped(about: Mapping[str, Any]) -> str:
    """As `dumps`, in a tenth of its time for nearly all there is."""
    try:
        found = orjson.dumps(about)
    except TypeError:  # a lone surrogate
        return dumps(about)
    return found.decode() if found.isascii() else dumps(about)


def _placed(connection: Connection, rows: Sequence[Row]) -> list[tuple[int, Row]]:
    """(id, row) of those that are not there: the next free id where another command has it."""
    known, taken = _known(connection, rows), _taken(connection, [row.id for row in rows])
    new: list[tuple[int, Row]] = []
    for row in rows:
        if (row.session, row.n) in known:
            continue
        ident = row.id
        while ident in taken or (ident != row.id and _is_taken(connection, ident)):
            ident += 1
        taken.add(ident)
        known.add((row.session, row.n))
        new.append((ident, row))
    return new


def _taken(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of some ids that commands have."""
    if connection.dialect.name == "sqlite":
        query = text("SELECT id FROM commands WHERE id IN (SELECT value FROM json_each(:ids))")
        return set(connection.scalars(query, {"ids": orjson.dumps(list(ids)).decode()}))
    return set(connection.scalars(text("SELECT id FROM commands WHERE id = ANY(:ids)"), {"ids": list(ids)}))


def _known(connection: Connection, rows: Sequence[Row]) -> set[tuple[str, int]]:
    c = commands.c
    found: set[tuple[str, int]] = set()
    by_session: dict[str, list[int]] = {}
    for row in rows:
        by_session.setdefault(row.session, []).append(row.n)
    for session, numbers in by_session.items():
        query = select(c.n).where(c.session_id == session, c.n >= min(numbers), c.n <= max(numbers))
        found |= {(session, number) for number in connection.scalars(query)}
    return found


def _is_taken(connection: Connection, ident: int) -> bool:
    return connection.scalar(select(commands.c.id).where(commands.c.id == ident)) is not None


def drop(connection: Connection, session: str) -> int:
    """Take a recording's commands out; how many there were."""
    ids = list(connection.scalars(select(commands.c.id).where(commands.c.session_id == session)))
    sqlite = connection.dialect.name == "sqlite"
    gone = text(f"DELETE FROM command_words WHERE {'rowid' if sqlite else 'id'} = :id")  # noqa: S608  a word of ours
    for some in _pieces(ids):
        values = [{"id": each} for each in some]
        connection.execute(gone, values)
        connection.execute(delete(commands).where(commands.c.id.in_(some)))
    return len(ids)


def merge(connection: Connection, pages: int) -> bool:
    """Drop words of deleted commands from SQLite's index, a few pages at a time; whether there is more to do.

    FTS5 only notes that a row is gone, and keeps its words until it merges. `pages` is below 0 the first time. Source:
    https://www.sqlite.org/fts5.html#the_merge_command
    """
    if connection.dialect.name != "sqlite":
        return False
    changes = text("SELECT total_changes()")
    before = connection.scalar(changes) or 0
    connection.execute(text("INSERT INTO command_words(command_words, rank) VALUES ('merge', :n)"), {"n": pages})
    return (connection.scalar(changes) or 0) - before >= 2


def _pieces(some: Sequence[T], size: int = _MANY) -> Iterable[Sequence[T]]:
    return (some[at : at + size] for at in range(0, len(some), size))
