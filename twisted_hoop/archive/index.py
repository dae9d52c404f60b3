"""The index in the store: rows put in, taken out, and found, newest first. By FTS5 in SQLite, by GIN in PostgreSQL.

All functions of a Connection block, and run in one transaction of their caller's.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, delete, insert, select, text

from twisted_hoop.archive.blocks import MANY, SPAN_IDS, Block, numbers_of, told
from twisted_hoop.archive.gathering import Gathered, gathered
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
_COLUMNS = ("id", "session_id", "n", "about_json")
_BUMPED = 1 << 20
"""How far above its newest command a row's id may be, where others had that."""


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
    """Up to `limit` commands, newest first, of ids below `before`; more when several have the id of the last one.

    Rows are looked at from the newest on, by their newest command, until enough commands are newer than all that
    follow.
    """
    lowest, highest = _bounds(query, before)
    below, hits, many = min(highest + SPAN_IDS + _BUMPED, _END), list[Hit](), limit + 1
    while True:
        rows = _rows(connection, query, (lowest, below), many)
        hits += [hit for row in rows for hit in _hits(row, query) if lowest <= hit.id < highest]
        if len(rows) < many:
            break
        below = rows[-1].id
        if sum(hit.id > below for hit in hits) > limit:
            break
        many *= 2
    return _page(sorted(hits, key=lambda hit: -hit.id), limit)


def _page(hits: list[Hit], limit: int) -> Page[Hit]:
    """One page of them; what is of one id stays together, for the next page begins below it."""
    while limit < len(hits) and hits[limit].id == hits[limit - 1].id:
        limit += 1
    return page_of(hits, limit, lambda hit: (0.0, str(hit.id)))


def _rows(connection: Connection, query: Query, bounds: tuple[int, int], limit: int) -> Sequence[Any]:
    c = commands.c
    found = select(c.id, c.session_id, c.n, c.about_json).order_by(c.id.desc())
    if query.phrases or query.marks:
        by_words = _in_sqlite if connection.dialect.name == "sqlite" else _in_postgresql
        found = found.where(c.id.in_(by_words(connection, query, bounds, limit)))
    else:
        found = found.where(c.id >= bounds[0], c.id < bounds[1]).limit(limit)
    return connection.execute(found).all()


def _hits(row: Any, query: Query) -> Iterator[Hit]:
    for ident, n, about in told(row.id, row.n, json.loads(row.about_json), query):
        yield Hit(ident, row.session_id, n, about)


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
    parts = [_phrase(each) for each in query.phrases]
    parts += [f'marks : "{each.mark}"{_star(each)}' for each in query.marks]
    return " AND ".join(parts)


def _phrase(phrase: Phrase) -> str:
    """Its words in a row, or all of them where words are in no order."""
    words, star = phrase.words, _star(phrase)
    together = f'words : "{" ".join(words)}"{star}'
    if len(words) == 1:
        return together
    apart = " AND ".join([*(f'words : "{word}"' for word in words[:-1]), f'words : "{words[-1]}"{star}'])
    return f'({together} OR (marks : "{MANY}" AND {apart}))'


def _star(part: Phrase | Mark) -> str:
    return " *" if part.prefix else ""


def tsquery(query: Query) -> str:
    """The query in PostgreSQL's words. Marks begin with a colon, which words cannot."""
    parts = [_lexemes(each) for each in query.phrases]
    parts += [f"':{each.mark}'{':*' if each.prefix else ''}" for each in query.marks]
    return " & ".join(parts)


def _lexemes(phrase: Phrase) -> str:
    last = ":*" if phrase.prefix else ""
    words = [*(f"'{word}'" for word in phrase.words[:-1]), f"'{phrase.words[-1]}'{last}"]
    if len(words) == 1:
        return words[0]
    return f"(({' <-> '.join(words)}) | (':{MANY}' & {' & '.join(words)}))"


def tsvector(block: Block) -> str:
    """The words, with their places where they are in order, and the marks, as PostgreSQL reads a tsvector."""
    marks = (f"':{mark}'" for mark in sorted(block.marks))
    if MANY in block.marks:
        return " ".join((*(f"'{word}'" for word in block.words), *marks))
    places: dict[str, list[str]] = {}
    for place, word in enumerate(block.words, 1):
        places.setdefault(word, []).append(str(min(place, _MOST_POSITION)))
    return " ".join((*(f"'{word}':{','.join(at[:255])}" for word, at in places.items()), *marks))


def put(connection: Connection, rows: Sequence[Row] | Gathered) -> None:
    """Put commands in; those that are there already, of the same recording and number, stay as they are."""
    blocks = list(rows.blocks() if isinstance(rows, Gathered) else gathered(rows))
    new = _placed(connection, blocks) if blocks else []
    if not new:
        return
    if connection.dialect.name == "sqlite":
        for some in _pieces(new, _ROWS):
            _put_in_sqlite(connection, some)
        return
    shown = [(i, each.session, each.n, _dumped(each.stored())) for i, each in new]
    connection.execute(insert(commands), [dict(zip(_COLUMNS, row, strict=True)) for row in shown])
    values = [{"id": i, "w": tsvector(each)} for i, each in new]
    connection.execute(text("INSERT INTO command_words(id, words) VALUES (:id, CAST(:w AS tsvector))"), values)


def _put_in_sqlite(connection: Connection, new: Sequence[tuple[int, Block]]) -> None:
    """Many rows to a statement: between two of them SQLite waits for the interpreter, which sessions need as well."""
    shown = [value for i, each in new for value in (i, each.session, each.n, _dumped(each.stored()))]
    words = [value for i, each in new for value in (i, " ".join(each.words), " ".join(sorted(each.marks)))]
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


def _placed(connection: Connection, blocks: Sequence[Block]) -> list[tuple[int, Block]]:
    """(id, row) of what is not there: the next free id where another row has it."""
    known, taken = _known(connection, blocks), _taken(connection, [each.id for each in blocks])
    new: list[tuple[int, Block]] = []
    for block in blocks:
        rest = block.without(known[block.session])
        if rest is None:
            continue
        known[block.session].update(rest.numbers)
        ident = rest.id
        while ident in taken or (ident != block.id and _is_taken(connection, ident)):
            ident += 1
        taken.add(ident)
        new.append((ident, rest))
    return new


def _taken(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of some ids that commands have."""
    if connection.dialect.name == "sqlite":
        query = text("SELECT id FROM commands WHERE id IN (SELECT value FROM json_each(:ids))")
        return set(connection.scalars(query, {"ids": orjson.dumps(list(ids)).decode()}))
    return set(connection.scalars(text("SELECT id FROM commands WHERE id = ANY(:ids)"), {"ids": list(ids)}))


def _known(connection: Connection, blocks: Sequence[Block]) -> dict[str, set[int]]:
    """Numbers of commands that are there, by session: of rows that end where these begin, or later."""
    c, first = commands.c, dict[str, int]()
    for block in blocks:
        first[block.session] = min(block.numbers[0], first.get(block.session, _END))
    found: dict[str, set[int]] = {}
    for session, number in first.items():
        query = select(c.n, c.about_json).where(c.session_id == session, c.n >= number)
        rows = connection.execute(query)
        found[session] = {each for row in rows for each in numbers_of(json.loads(row.about_json), row.n)}
    return found


def _is_taken(connection: Connection, ident: int) -> bool:
    return connection.scalar(select(commands.c.id).where(commands.c.id == ident)) is not None


def alone(connection: Connection, session: str) -> None:
    """Let nobody else put this session's commands in until the transaction ends: what is there is looked for first.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"hoop index {session}"})


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
