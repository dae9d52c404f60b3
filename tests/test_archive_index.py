"""The index in both databases: each must find what the query itself says matches, no more and no less."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from tests.support.postgres import Server
from twisted_hoop.archive.index import Hit, Index, drop, find, put
from twisted_hoop.archive.query import BadQuery, parse
from twisted_hoop.archive.rows import Row, row_of
from twisted_hoop.store.database import Database
from twisted_hoop.store.paging import BadCursor

NOW = 1_800_001_000.0


def row(n: int, words: str, session: str = "session-0001", target: str = "shop", at: float = 0.0, **more: Any) -> Row:
    who = {"issuer": "i", "subject": "alice", "name": "", "chain": []}
    header = {"session": session, "started": 1_800_000_000.0, "principal": who, "target": target, "protocol": "ssh"}
    return row_of(header, {"n": n, "t": at or float(n), "kind": "command", "text": words, "decision": "allow", **more})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path_factory.mktemp('index')}/hoop.db"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        server.create_database("archive_index")
        where = f"{server.user}:{server.password}@{server.host}:{server.port}"
        url = f"postgresql+psycopg://{where}/archive_index"
    database = Database(url, None)
    database.start()
    yield database
    database.stop()


def fill(database: Database, *rows: Row) -> None:
    def work(connection: Connection) -> None:
        for session in {row.session for row in rows}:
            drop(connection, session)
        put(connection, rows)

    database.write_now(work)


def clear(connection: Connection) -> None:
    for name in ("commands", "command_words"):
        connection.execute(text(f"DELETE FROM {name}"))


def hits(database: Database, query: str, limit: int = 100) -> list[Hit]:
    return list(database.read_now(lambda connection: find(connection, parse(query, NOW), limit)).items)


def numbers(database: Database, query: str) -> list[int]:
    return [hit.n for hit in hits(database, query)]


def test_words_phrases_marks_and_times(database: Database) -> None:
    database.write_now(clear)
    one, two = row(1, "DROP TABLE customers"), row(2, "select * from customers", target="web-1", tables=["public.cust"])
    fill(database, one, two)
    assert numbers(database, "customers") == [2, 1]
    assert numbers(database, '"table customers"') == [1] and numbers(database, '"customers table"') == []
    assert numbers(database, "cust*") == [2, 1] and numbers(database, "cust") == []
    assert numbers(database, "target:web-*") == [2] and numbers(database, "target:web") == []
    assert numbers(database, "table:cust person:alice") == [2]
    assert numbers(database, "until:2027-01-15T08:00:02Z") == [1]
    assert numbers(database, "since:2027-01-15T08:00:02Z drop") == []
    assert numbers(database, "") == [2, 1]


def test_a_hit_is_what_was_recorded_odd_characters_and_all(database: Database) -> None:
    database.write_now(clear)
    fill(database, row(1, "select 'a\x00\ud800' -- '\\ \" Ünïcode 東京"))
    (hit,) = hits(database, "ünïcode 東京")
    assert hit.about["text"] == "select 'a\x00\ud800' -- '\\ \" Ünïcode 東京"
    assert (hit.session, hit.n, hit.at) == ("session-0001", 1, 1_800_000_001.0)


def test_putting_in_again_changes_nothing(database: Database) -> None:
    """R5: what was indexed before a crash is indexed once, whatever is read again."""
    database.write_now(clear)
    rows = [row(1, "one"), row(2, "two")]
    database.write_now(lambda connection: put(connection, rows))
    database.write_now(lambda connection: put(connection, [*rows, row(3, "three"), row(3, "three")]))
    assert numbers(database, "") == [3, 2, 1] and numbers(database, "two") == [2]


def test_commands_of_one_microsecond_all_have_a_place(database: Database) -> None:
    database.write_now(clear)
    rows = [row(n, f"word{n}", at=5.0) for n in range(1, 1500)]
    database.write_now(lambda connection: put(connection, rows))
    assert len(hits(database, "", 2000)) == 1499 and numbers(database, "word1499") == [1499]


def test_what_is_dropped_is_not_found(database: Database) -> None:
    database.write_now(clear)
    fill(database, row(1, "secret plan"), row(1, "other plan", "session-0002"))
    assert database.write_now(lambda connection: drop(connection, "session-0001")) == 1
    assert [hit.session for hit in hits(database, "plan")] == ["session-0002"] and hits(database, "secret") == []


def test_pages_join(database: Database) -> None:
    database.write_now(clear)
    fill(database, *(row(n, "again") for n in range(1, 8)))
    seen, cursor = [], ""
    while True:
        before = None if not cursor else int(_ident(cursor))
        page = database.read_now(partial(find, query=parse("again", NOW), limit=3, before=before))
        seen += [hit.n for hit in page.items]
        cursor = page.next
        if not cursor:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


_SAID = st.sampled_from(
    ["select 1", "select 2 from t", "select 'a b'", "select 'b a', 2", "delete 1", "select 'c", "select $1"]
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 2), _SAID, st.sampled_from(["", "a b", "b", "2"])), min_size=1, max_size=14),
    st.sampled_from(
        ["", "select", "2", '"a b"', '"select a"', "a 2", '"1 b"', "se*", '"select 2"*', "decision:allow b"]
    ),
    st.integers(1, 4),
)
def test_commands_that_share_a_row_are_found_one_by_one(
    database: Database, said: list[tuple[int, str, str]], query: str, limit: int
) -> None:
    """Whatever shares a row: those the query says, newest first, on pages that join, and between times."""
    wanted = parse(query, NOW)
    rows = [
        row(n, text, f"session-{who}", at=float(n * (1 + n % 3)), parameters=[given] if given else None)
        for n, (who, text, given) in enumerate(said, 1)
    ]
    database.write_now(clear)
    for some in (rows[::2], rows[1:], rows):  # in any order, and again
        database.write_now(partial(put, rows=some))
    expected = sorted((each for each in rows if wanted.matches(each.words, each.marks, each.at)), key=lambda r: -r.id)
    assert _paged(database, query, limit) == [(each.session, each.n) for each in expected]
    middle = rows[len(rows) // 2].at
    when = datetime.fromtimestamp(middle, UTC).isoformat()
    since = [(each.session, each.n) for each in expected if each.at >= middle]
    until = [(each.session, each.n) for each in expected if each.at < middle]
    assert (_paged(database, f"{query} since:{when}", limit), _paged(database, f"{query} until:{when}", limit)) == (
        since,
        until,
    )


def _paged(database: Database, query: str, limit: int) -> list[tuple[str, int]]:
    seen: list[tuple[str, int]] = []
    before: int | None = None
    while True:
        page = database.read_now(partial(find, query=parse(query, NOW), limit=limit, before=before))
        seen += [(hit.session, hit.n) for hit in page.items]
        if not page.next:
            return seen
        before = int(_ident(page.next))


def test_commands_that_share_a_row_go_with_their_recording(database: Database) -> None:
    database.write_now(clear)
    fill(database, *(row(n, f"select {n}", f"session-{n % 2}") for n in range(1, 9)))
    database.write_now(lambda connection: drop(connection, "session-0"))
    assert numbers(database, "select") == [7, 5, 3, 1] and numbers(database, "4") == []


def test_commands_of_one_id_are_on_one_page(database: Database) -> None:
    """Of several sessions, in one microsecond: the next page begins below them all."""
    database.write_now(clear)
    rows = [row(n, f"again {n}", f"session-{who}", at=5.0 + n) for n in (1, 2) for who in range(3)]
    database.write_now(lambda connection: put(connection, rows))
    assert sorted(_paged(database, "again", 2)) == sorted((each.session, each.n) for each in rows)


def _ident(cursor: str) -> str:
    from twisted_hoop.store.paging import parse_cursor

    return parse_cursor(cursor)[1]


def test_cursors_of_others_are_refused(database: Database) -> None:
    from twisted_hoop.store.paging import cursor_of

    for cursor in ("nonsense!", cursor_of(1.0, "session-0001"), cursor_of(0.0, "9" * 30)):
        with pytest.raises(BadCursor):
            Index(database, lambda: NOW).search("", 10, cursor)


_TEXT = st.text(alphabet=st.sampled_from("ab AB_-*'\"\\:.ßé東\x00\ud800"), max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TEXT, min_size=1, max_size=6), _TEXT | st.sampled_from(['"a b"*', "a*", "target:a*", "table:ab"]))
def test_each_database_finds_what_the_query_says(database: Database, texts: list[str], query: str) -> None:
    try:
        wanted = parse(query, NOW)
    except BadQuery:
        return
    rows = [row(n, each, target=each or "none", tables=[each]) for n, each in enumerate(texts, 1)]
    database.write_now(clear)
    database.write_now(lambda connection: put(connection, rows))
    expected = [each.n for each in reversed(rows) if wanted.matches(each.words, each.marks, each.at)]
    found = database.read_now(lambda connection: find(connection, wanted, 100))
    assert [hit.n for hit in found.items] == expected
