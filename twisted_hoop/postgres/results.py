"""Rows of a result as they are recorded: what the client was sent, as text. Pure.

Source: https://www.postgresql.org/docs/current/protocol-message-formats.html, DataRow and RowDescription.
"""

from __future__ import annotations

import struct

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres import messages as pg


def column_names(row: bytes) -> list[str]:
    """The names in a RowDescription's body; none when it is not readable."""
    try:
        return [field.name for field in pg.row_description(row)]
    except (ProtocolError, IndexError, ValueError, struct.error):
        return []


def result_of(row: bytes, bodies: list[bytes]) -> dict[str, object]:
    """What an outcome says of rows that are recorded: `columns` by name, `result` row by row; nothing without a result.

    `row` is the RowDescription's body, empty when the client did not ask for it.
    """
    columns = column_names(row)
    return {"columns": columns, "result": shown_rows(bodies)} if columns or bodies else {}


def shown_rows(bodies: list[bytes]) -> list[list[str | None]]:
    """The cells of DataRow bodies: text where a cell is UTF-8, else `\\x` and its bytes in hex; NULL is None.

    A cell in binary format is shown as its bytes, whatever its type.
    """
    return [_cells(body) for body in bodies]


def _cells(body: bytes) -> list[str | None]:
    """What is malformed ends the row: it was sent like that, and is not judged here."""
    cells: list[str | None] = []
    at = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        length = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        if length > len(body) - at or at > len(body):
            break
        cells.append(None if length < 0 else _shown(body[at : at + length]))
        at += max(length, 0)
    return cells


def _shown(cell: bytes) -> str:
    try:
        text = cell.decode()
    except UnicodeDecodeError:
        return "\\x" + cell.hex()
    return text if "\0" not in text else "\\x" + cell.hex()
