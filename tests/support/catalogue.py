"""A target's catalogue read over psycopg, for tests."""

from __future__ import annotations

import psycopg
from psycopg import pq

from twisted_hoop.lineage.catalogue import Catalogue
from twisted_hoop.lineage.catalogue_reader import CATALOGUE_SQL, Row, build


def read_catalogue(dsn: str, version: int = 1) -> Catalogue:
    """The catalogue of a database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return build([run_text(connection.pgconn, sql) for sql in CATALOGUE_SQL], version)


def run_text(connection: pq.abc.PGconn, sql: str) -> list[Row]:
    """The rows of a text by simple-query protocol, cells as text."""
    result = connection.exec_(sql.encode())
    assert result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK), result.error_message
    columns = range(result.nfields)
    return [[_cell(result.get_value(row, column)) for column in columns] for row in range(result.ntuples)]


def _cell(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
