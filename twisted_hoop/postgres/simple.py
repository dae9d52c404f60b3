"""A simple query of the gateway's own on a connection that nobody else uses: the catalogue, a setting."""

from __future__ import annotations

import struct
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.target import TargetConnection

Rows = list[list[str | None]]


async def simple_query(reactor: Any, connection: TargetConnection, text: str, patience: float = 60.0) -> list[Rows]:
    """The rows of each result, as text. Raises ProtocolError (side "target"). The connection is paused afterwards."""
    done: Deferred[list[Rows]] = Deferred()
    collector = _Collector(done)
    connection.receiver = collector.received
    connection.on_lost = collector.lost
    connection.transport.resumeProducing()
    connection.transport.write(pg.query(text.encode()))
    done.addTimeout(patience, reactor)
    try:
        return await done
    except defer.TimeoutError:  # Twisted's, which is not Python's
        raise ProtocolError("the target did not answer in time", "target", "08001") from None
    finally:
        connection.receiver = None
        connection.on_lost = None
        connection.transport.pauseProducing()


class _Collector:
    """Cuts the answer; the first error wins."""

    def __init__(self, done: Deferred[list[Rows]]) -> None:
        self._done = done
        self._results: list[Rows] = []
        self._rows: Rows = []
        self._error = ""
        self._buffer = b""

    def received(self, data: bytes) -> None:
        """Bytes of the target."""
        self._buffer += data
        position = 0
        while len(self._buffer) - position >= 5:
            kind, length = struct.unpack_from(">BI", self._buffer, position)
            if length < 4 or len(self._buffer) - position < length + 1:
                break
            self._message(kind, self._buffer[position + 5 : position + 1 + length])
            position += length + 1
        self._buffer = self._buffer[position:]

    def _message(self, kind: int, body: bytes) -> None:
        match chr(kind):
            case "D":
                self._rows.append(_cells(body))
            case "C":
                self._results.append(self._rows)
                self._rows = []
            case "E":
                self._error = dict(pg.error_fields(body)).get(ord("M"), b"").decode("utf-8", "replace")
            case "Z":
                self._finish()

    def _finish(self) -> None:
        if self._done.called:
            return
        if self._error:
            self._done.errback(ProtocolError(f"a query of the gateway failed: {self._error}", "target", "58000"))
        else:
            self._done.callback(self._results)

    def lost(self) -> None:
        """The target is gone."""
        if not self._done.called:
            self._done.errback(ProtocolError("the target closed the connection", "target", "08006"))


def _cells(body: bytes) -> list[str | None]:
    (count,) = struct.unpack_from(">H", body)
    cells: list[str | None] = []
    position = 2
    for _ in range(count):
        (length,) = struct.unpack_from(">i", body, position)
        position += 4
        cells.append(None if length < 0 else body[position : position + length].decode("utf-8", "replace"))
        position += max(length, 0)
    return cells
