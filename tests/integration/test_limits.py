"""Caps on sessions, and what ends a session from outside: time, tokens, operators."""

from __future__ import annotations

import select
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import House
from tests.support.gateway import wait_for


@pytest.mark.parametrize(
    ("target", "before", "code"),
    [("idle", "select 1", "57P05"), ("dawdling", "begin", "25P03"), ("short", "select 1", "57P01")],
)
def test_P20_time_limits_end_a_session(house: House, target: str, before: str, code: str) -> None:
    name = f"limit-{target}"
    more = f"sslmode=disable application_name={name}"
    with psycopg.connect(house.dsn(target=target, more=more), autocommit=True) as connection:
        connection.execute(before)
        assert terminated(connection) == code
    last = house.gateway.entries(name)[-1]
    assert last["kind"] == "close"
    assert last["outcome"] == "ended"


def terminated(connection: psycopg.Connection[Any]) -> str:
    """The SQLSTATE of the FATAL that came without being asked for: the next statement fails with it."""
    assert select.select([connection.pgconn.socket], [], [], 30)[0]
    with pytest.raises(psycopg.Error) as caught:
        connection.execute("select 1")
    assert connection.closed
    return str(caught.value.sqlstate)


def test_P20_a_busy_session_is_not_idle(house: House) -> None:
    with psycopg.connect(house.dsn(target="idle"), autocommit=True) as connection:
        assert connection.execute("select pg_sleep(2.5), 'still here'").fetchone() == ("", "still here")


def test_caps_of_a_target_and_of_one_person(house: House) -> None:
    """53300, and room again once one is closed."""
    with psycopg.connect(house.dsn("bob", "crowded")), psycopg.connect(house.dsn("ann", "crowded")):
        with pytest.raises(psycopg.OperationalError) as caught:
            psycopg.connect(house.dsn("ci", "crowded"))
        assert "hoop" in str(caught.value)
        assert "session" in str(caught.value)
    wait_for(lambda: connects(house, "ci", "crowded"), "room")
    with psycopg.connect(house.dsn("ann", "personal")):
        with pytest.raises(psycopg.OperationalError, match="session"):
            psycopg.connect(house.dsn("ann", "personal"))
        psycopg.connect(house.dsn("bob", "personal")).close()


def connects(house: House, who: str, target: str) -> bool:
    try:
        psycopg.connect(house.dsn(who, target)).close()
    except psycopg.OperationalError:
        return False
    return True


def test_too_many_prepared_statements_are_refused(house: House) -> None:
    """P19: 1000 of them; the session goes on."""
    with psycopg.connect(house.dsn(), autocommit=True) as connection:
        raw = connection.pgconn
        codes = []
        for number in range(1005):
            result = raw.prepare(f"s{number}".encode(), b"select 1")
            codes.append((result.error_field(67) or b"").decode())
        assert codes[:990] == [""] * 990
        assert set(codes[1000:]) == {"53300"}
        connection.execute("deallocate all")
        assert connection.execute("select 1").fetchone() == (1,)


def test_I9_a_session_ends_with_its_token(house: House) -> None:
    token = house.gateway.ring.token("flo", lifetime=3, groups=["ci"])
    with psycopg.connect(house.dsn(token), autocommit=True) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        assert terminated(connection) == "57P01"


def test_an_operator_ends_a_session(house: House) -> None:
    name = "ended-by-olga"
    more = f"sslmode=disable application_name={name}"
    with psycopg.connect(house.dsn(more=more), autocommit=True) as connection:
        connection.execute("select 1")
        live = [s for s in house.gateway.library.list(200) if s.state == "live"]
        mine = next(s.id for s in live if name in str(next(iter(house.gateway.library.read(s.id)))))
        path = f"/v1/sessions/{mine}/end"
        assert house.gateway.api("POST", path, "ann", {"reason": "no"}).status == 403
        assert house.gateway.api("POST", path, "olga", {"reason": "maintenance"}).status == 202
        assert terminated(connection) == "57P01"
    assert "maintenance" in str(house.gateway.entries(name)[-1])


def test_read_only_targets_write_nothing(house: House) -> None:
    """P17: the target itself refuses, and the session cannot change that."""
    with psycopg.connect(house.dsn("bob", "reading"), autocommit=True) as connection:
        assert connection.execute("select count(*) from orders").fetchone() == (400,)
        for sql in (
            "create table reading_only (id int)",
            "update orders set status = 'x' where id = 1",
            "set default_transaction_read_only = off",
            "begin read write",
            "set transaction read write",
            "select set_config('transaction_read_only', 'off', false)",
            "start transaction; set transaction_read_only = off",
        ):
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(sql)
            assert caught.value.sqlstate in ("25006", "42501"), sql
            connection.execute("rollback")
