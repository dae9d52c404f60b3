"""Masks at work in a live gateway: strategies, drivers, views, partitions, renames, what goes in."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from tests.integration.plans import RULES, target
from tests.support.gateway import Gateway, Plan, running_gateway, wait_for
from tests.support.postgres import Server

LOGIN, PASSWORD = "masker", "password-of-masker"
CARD, IBAN, MAIL = "4111111111111111", "DE89370400440532013000", "ada.lovelace@example.com"
MASKS = """
[[masks]]
name = "hashed"
groups = ["ci"]
columns = ['.*\\.token']
strategy = "hash"
[[masks]]
name = "nulled"
groups = ["ci"]
columns = ['.*\\.born']
strategy = "null"
[[masks]]
name = "redacted"
groups = ["ci"]
columns = ['.*\\.secret', '.*\\.salary', '.*\\.doc', '.*\\.tags']
[[masks]]
name = "found"
groups = ["ci"]
detect = ["card", "iban", "email"]
[[masks]]
name = "no-cards-in"
groups = ["developers"]
detect = ["card"]
direction = "request"
action = "deny"
[[masks]]
name = "no-ibans-in"
groups = ["developers"]
detect = ["iban"]
direction = "request"
action = "mask"
[[masks]]
name = "no-mails-in"
groups = ["developers"]
detect = ["email"]
direction = "request"
action = "review"
approvers = ["dba"]
[[masks]]
name = "no-guessing"
groups = ["operators"]
columns = ['.*\\.secret']
predicates = "deny"
opaque = "deny"
"""
TABLES = f"""
create table people (id int primary key, name text, secret text, salary numeric(10,2), born date, doc jsonb,
  tags text[], token text);
insert into people values (1, 'Ada', 'alpha', 100.50, '1990-01-02', '{{"a": "deep"}}', '{{x,y}}', 'same'),
  (2, 'Bob', null, null, null, null, null, 'same'), (3, 'Cy', 'gamma', 7, '2000-01-01', '[1]', '{{}}', 'other');
create table visits (id int, token text);
insert into visits values (1, 'same'), (2, 'other');
create table notes (id int, note text, data jsonb);
insert into notes values (1, 'card {CARD} of Ada', '{{"mail": "{MAIL}", "deep": [{{"iban": "{IBAN}"}}]}}');
insert into notes values (2, 'nothing', '{{}}');
create table parted (id int, secret text, at date) partition by range (at);
create table parted_old partition of parted for values from ('2020-01-01') to ('2025-01-01');
create table parted_new partition of parted for values from ('2025-01-01') to ('2030-01-01');
insert into parted values (1, 'old secret', '2021-01-01'), (2, 'new secret', '2026-01-01');
create view seen as select id, secret as innocent, upper(secret) as loud, salary * 2 as twice from people;
create view seen_again as select innocent as still from seen;
create materialized view kept as select id, secret as plain, length(secret) as size from people;
create table renamed (id int, secret text);
insert into renamed values (1, 'stays hidden');
create table renamed_directly (id int, secret text);
insert into renamed_directly values (1, 'stays hidden');
create table loaded (id int, note text);
create table child (extra text) inherits (renamed);
insert into child values (2, 'inherited', 'e');
"""
SECRETS = (
    "alpha",
    "gamma",
    "ALPHA",
    "GAMMA",
    "100.50",
    "201.00",
    "deep",
    "old secret",
    "new secret",
    "stays hidden",
    "inherited",
)


@dataclass(frozen=True)
class Studio:
    """A database and a gateway of this module's own."""

    server: Server
    gateway: Gateway

    def connect(self, who: str = "ci", **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.gateway.dsn("studio", who), autocommit=True, **options)

    def direct(self, sql: str) -> list[Any]:
        return self.server.run(sql, "studio")


@pytest.fixture(scope="module")
def studio(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder: Path = tmp_path_factory.mktemp("studio")
    postgres.create_login(LOGIN, PASSWORD)
    postgres.run(f"create database studio owner {LOGIN}")
    with psycopg.connect(postgres.dsn_for("studio", LOGIN, PASSWORD), autocommit=True) as connection:
        connection.execute(TABLES)
    plan = Plan(target("studio", postgres, "studio", LOGIN) + RULES + MASKS, {"TARGET_PASSWORD": PASSWORD})
    with running_gateway(folder, plan) as gateway:
        yield Studio(postgres, gateway)
    postgres.run("drop database studio with (force)")
    postgres.run(f"drop role {LOGIN}")


def hides(found: Any) -> bool:
    return not [secret for secret in SECRETS if secret in str(found)]


QUERIES = (
    "select * from people order by id",
    "select secret, salary, doc, tags from people order by id",
    "select upper(secret), salary + 1, doc ->> 'a', tags[1], doc::text from people order by id",
    "select p from people p order by id",
    "select row_to_json(p) from people p",
    "select array_agg(secret), string_agg(secret, ','), max(salary) from people",
    "select * from seen",
    "select * from seen_again",
    "select * from kept",
    "select * from parted order by id",
    "select * from parted_old union all select * from parted_new",
    "select secret from renamed",
    "select * from child",
    "with t as (select secret s from people) select s || '!' from t",
    "select coalesce(secret, 'none') from people",
    "table people",
    "values ((select secret from people where id = 1))",
    "select case when id = 1 then secret end from people",
    "select secret from people union select 'x'",
    "select lateral_.s from people p, lateral (select p.secret as s) lateral_",
)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("sql", QUERIES)
def test_M1_M2_psycopg_sees_no_masked_value(studio: Studio, sql: str, binary: bool) -> None:
    with studio.connect("bob") as connection:
        assert not hides(connection.execute(sql).fetchall())
    with studio.connect() as connection:
        found = connection.cursor(binary=binary).execute(sql).fetchall()
        assert found
        assert hides(found)
        assert hides(connection.execute(sql, prepare=True).fetchall())


@pytest.mark.parametrize("sql", [q for q in QUERIES if "select p from" not in q])
def test_M1_M2_asyncpg_sees_no_masked_value(studio: Studio, sql: str) -> None:
    async def work() -> Any:
        connection = await asyncpg.connect(studio.gateway.url_of("studio", "ci"), ssl=False)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    found = asyncio.run(work())
    assert found
    assert hides(found)


def test_null_stays_null_and_types_stay(studio: Studio) -> None:
    """M2: neutral values of the column's type."""
    with studio.connect() as connection:
        first, second, _ = connection.execute("select * from people order by id").fetchall()
    ident, name, secret, salary, born, doc, tags, token = first
    assert (ident, name, born) == (1, "Ada", None)
    assert isinstance(secret, str)
    assert salary == 0
    assert doc == "*****"
    assert tags == []
    assert token != "same"
    assert second[2:7] == (None, None, None, None, None)


def test_hashes_join(studio: Studio) -> None:
    with studio.connect() as connection:
        people = dict(connection.execute("select id, token from people").fetchall())
        visits = dict(connection.execute("select id, token from visits").fetchall())
    assert people[1] == people[2] == visits[1] != people[3]
    assert people[3] == visits[2]


def test_detectors_look_into_text_and_json(studio: Studio) -> None:
    with studio.connect() as connection:
        for binary in (False, True):
            (note, data), other = connection.cursor(binary=binary).execute("select note, data from notes").fetchall()
            assert "of Ada" in note
            assert not [value for value in (CARD, MAIL, IBAN) if value in note + str(data)]
            assert set(data) == {"mail", "deep"}
            assert other == ("nothing", {})
        with connection.cursor().copy("copy notes to stdout") as copy:
            text = b"".join(bytes(piece) for piece in copy).decode()
    assert not [value for value in (CARD, MAIL, IBAN) if value in text]


@pytest.mark.parametrize("form", ["", "(format csv, header)", "(format binary)"])
def test_M8_copies_out_are_masked(studio: Studio, form: str) -> None:
    with studio.connect() as connection, connection.cursor() as cursor:
        for source in ("people", "people (id, secret)", "(select secret, upper(secret) from people)"):
            with cursor.copy(f"copy {source} to stdout {form}") as copy:
                data = b"".join(bytes(piece) for piece in copy)
            assert data
            assert hides(data)


def test_M4_errors_do_not_echo_masked_values(studio: Studio) -> None:
    with studio.connect() as connection:
        for sql in (
            "select secret::int from people",
            "insert into people (id, secret) values (1, 'alpha')",
            "select ('{' || secret)::jsonb from people",
            "update people set id = 1 where secret = 'alpha' or id = 3",
        ):
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(sql)
            said = caught.value.diag
            assert hides((said.message_primary, said.message_detail, said.context)), sql


def test_M6_plans_and_statistics_are_hidden(studio: Studio) -> None:
    studio.direct("analyze people")
    with studio.connect() as connection:
        for sql in (
            "explain (verbose) select * from people where secret = 'alpha'",
            "explain (analyze, costs off) select * from people where secret = 'alpha'",
            "select * from pg_stats where tablename = 'people'",
            "select most_common_vals::text, histogram_bounds::text from pg_stats where tablename = 'people'",
        ):
            found: Any = None
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                found = connection.execute(sql).fetchall()
            assert hides(found), sql


def test_M5_guessing_can_be_forbidden(studio: Studio) -> None:
    with studio.connect("olga") as connection:
        for sql in ("select id from people where secret = 'alpha'", "select id from people order by secret"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="compared"):
                connection.execute(sql)
        assert connection.execute("select id from people where id = 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "sql",
    [
        "create table laundered as select secret from people",
        "create view laundered as select secret as a from people",
        "insert into notes (id, note) select id, secret from people",
        "update people set name = secret",
        "select secret into laundered from people",
        "alter table people rename secret to public_name",
        "create materialized view laundered as select upper(secret) as a from people",
    ],
)
def test_M7_masked_values_are_not_copied_elsewhere(studio: Studio, sql: str) -> None:
    with studio.connect() as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="masked"):
            connection.execute(sql)
        assert connection.execute("select to_regclass('laundered')").fetchone() == (None,)


def test_a_rename_through_the_gateway_does_not_unmask(studio: Studio) -> None:
    """By somebody no mask holds for, while somebody it holds for has the statement prepared."""
    with studio.connect() as masked, studio.connect("bob") as owner:
        assert hides(masked.execute("select * from renamed where id = %s", (1,), prepare=True).fetchall())
        owner.execute("alter table renamed rename secret to harmless")
        assert hides(masked.execute("select harmless from renamed").fetchall())
        assert hides(masked.execute("select upper(harmless) from renamed").fetchall())
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="cached plan"):  # as on a direct connection
            masked.execute("select * from renamed where id = %s", (1,), prepare=True)
        assert hides(masked.execute("select * from child").fetchall())
    with studio.connect() as masked:
        assert hides(masked.execute("select harmless, upper(harmless) from renamed").fetchall())


def test_a_rename_at_the_server_does_not_unmask(studio: Studio) -> None:
    """The gateway is not told: what it does not know is masked."""
    with studio.connect() as masked:
        assert hides(masked.execute("select * from renamed_directly").fetchall())
        studio.direct("alter table renamed_directly rename secret to harmless")
        assert hides(masked.execute("select harmless from renamed_directly").fetchall())
        assert hides(masked.execute("select lower(harmless) from renamed_directly").fetchall())
        studio.direct("alter table renamed_directly rename to elsewhere")
        for _ in range(2):
            assert hides(masked.execute("select harmless, lower(harmless) from elsewhere").fetchall())


SWAP = (
    "alter table {0} rename secret to t",
    "alter table {0} rename open to secret",
    "alter table {0} rename t to open",
)


@pytest.mark.parametrize("sql", ["select upper(open), open, secret from {0}", "copy {0} (open) to stdout"])
def test_M1_names_that_are_swapped_while_a_statement_waits_unmask_nothing(studio: Studio, sql: str) -> None:
    """The statement was judged by the old names, waits for the lock, and runs by the new ones."""
    table = "swapped_copy" if sql.startswith("copy") else "swapped"
    studio.direct(f"create table {table} as select 1 as id, 'alpha'::text as secret, 'town'::text as open")
    studio.direct(f"alter table {table} owner to {LOGIN}")
    with studio.connect() as masked, studio.connect("bob") as owner:
        for _ in range(2):
            masked.execute(f"select open, upper(open) from {table}")
        assert masked.execute(f"select upper(open) from {table}").fetchone() == ("TOWN",)
        owner.execute("begin")
        for change in SWAP:
            owner.execute(change.format(table))
        found: list[bytes] = []
        reading = threading.Thread(target=lambda: found.append(everything(masked, sql.format(table))))
        reading.start()
        waits = f"select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%{table}%'"
        wait_for(lambda: studio.direct(waits)[0][0] == 1, "the waiting statement")
        owner.execute("commit")
        reading.join(20)
        assert found
        assert hides(found)
        for _ in range(2):
            assert hides(everything(masked, f"select upper(open), open from {table}"))
        owner.execute(f"alter table {table} rename secret to plain")
        assert masked.execute(f"select upper(plain) from {table}").fetchone() is not None


def everything(connection: psycopg.Connection[Any], sql: str) -> bytes:
    if not sql.startswith("copy"):
        return str(connection.execute(sql).fetchall()).encode()
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        return b"".join(bytes(piece) for piece in copy)


def test_a_table_made_at_the_server_is_masked_until_it_is_known(studio: Studio) -> None:
    studio.direct("create table fresh as select 1 as id, 'alpha'::text as secret, 'open'::text as other")
    studio.direct(f"grant all on fresh to {LOGIN}")
    with studio.connect() as connection:
        assert hides(connection.execute("select * from fresh").fetchall())
        (ident, secret, other), *_ = connection.execute("select * from fresh").fetchall()
    assert (ident, other) == (1, "open")
    assert hides(secret)


# -- what goes in ------------------------------------------------------------------------------------------------------


def count(studio: Studio, text: str) -> int:
    found: int = studio.direct(f"select count(*) from loaded where note like '%{text}%'")[0][0]
    return found


def test_values_that_must_not_go_in_are_refused_wherever_they_stand(studio: Studio) -> None:
    with studio.connect("ann") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            connection.execute(f"insert into loaded values (1, 'card {CARD}')")
        assert CARD not in str(caught.value)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into loaded values (1, %s)", (f"card {CARD}",))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.cursor().executemany("insert into loaded values (1, %s)", [("fine",), (f"card {CARD}",)])
        connection.execute("insert into loaded values (1, %s)", ("no card at all",))
    assert count(studio, CARD) == 0
    assert count(studio, "no card at all") == 1


@pytest.mark.parametrize("form", ["", "(format csv)", "(format binary)"])
def test_copied_rows_with_such_values_are_refused(studio: Studio, form: str) -> None:
    with studio.connect("ann") as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), cursor.copy(f"copy loaded from stdin {form}") as copy:
            if "binary" in form:
                copy.set_types(["int4", "text"])
            if "csv" in form:
                copy.write(f"1,fine\n2,card {CARD}\n")
            else:
                copy.write_row((1, "fine"))
                copy.write_row((2, f"card {CARD}"))
        assert connection.execute("select 1").fetchone() == (1,)
    assert count(studio, CARD) == 0


def test_parameters_and_copied_rows_are_masked_on_the_way_in(studio: Studio) -> None:
    with studio.connect("ann") as connection, connection.cursor() as cursor:
        connection.execute("insert into loaded values (2, %s)", (f"account {IBAN} here",))
        with cursor.copy("copy loaded from stdin") as copy:
            copy.write_row((2, f"account {IBAN} there"))
    assert count(studio, IBAN) == 0
    assert count(studio, "account") == 2


def test_a_copy_is_held_until_somebody_agrees(studio: Studio) -> None:
    def load() -> None:
        with studio.connect("ann") as connection, contextlib.suppress(psycopg.Error):
            cursor = connection.cursor()
            with cursor.copy("copy loaded from stdin") as copy:
                copy.write_row((3, f"mail {MAIL}"))

    for decision, stored in (("approve", 1), ("deny", 1)):
        loading = threading.Thread(target=load)
        loading.start()
        request = studio.gateway.pending("copy loaded")
        assert MAIL not in str(request)
        assert studio.gateway.decide(request["id"], decision).status == 200
        loading.join(30)
        assert not loading.is_alive()
        assert count(studio, MAIL) == stored


# -- what is written down ----------------------------------------------------------------------------------------------


def test_M12_the_recording_has_no_masked_value(studio: Studio) -> None:
    name = "recorded-masked"
    dsn = studio.gateway.dsn("studio", more=f"sslmode=disable application_name={name}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select * from people where secret = %s", ("alpha",)).fetchall()
        connection.execute("select upper(secret) from people where id = %s", (1,)).fetchall()
    entries = studio.gateway.entries(name)
    assert hides(entries)
    first = next(e for e in entries if e["kind"] == "command" and "where secret" in e["text"])
    assert first["parameters"] == ["*****"]
    outcome = next(e for e in entries if e["kind"] == "outcome" and e["command"] == first["command"])
    assert (outcome["rows"], outcome["tag"]) == (1, "SELECT 1")
    assert outcome["masked"] > 0
