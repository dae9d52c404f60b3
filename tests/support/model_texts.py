"""The texts the model of PostgreSQL understands, over the tables of `testing/postgres.py`."""

from __future__ import annotations

from twisted_hoop.testing.postgres import FIRST_OID, INT4, TEXT

Column = tuple[str, int, int, int]
Row = tuple[bytes | None, ...]

PEOPLE: tuple[Column, ...] = (("id", FIRST_OID, 1, INT4), ("card", FIRST_OID, 3, TEXT))
ROWS: dict[str, tuple[tuple[Column, ...], list[Row]]] = {
    "select 1": ((("?column?", 0, 0, INT4),), [(b"1",)]),
    "select id, card from people": (PEOPLE, [(b"1", b"CARD-1"), (b"2", None), (b"3", b"CARD-3"), (b"4", b"")]),
    "select upper(card) from people": ((("upper", 0, 0, TEXT),), [(b"CARD-1",), (b"CARD-3",)]),
    "select upper(name) from people": ((("upper", 0, 0, TEXT),), [(b"ANN",), (b"BOB",)]),
    "select id from people where false": ((("id", FIRST_OID, 1, INT4),), []),
}
COMPLETES = {
    "begin": "BEGIN",
    "commit": "COMMIT",
    "rollback": "ROLLBACK",
    "insert into orders values (1, 2)": "INSERT 0 1",
    "delete from people": "DELETE 4",
    "drop table people": "DROP TABLE",
}
FAILS_LATER = {"select 1 / 0"}
"""They parse, and fail when they are run."""
COPY_IN = "copy people (name) from stdin"
COPY_OUT = "copy orders (id) to stdout"
FORBIDDEN = ("delete from people", "drop table people", "begin; delete from people", "select 1; drop table people")
"""What the gate of the tests refuses."""
ALLOWED = (
    *ROWS,
    "begin",
    "commit",
    "rollback",
    "insert into orders values (1, 2)",
    *FAILS_LATER,
    "",
    COPY_OUT,
    "broken word",
)
SCRIPTS = (
    *ALLOWED,
    "select 1; select id, card from people",
    "begin; select 1 / 0; select 1",
    "insert into orders values (1, 2); commit",
)
