"""A gateway in a hundred lines: what lineage and bindings alone hide of a real server's answers.

It runs a statement on a real connection and keeps only the cells that no mask is bound to, by the rules of the relay: a
plain column is known by its table OID and attribute number, anything else by lineage. No detector, no policy, no
protocol: what stays visible here is what lineage let through. Every session is one transaction, rolled back at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import postgast
import psycopg
from psycopg import pq

from tests.support.catalogue import run_text
from twisted_hoop.lineage.catalogue import Catalogue
from twisted_hoop.lineage.catalogue_reader import CATALOGUE_SQL, build
from twisted_hoop.lineage.tracer import Lineage, Tracer
from twisted_hoop.masking.bindings import Bindings, Remembered
from twisted_hoop.settings import MaskSection

MASKS = (
    MaskSection(name="card", columns=[r".*\.card_number"]),
    MaskSection(name="ssn", columns=["public.customers.ssn"]),
    MaskSection(name="keys", columns=["api_keys.data"]),
)
_CHANGES = ("CREATE", "ALTER", "DROP", "SELECT INTO")


class Known:
    """What is known of a database at one moment."""

    def __init__(
        self, catalogue: Catalogue, masks: Sequence[MaskSection] = MASKS, before: Remembered = frozenset()
    ) -> None:
        self.masks = masks
        self.tracer = Tracer(catalogue)
        self.bindings = Bindings(masks, catalogue, before, self.tracer)


@dataclass
class Seen:
    """What a client sees of one session, and what was noticed."""

    refused: list[str] = field(default_factory=list)
    visible: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    predicates: frozenset[str] = frozenset()
    mismatched: list[str] = field(default_factory=list)


class ModelGateway:
    """One session. `run` it statement by statement, then `close`. With `lenient`, nothing is refused, only hidden: as
    if somebody who may had prepared the ground."""

    def __init__(self, dsn: str, known: Known, lenient: bool = False) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._pg = self._connection.pgconn
        self._known = known
        self._lenient = lenient
        self.seen = Seen()
        self._pg.exec_(b"begin")

    def close(self) -> Seen:
        """Undo everything; what was seen."""
        self._connection.close()
        return self.seen

    def run(self, sql: str) -> None:
        """Send one statement, unless it is refused."""
        lineage = self._known.tracer.trace(postgast.parse(sql).stmts[0].stmt)
        self.seen.predicates |= self._bound(lineage.predicates)
        if lineage.stored_opaque or self._bound(lineage.stored) or _leaves(sql):
            self.seen.refused.append(sql)
            if not self._lenient:
                return
        self._pg.exec_(b"savepoint s")
        result = self._pg.exec_(sql.encode())
        if result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.NONFATAL_ERROR):
            self.seen.failed.append(f"{sql}: {result.error_message.decode()}")
            self._pg.exec_(b"rollback to s")
            return
        self._look(sql, result, lineage)
        if (result.command_status or b"").decode().startswith(_CHANGES):
            self._known = Known(self._read(), self._known.masks, self._known.bindings.to_remember())

    def _look(self, sql: str, result: pq.abc.PGresult, lineage: Lineage) -> None:
        if result.status == pq.ExecStatus.COPY_OUT:
            self._copied(lineage)
            return
        hidden = [self._hidden(result, column, lineage) for column in range(result.nfields)]
        self._compare(sql, result, lineage)
        for row in range(result.ntuples):
            cells = [result.get_value(row, c) for c in range(result.nfields) if not hidden[c]]
            self.seen.visible += [c.decode(errors="replace") for c in cells if c is not None]
        while (notify := self._pg.notifies()) is not None:
            self.seen.visible.append(notify.extra.decode())

    def _hidden(self, result: pq.abc.PGresult, column: int, lineage: Lineage) -> bool:
        table, number = result.ftable(column), result.ftablecol(column)
        if table and table != 0xFFFFFFFF:
            return not self._known.bindings.known(table) or bool(self._known.bindings.masks_of((table, number)))
        if lineage.outputs is None or len(lineage.outputs) != result.nfields:
            return True
        return bool(self._known.bindings.masks_of_origin(lineage.outputs[column][1]))

    def _compare(self, sql: str, result: pq.abc.PGresult, lineage: Lineage) -> None:
        """Lineage must agree with the server wherever the server says which column it sends."""
        if lineage.outputs is None:
            return
        if len(lineage.outputs) != result.nfields and result.nfields:
            self.seen.mismatched.append(f"{sql}: {result.nfields} columns, not {len(lineage.outputs)}")
            return
        for column in range(result.nfields):
            origin = lineage.outputs[column][1]
            table, number = result.ftable(column), result.ftablecol(column)
            if table and number > 0 and (table, number) not in origin.columns and not origin.opaque:
                self.seen.mismatched.append(f"{sql}: column {column + 1} is {table}.{number}, not {origin}")

    def _copied(self, lineage: Lineage) -> None:
        hidden = [bool(self._known.bindings.masks_of_origin(o)) for _, o in lineage.outputs or ()]
        while True:
            size, data = self._pg.get_copy_data(0)
            if size <= 0:
                break
            cells = bytes(data).decode(errors="replace").rstrip("\n").split("\t")
            if len(cells) == len(hidden):
                self.seen.visible += [c for c, hide in zip(cells, hidden, strict=True) if not hide]
            elif not any(hidden) and lineage.outputs is not None:
                self.seen.visible += cells
        self._pg.get_result()

    def _bound(self, columns: frozenset[tuple[int, int]]) -> frozenset[str]:
        return frozenset().union(*(self._known.bindings.masks_of(c) for c in columns))

    def _read(self) -> Catalogue:
        path = run_text(self._pg, "show search_path")[0][0]
        rows = [run_text(self._pg, sql) if sql not in ("commit", CATALOGUE_SQL[0]) else [] for sql in CATALOGUE_SQL]
        self._pg.exec_(f"select set_config('search_path', '{path}', true)".encode())
        return build(rows, 1)


def _leaves(sql: str) -> bool:
    """COPY to a file or a program: other rules refuse it (P15)."""
    statement = postgast.parse(sql).stmts[0].stmt
    return bool(statement.copy_stmt.filename or statement.copy_stmt.is_program)
