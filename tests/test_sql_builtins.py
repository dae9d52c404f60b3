"""The list of PostgreSQL's own functions is the server's."""

from __future__ import annotations

import psycopg

from twisted_hoop.sql.builtins import BUILTINS


def test_the_list_is_what_a_server_has(shop: str) -> None:
    with psycopg.connect(shop) as connection:
        rows = connection.execute(
            "select distinct proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace"
        )
        there = {str(name) for (name,) in rows}
        minor = connection.info.server_version // 10000
    assert there <= BUILTINS or minor != 18
    assert len(BUILTINS - there) < 40
