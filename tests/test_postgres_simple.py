"""A query of the gateway's own: rows as text, the first error, a target that is silent or gone."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.simple import Rows, simple_query
from twisted_hoop.postgres.target import TargetConnection
from twisted_hoop.testing.postgres import complete, data_row, error, query, ready

ANSWER = (
    data_row(b"1", None)
    + complete("SELECT 1")
    + complete("SET")
    + data_row(b"\xc3\xa9")
    + complete("SELECT 1")
    + ready()
)


def asked() -> tuple[TargetConnection, Clock, Deferred[list[Rows]]]:
    connection, clock = TargetConnection(None, None, lambda encrypted: None), Clock()
    transport = StringTransport()
    connection.makeConnection(transport)
    work = Deferred.fromCoroutine(simple_query(clock, connection, "select 1", 5.0))
    assert transport.value() == query(b"select 1")
    return connection, clock, work


def result(work: Deferred[list[Rows]]) -> list[Rows]:
    found: list[list[Rows]] = []
    work.addCallback(found.append)
    assert found, "not there yet"
    return found[0]


def fault(work: Deferred[list[Rows]]) -> ProtocolError:
    found: list[ProtocolError] = []
    work.addErrback(lambda failure: found.append(failure.value))
    assert found, "not there yet"
    return found[0]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_rows_of_each_result(size: int) -> None:
    connection, _, work = asked()
    for at in range(0, len(ANSWER), size):
        connection.dataReceived(ANSWER[at : at + size])
    assert result(work) == [[["1", None]], [], [["é"]]]
    assert connection.transport.producerState == "paused"
    assert connection.receiver is None


def test_an_error_is_told_when_the_target_is_ready() -> None:
    connection, _, work = asked()
    connection.dataReceived(error("42P01", "no such table") + ready())
    assert "no such table" in str(fault(work))


def test_a_target_that_is_silent_or_gone() -> None:
    connection, clock, work = asked()
    clock.advance(5.0)
    assert fault(work).code == "08001"
    connection, clock, work = asked()
    connection.connectionLost()
    assert fault(work).code == "08006"
