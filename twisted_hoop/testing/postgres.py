"""PostgreSQL for scripts: the messages of both sides in few words, a catalogue of a few tables, and a relay over it.

`query`, `parse`, `error`, `notice` and `message` are those of `postgres/messages.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

from twisted_hoop.lineage.catalogue import Catalogue, Column, Relation
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.messages import error, message, notice, parse, query
from twisted_hoop.postgres.relay import PostgresRelay
from twisted_hoop.settings import MaskSection
from twisted_hoop.sql.reader import SqlReader

__all__ = ["error", "message", "notice", "parse", "query"]

INT4, TEXT = 23, 25
FIRST_OID = 16384
SHOP = {"public.people": {"id": INT4, "name": TEXT, "card": TEXT}, "public.orders": {"id": INT4, "person": INT4}}
"""Tables as `catalogue_of` takes them; the first has OID 16384."""

# -- what clients send ------------------------------------------------------------------------------------------------


def bind(
    portal: bytes = b"",
    statement: bytes = b"",
    values: Sequence[bytes | None] = (),
    formats: tuple[int, ...] = (),
    results: bytes = b"\0\0",
) -> bytes:
    """Bind."""
    return pg.build_bind(pg.Bind(portal, statement, tuple(values), formats or (0,) * len(values), results))


def describe(kind: str = "P", name: bytes = b"") -> bytes:
    """Describe of a portal ("P") or statement ("S")."""
    return message(b"D", kind.encode() + name + b"\0")


def execute(portal: bytes = b"", rows: int = 0) -> bytes:
    """Execute."""
    return message(b"E", portal + b"\0" + struct.pack(">I", rows))


def close(kind: str, name: bytes = b"") -> bytes:
    """Close of a portal ("P") or statement ("S")."""
    return message(b"C", kind.encode() + name + b"\0")


def sync() -> bytes:
    """Sync."""
    return message(b"S")


def copy_data(data: bytes) -> bytes:
    """CopyData, either way."""
    return message(b"d", data)


def copy_done() -> bytes:
    """CopyDone, either way."""
    return message(b"c")


def copy_fail(why: bytes = b"stop") -> bytes:
    """CopyFail."""
    return message(b"f", why + b"\0")


def function_call(oid: int) -> bytes:
    """FunctionCall without arguments."""
    return message(b"F", struct.pack(">IHHH", oid, 0, 0, 0))


def terminate() -> bytes:
    """Terminate."""
    return message(b"X")


# -- what targets send ------------------------------------------------------------------------------------------------


def parse_complete() -> bytes:
    """ParseComplete."""
    return message(b"1")


def bind_complete() -> bytes:
    """BindComplete."""
    return message(b"2")


def close_complete() -> bytes:
    """CloseComplete."""
    return message(b"3")


def no_data() -> bytes:
    """NoData."""
    return message(b"n")


def parameter_description(*types: int) -> bytes:
    """ParameterDescription."""
    return message(b"t", struct.pack(f">H{len(types)}I", len(types), *types))


def row_description(*columns: tuple[str, int, int, int]) -> bytes:
    """RowDescription of (name, table, number, type) columns, all in text format."""
    body = [struct.pack(">H", len(columns))]
    for name, table, number, type_oid in columns:
        body.append(name.encode() + b"\0" + struct.pack(">IhIhih", table, number, type_oid, -1, -1, 0))
    return message(b"T", b"".join(body))


def data_row(*cells: bytes | None) -> bytes:
    """DataRow; None is NULL."""
    body = [struct.pack(">H", len(cells))]
    for cell in cells:
        body.append(struct.pack(">i", -1) if cell is None else struct.pack(">i", len(cell)) + cell)
    return message(b"D", b"".join(body))


def complete(tag: str) -> bytes:
    """CommandComplete."""
    return message(b"C", tag.encode() + b"\0")


def empty() -> bytes:
    """EmptyQueryResponse."""
    return message(b"I")


def suspended() -> bytes:
    """PortalSuspended."""
    return message(b"s")


def ready(state: str = "I") -> bytes:
    """ReadyForQuery: idle, in a transaction ("T") or in a failed one ("E")."""
    return message(b"Z", state.encode())


def copy_in(columns: int = 1) -> bytes:
    """CopyInResponse, text format."""
    return message(b"G", struct.pack(">bH", 0, columns) + b"\0\0" * columns)


def copy_out(columns: int = 1) -> bytes:
    """CopyOutResponse, text format."""
    return message(b"H", struct.pack(">bH", 0, columns) + b"\0\0" * columns)


def parameter_status(name: str, value: str) -> bytes:
    """ParameterStatus."""
    return message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


def notification(channel: bytes, payload: bytes) -> bytes:
    """NotificationResponse."""
    return message(b"A", struct.pack(">I", 7) + channel + b"\0" + payload + b"\0")


# -- reading what was sent --------------------------------------------------------------------------------------------


def split(data: bytes) -> list[tuple[str, bytes]]:
    """The messages of a stream of whole ones, as (kind, body)."""
    found, position = [], 0
    while position < len(data):
        kind, length = struct.unpack_from(">cI", data, position)
        found.append((kind.decode("latin-1"), data[position + 5 : position + 1 + length]))
        position += 1 + length
        assert position <= len(data), "the last message is cut short"
    return found


def kinds(data: bytes) -> str:
    """The kinds of the messages of a stream, one letter each."""
    return "".join(kind for kind, _ in split(data))


def cells(body: bytes) -> list[bytes | None]:
    """The cells of a DataRow's body."""
    (count,) = struct.unpack_from(">H", body)
    found: list[bytes | None] = []
    position = 2
    for _ in range(count):
        (length,) = struct.unpack_from(">i", body, position)
        found.append(None if length < 0 else body[position + 4 : position + 4 + length])
        position += 4 + max(length, 0)
    return found


def rows(data: bytes) -> list[list[bytes | None]]:
    """The cells of every DataRow in a stream."""
    return [cells(body) for kind, body in split(data) if kind == "D"]


# -- a target in few words --------------------------------------------------------------------------------------------


def catalogue_of(tables: Mapping[str, Mapping[str, int]]) -> Catalogue:
    """A catalogue of plain tables: `schema.name` → column → type OID."""
    relations = []
    for oid, (name, columns) in enumerate(tables.items(), FIRST_OID):
        schema, _, table = name.partition(".")
        numbered = tuple(Column(number, column, kind) for number, (column, kind) in enumerate(columns.items(), 1))
        relations.append(Relation(oid, schema, table, "r", numbered))
    by_name = {r.name: tuple(o for o in relations if o.name == r.name) for r in relations}
    return Catalogue(1, {r.oid: r for r in relations}, by_name)


def knowledge_of(
    masks: Sequence[MaskSection] = (), tables: Mapping[str, Mapping[str, int]] = SHOP, read_only: bool = False
) -> Knowledge:
    """What a gateway knows of a target with these tables."""
    knowledge = Knowledge(SqlReader(), masks, b"k" * 32, read_only)
    knowledge.learn(catalogue_of(tables))
    return knowledge


def make_relay(
    masks: Sequence[MaskSection] = (),
    knowledge: Knowledge | None = None,
    names: Callable[[], frozenset[str]] | None = None,
    statements: int = 1000,
    functions: frozenset[int] = frozenset(),
) -> PostgresRelay:
    """A relay over those tables; all of the masks hold unless `names` tells others."""
    every = frozenset(m.name for m in masks)
    return PostgresRelay(
        knowledge or knowledge_of(masks),
        {"search_path": '"$user", public', "server_version": "18.0"},
        masks=names or (lambda: every),
        database="shop",
        login="hoop",
        statements=statements,
        functions=functions,
    )
