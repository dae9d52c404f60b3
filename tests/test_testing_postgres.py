"""The builders and readers of messages agree with each other and with the readers of the gateway."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.postgres import messages as pg
from twisted_hoop.testing import postgres as build

cell = st.none() | st.binary(max_size=40)


@given(st.lists(st.lists(cell, max_size=6), max_size=4))
def test_rows_are_read_as_they_were_built(rows: list[list[bytes | None]]) -> None:
    assert build.rows(b"".join(build.data_row(*row) for row in rows)) == rows


@given(st.lists(cell, max_size=5))
def test_a_bind_is_read_as_it_was_built(values: list[bytes | None]) -> None:
    [(kind, body)] = build.split(build.bind(b"p", b"s", values))
    read = pg.bind(body)
    assert (kind, read.portal, read.statement, list(read.values)) == ("B", b"p", b"s", values)


def test_a_row_description_is_read_as_it_was_built() -> None:
    [(_, body)] = build.split(build.row_description(("id", 16384, 1, build.INT4), ("total", 0, 0, build.TEXT)))
    assert [(f.name, f.table, f.number, f.type_oid) for f in pg.row_description(body)] == [
        ("id", 16384, 1, 23),
        ("total", 0, 0, 25),
    ]


def test_the_catalogue_of_a_few_tables() -> None:
    catalogue = build.catalogue_of(build.SHOP)
    assert [r.oid for r in catalogue.candidates("", "people")] == [build.FIRST_OID]
    assert catalogue.candidates("public", "people") == catalogue.candidates("", "people")
    assert catalogue.candidates("hr", "people") == ()
    assert not build.knowledge_of().stale
