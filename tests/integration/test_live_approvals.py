"""Statements that wait for people: granted, denied, expired, cancelled, given up, retried. Decided over the API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import House
from tests.support.gateway import wait_for

Connection = psycopg.Connection[Any]


class Waiting:
    """A statement running in a thread."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: psycopg.Error | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work()
        except psycopg.Error as error:
            self.error = error

    def over(self, seconds: float) -> bool:
        """Whether it is over within so many seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def end(self) -> Any:
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


@contextmanager
def connected(house: House, who: str = "ann", **more: str) -> Iterator[Connection]:
    with psycopg.connect(house.dsn(who, **more), autocommit=True) as connection:
        yield connection


def count(house: House, table: str, ident: int) -> int:
    found: int = house.server.run(f"select count(*) from {table} where id = {ident}", house.database)[0][0]
    return found


def test_a_granted_statement_runs(house: House) -> None:
    with connected(house, more="sslmode=disable application_name=granted-here") as connection:
        told: list[str] = []
        connection.add_notice_handler(lambda diag: told.append(f"{diag.message_primary} {diag.message_hint}"))
        waiting = Waiting(lambda: connection.execute("insert into held_rows values (1, 'x') returning id").fetchone())
        request = house.gateway.pending("(1, 'x')")
        assert count(house, "held_rows", 1) == 0
        assert (request["principal"]["subject"], request["target"], request["state"]) == ("ann", "shop", "pending")
        assert request["text"] == "insert into held_rows values (1, 'x') returning id"
        assert house.gateway.decide(request["id"], comment="fine").status == 200
        assert waiting.end() == (1,)
        assert request["id"] in told[0]
    assert count(house, "held_rows", 1) == 1
    entries = house.gateway.entries("granted-here")
    command = next(e for e in entries if e["kind"] == "command" and "held_rows" in e["text"])
    assert command["approval"]["id"] == request["id"]
    assert "bob" in str(command["approval"]["by"])


def test_a_denied_statement_does_not_run_and_says_who_denied_it(house: House) -> None:
    with connected(house) as connection:
        waiting = Waiting(lambda: connection.execute("insert into held_rows values (2, 'x')"))
        request = house.gateway.pending("(2, 'x')")
        assert house.gateway.decide(request["id"], "deny", comment="not on a Friday").status == 200
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            waiting.end()
        assert "bob" in str(caught.value)
        assert "not on a Friday" in str(caught.value)
        assert connection.execute("select 1").fetchone() == (1,)
    assert count(house, "held_rows", 2) == 0


def test_parameters_are_shown_and_the_extended_protocol_waits_too(house: House) -> None:
    with connected(house) as connection:
        sql = "insert into held_rows values (%s, %s)"
        waiting = Waiting(lambda: connection.execute(sql, (3, "shown to bob")).statusmessage)
        request = wait_for(
            lambda: [r for r in house.gateway.requests("held_rows") if "shown to bob" in str(r["parameters"])],
            "request",
        )[0]
        house.gateway.decide(request["id"])
        assert waiting.end() == "INSERT 0 1"
    assert count(house, "held_rows", 3) == 1


def test_nobody_approves_in_time(house: House) -> None:
    with connected(house) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="nobody approved in time"):
            connection.execute("insert into brief_rows values (1, 'late')")
        assert [r["state"] for r in house.gateway.requests("(1, 'late')", "expired")] == ["expired"]
        request = house.gateway.requests("(1, 'late')", "expired")[0]
        assert house.gateway.decide(request["id"]).status == 409
    assert count(house, "brief_rows", 1) == 0


@pytest.mark.parametrize("how", ["cancel", "cancel_safe"])
def test_cancelling_withdraws_the_request(house: House, how: str) -> None:
    """57014, and the session goes on; nobody can approve it afterwards (A6)."""
    text = f"insert into held_rows values (4, '{how}')"
    with connected(house) as connection:
        waiting = Waiting(lambda: connection.execute(text))
        request = house.gateway.pending(text)
        getattr(connection, how)()
        with pytest.raises(psycopg.errors.QueryCanceled):
            waiting.end()
        assert connection.info.transaction_status.name == "IDLE"
        assert connection.execute("select 1").fetchone() == (1,)
        wait_for(lambda: house.gateway.requests(text, "withdrawn"), "the withdrawal")
        assert house.gateway.decide(request["id"]).status == 409
    assert count(house, "held_rows", 4) == 0


def test_disconnecting_withdraws_the_request(house: House) -> None:
    """A6: the client is killed, not closed."""
    import socket

    text = "insert into held_rows values (5, 'gone')"
    with connected(house) as connection:
        waiting = Waiting(lambda: connection.execute(text))
        request = house.gateway.pending(text)
        with socket.socket(fileno=connection.pgconn.socket) as raw:
            raw.shutdown(socket.SHUT_RDWR)
            wait_for(lambda: house.gateway.requests(text, "withdrawn"), "the withdrawal")
            assert house.gateway.decide(request["id"]).status == 409
            with pytest.raises(psycopg.OperationalError):
                waiting.end()
            raw.detach()
    assert count(house, "held_rows", 5) == 0


def test_a_retry_passes_once_when_nobody_waits(house: House) -> None:
    """wait = 0: refused at once with the id, run once after the approval, refused again afterwards (A4)."""
    text = "insert into retried_rows values (1, 'once')"
    with connected(house) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            connection.execute(text)
        request = house.gateway.pending(text)
        assert request["id"] in str(caught.value.diag.message_hint)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text)
        assert len(house.gateway.requests(text)) == 1
        house.gateway.decide(request["id"])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into retried_rows values (1, 'twice')")
        connection.execute(text)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text)
    assert count(house, "retried_rows", 1) == 1


def test_a_retry_may_come_in_another_session_of_the_same_person_only(house: House) -> None:
    """A4: bound to the identity."""
    text = "insert into retried_rows values (2, 'later')"
    with connected(house) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(text)
    house.gateway.decide(house.gateway.pending(text)["id"])
    with connected(house, "ci") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(text)
    with connected(house) as connection:
        connection.execute(text)
    assert count(house, "retried_rows", 2) == 1


def test_an_approval_holds_for_the_search_path_it_was_given_for(house: House) -> None:
    """P18: the same text under another search_path is another command."""
    text = "insert into retried_rows values (3, 'path')"
    with connected(house) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text)
        request = house.gateway.pending(text)
        house.gateway.decide(request["id"])
        connection.execute("set search_path = pg_temp, public")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text)
    assert count(house, "retried_rows", 3) == 0


def test_A1_nobody_approves_their_own(house: House) -> None:
    with connected(house, "bob") as connection:
        waiting = Waiting(lambda: connection.execute("insert into held_rows values (6, 'my own')"))
        request = house.gateway.pending("(6, 'my own')")
        assert house.gateway.decide(request["id"], who="bob").status == 403
        assert house.gateway.decide(request["id"], who="ann").status in (403, 404)
        connection.cancel_safe()
        with pytest.raises(psycopg.errors.QueryCanceled):
            waiting.end()


def test_waiting_in_a_transaction_keeps_it(house: House) -> None:
    with psycopg.connect(house.dsn("ann")) as connection:
        connection.execute("select 1")
        waiting = Waiting(lambda: connection.execute("insert into held_rows values (7, 'in tx')"))
        house.gateway.decide(house.gateway.pending("(7, 'in tx')")["id"])
        waiting.end()
        assert count(house, "held_rows", 7) == 0
        connection.commit()
    assert count(house, "held_rows", 7) == 1


def test_other_sessions_do_not_wait(house: House) -> None:
    with connected(house) as connection, connected(house) as other:
        waiting = Waiting(lambda: connection.execute("insert into held_rows values (8, 'slow')"))
        request = house.gateway.pending("(8, 'slow')")
        assert other.execute("select count(*) from orders").fetchone() == (400,)
        house.gateway.decide(request["id"])
        waiting.end()


def test_the_command_line_decides(house: House) -> None:
    with connected(house) as connection:
        waiting = Waiting(lambda: connection.execute("insert into held_rows values (9, 'by hoop')"))
        request = house.gateway.pending("(9, 'by hoop')")
        listed = house.gateway.command("approvals", "list", who="bob")
        assert request["id"] in listed.stdout, listed.stderr
        done = house.gateway.command("approvals", "approve", request["id"], "--comment", "CHG-1", who="bob")
        assert done.returncode == 0, done.stderr
        waiting.end()
    assert count(house, "held_rows", 9) == 1
