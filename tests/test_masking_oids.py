"""The numbers, against the server that gave them out."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.support.masking import read_types
from tests.support.postgres import Server
from twisted_hoop.masking import oids


def test_every_number_is_the_server_s(postgres: Server) -> None:
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        types = read_types(connection)
        arrays: list[Any] = connection.execute(
            "select typarray::int8, oid::int8 from pg_type where typarray <> 0 and typtype <> 'c' and oid < 16384"
            " and typnamespace = 'pg_catalog'::regnamespace and typrelid = 0 and oid < 12000"
        ).fetchall()
    for name, value in vars(oids).items():
        if name.isupper() and isinstance(value, int):
            assert types[value].name == name.lower(), name
    assert dict(arrays) == oids.ARRAYS
    assert {types[o].kind for o in oids.RANGES} == {"r"}
    assert {types[o].kind for o in oids.MULTIRANGES} == {"m"}
    assert {types[o].name for o in oids.TEXTS} == {
        "char", "name", "text", "xml", "pg_node_tree", "unknown", "bpchar", "varchar", "refcursor", "cstring",
    }  # fmt: skip
