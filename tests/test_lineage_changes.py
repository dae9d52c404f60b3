"""M1, M7: what INSERT, UPDATE, DELETE and MERGE store, and what RETURNING shows."""

from __future__ import annotations

import pytest

from tests.support.lineage import named, outputs, trace

CASES = [
    (
        "insert into notes (text) select card from people returning text, id",
        ["text: notes.text people.card", "id: notes.id"],
    ),
    (
        "insert into notes select id, card from people returning *",
        ["id: notes.id people.id", "text: notes.text people.card"],
    ),
    (
        "insert into notes (text) values ('x') on conflict (id) do update set text = excluded.text || "
        "(select max(ssn) from people) returning text",
        ["text: notes.text people.ssn"],
    ),
    (
        "update notes set text = p.card from people p returning text, p.id",
        ["text: notes.text people.card", "id: people.id"],
    ),
    ("update notes set (id, text) = (select 1, ssn from people) returning id", ["id: notes.id people.ssn"]),
    (
        "update people set name = 'x' returning old.card, new.ssn, old",
        ["card: people.card", "ssn: people.ssn", "old: people.card people.id people.name people.ssn"],
    ),
    ("update people set name = 'x' returning with (old as o) o.card", ["card: people.card"]),
    (
        "delete from notes using keys k returning *",
        ["id: notes.id", "text: notes.text", "id: keys.id", "data: keys.data"],
    ),
    (
        "merge into notes n using people p on p.id = n.id when matched then update set text = p.card "
        "returning n.text, p.name",
        ["text: notes.text people.card", "name: people.name"],
    ),
    (
        "merge into notes n using keys k on k.id = n.id when matched then delete returning *",
        ["id: keys.id", "data: keys.data", "id: notes.id", "text: notes.text"],
    ),
    ("insert into ruled values (1, 'x') returning text", ["text: ? ruled.id ruled.text"]),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "insert into notes (text) select ssn from people",
        "insert into notes (text) values ((select ssn from people))",
        "update notes set text = (select ssn from people)",
        "update people set name = ssn",
        "merge into notes n using people p on true when not matched then insert (text) values (p.ssn)",
        "merge into notes n using people p on true when matched then update set text = p.ssn",
        "insert into notes (text) values ('') on conflict (id) do update set text = (select ssn from people)",
        "with x as (insert into notes (text) select ssn from people) select 1",
    ],
)
def test_M7_what_is_written_elsewhere_is_stored(sql: str) -> None:
    assert named(trace(sql).stored) == "people.ssn"


@pytest.mark.parametrize(
    "sql", ["update people set ssn = trim(ssn)", "insert into people (ssn) select ssn from people"]
)
def test_a_column_written_into_itself_goes_nowhere(sql: str) -> None:
    assert not trace(sql).stored


def test_M5_conditions_of_changes_are_predicates() -> None:
    sql = "merge into notes n using people p on p.card = n.text when matched and p.ssn > '1' then do nothing"
    assert named(trace(sql).predicates) == "notes.text people.card people.ssn"
