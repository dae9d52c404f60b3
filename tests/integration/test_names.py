"""Names that come to mean something else after a statement was prepared. Two servers: one reports search_path, one not.

One table's column is masked, another one's of the same name is not; a session moves from one to the other in every way
there is, with statements prepared before and after (M1, P10, P18).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.plans import RULES, target
from tests.support import raw_client as raw
from tests.support.gateway import Gateway, Plan, running_gateway, token_of
from tests.support.postgres import Server, start_postgres
from tests.support.raw_client import SYNC, RawClient, bind, describe, execute, parse, query

LOGIN, PASSWORD, DATABASE = "namer", "password-of-namer", "names"
SECRET = b"THE-SECRET"
TABLES = """
create schema hidden;
create schema shown;
create table hidden.t (id int, val text);
create table shown.t (id int, val text);
insert into hidden.t values (1, 'The-Secret');
insert into shown.t values (1, 'open');
"""
MASK = """
[[masks]]
name = "hidden"
groups = ["ci"]
columns = ['hidden\\.t\\.val']
"""
SELECT = "select upper(val) from t"
TO_SHOWN, TO_HIDDEN = query("set search_path = shown"), query("set search_path = hidden")
PREPARED, RUN = parse("p", SELECT), bind("", "p") + execute("")
WHOLE = parse("", SELECT) + bind("", "") + execute("")


def step(sql: str) -> bytes:
    """A statement by extended query, without Sync."""
    return parse("", sql) + bind("", "") + execute("")


CONVERSATIONS: dict[str, list[bytes]] = {
    "plain": [TO_HIDDEN, query(SELECT), WHOLE + SYNC],
    "prepared before": [TO_SHOWN, PREPARED + SYNC, RUN + SYNC, TO_HIDDEN, RUN + SYNC],
    "described before": [TO_SHOWN, PREPARED + describe("S", "p") + SYNC, TO_HIDDEN, RUN + SYNC],
    "bound before": [query("begin"), TO_SHOWN, PREPARED + bind("q", "p") + SYNC, TO_HIDDEN, execute("q") + RUN + SYNC],
    "in one pipeline": [TO_SHOWN, PREPARED + step("set search_path = hidden") + RUN + SYNC],
    "in one text": [TO_SHOWN, query(f"set search_path = hidden; {SELECT}; {SELECT}")],
    "local": [query("begin"), TO_SHOWN, PREPARED + SYNC, query("set local search_path = hidden"), RUN + SYNC],
    "rolled back": [
        TO_HIDDEN,
        query("begin"),
        TO_SHOWN,
        PREPARED + SYNC,
        query("rollback"),
        RUN + query(SELECT) + SYNC,
    ],
    "a savepoint": [
        TO_HIDDEN,
        query("begin; savepoint s"),
        TO_SHOWN,
        query("rollback to s"),
        query(SELECT),
        WHOLE + SYNC,
    ],
    "reset": [query("set search_path = shown"), PREPARED + SYNC, TO_HIDDEN, TO_SHOWN, TO_HIDDEN, RUN + SYNC],
    "set_config": [TO_SHOWN, PREPARED + SYNC, query("select set_config('search_path', 'hidden', false)"), RUN + SYNC],
    "set_config in one text": [TO_SHOWN, query(f"select set_config('search_path', 'hidden', false); {SELECT}")],
    "set_config, computed": [
        TO_SHOWN,
        query("select set_config('search_' || 'path', 'hid' || 'den', false)"),
        WHOLE + SYNC,
        query(SELECT),
    ],
    "SQL PREPARE": [TO_SHOWN, query(f"prepare q as {SELECT}"), query("execute q"), TO_HIDDEN, query("execute q")],
    "a cursor": [query("begin"), TO_HIDDEN, query(f"declare c cursor for {SELECT}"), TO_SHOWN, query("fetch all in c")],
    "a temporary table goes": [
        TO_HIDDEN,
        query("create temp table t (id int, val text)"),
        PREPARED + RUN + SYNC,
        query("drop table pg_temp.t"),
        RUN + SYNC,
        query(SELECT),
    ],
    "a temporary table goes, in one pipeline": [
        TO_HIDDEN,
        query("create temp table t (id int, val text)"),
        PREPARED + RUN + step("drop table pg_temp.t") + RUN + SYNC,
    ],
    "a temporary table is rolled back": [
        TO_HIDDEN,
        query("begin"),
        query("create temp table t (id int, val text)"),
        PREPARED + RUN + SYNC,
        query("rollback"),
        RUN + SYNC,
    ],
    "discard": [TO_HIDDEN, query("create temp table t (id int, val text)"), query("discard temp"), query(SELECT)],
    "a view of one's own": [
        TO_HIDDEN,
        query("create temp view v as select val from t"),
        query("select upper(val) from v"),
    ],
}


@dataclass(frozen=True)
class Street:
    """A gateway before one version of PostgreSQL."""

    gateway: Gateway
    version: int

    def client(self, who: str) -> RawClient:
        return raw.connect("127.0.0.1", self.gateway.ports["pg"], "shop", "x", token_of(who))


@pytest.fixture(scope="module", params=[18, 17])
def street(
    request: pytest.FixtureRequest, postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Street]:
    server = postgres if request.param == 18 else start_postgres(None, 17)
    folder: Path = tmp_path_factory.mktemp("names")
    server.create_login(LOGIN, PASSWORD)
    server.run(f"create database {DATABASE} owner {LOGIN}")
    server.run(TABLES, DATABASE)
    server.run(f"grant all on schema hidden, shown to {LOGIN}", DATABASE)
    server.run(f"grant all on all tables in schema hidden, shown to {LOGIN}", DATABASE)
    section = target("shop", server, DATABASE, LOGIN)
    with running_gateway(folder, Plan(section + RULES + MASK, {"TARGET_PASSWORD": PASSWORD})) as gateway:
        yield Street(gateway, request.param)
    if request.param == 17:
        server.stop()
    else:
        server.run(f"drop database {DATABASE} with (force)")
        server.run(f"drop role {LOGIN}")


def told(client: RawClient, turns: list[bytes]) -> bytes:
    """Every byte that comes back."""
    heard = b""
    for turn in turns:
        client.send(turn)
        readies = turn.count(b"Q\0\0\0") + turn.count(SYNC)
        heard += b"".join(kind.encode() + body for kind, body in client.answers(readies))
    client.send(query("rollback") + query("select 'alive'"))
    assert b"alive" in b"".join(body for _, body in client.answers(2))
    client.wire.close()
    return heard


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_M1_P10_P18_a_name_that_moves_unmasks_nothing(street: Street, name: str) -> None:
    heard = told(street.client("ci"), CONVERSATIONS[name])
    assert SECRET not in heard.upper()


@pytest.mark.parametrize("name", [n for n in CONVERSATIONS if n not in ("discard", "a cursor")])
def test_the_same_shows_it_where_no_mask_holds(street: Street, name: str) -> None:
    """So that the test above tests something."""
    heard = told(street.client("bob"), CONVERSATIONS[name])
    assert SECRET in heard or "computed" in name or "bound" in name, heard


def test_a_plain_column_is_known_by_its_table_whatever_the_path(street: Street) -> None:
    plain = parse("p", "select val from t") + SYNC
    client, heard = street.client("ci"), b""
    for turn in (TO_SHOWN, plain, RUN + SYNC, TO_HIDDEN, RUN + SYNC, TO_SHOWN, RUN + SYNC, query("select val from t")):
        client.send(turn)
        heard += b"".join(body for kind, body in client.answers(1) if kind == "D")
    client.wire.close()
    assert heard.count(b"open") == 3
    assert b"Secret" not in heard
