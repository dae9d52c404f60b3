"""A small model of a PostgreSQL server: bytes in, bytes out, the protocol's rules and none of its database.

It answers simple and extended queries, pipelines, errors (and the skipping up to Sync that follows), transactions and
failed ones, portals with row limits, and COPY both ways. What a text does is said by `_DOES`; texts in `fails` are
errors at once, as a refused one is; every other unknown word is a syntax error.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.support.model_texts import COMPLETES, COPY_IN, COPY_OUT, FAILS_LATER, ROWS
from twisted_hoop.postgres.messages import error, notice, split_cstring
from twisted_hoop.testing import postgres as build


class Failed(Exception):
    """An error of the server: SQLSTATE and text."""


@dataclass
class ModelPortal:
    """One portal: its text, and the rows it has not sent yet."""

    text: str
    rows: list[bytes] | None = None


@dataclass
class ModelPostgres:
    """One connection after log-in. `fails` are texts that do not parse; `seen` has every text that came."""

    fails: frozenset[str] = frozenset()
    seen: list[str] = field(default_factory=list)
    rest: bytes = b""
    transaction: str = "I"
    skipping: bool = False
    copying: str = ""
    statements: dict[bytes, str] = field(default_factory=dict)
    portals: dict[bytes, ModelPortal] = field(default_factory=dict)

    def received(self, data: bytes) -> bytes:
        """Bytes of the client; what the server answers at once."""
        self.rest += data
        out = []
        while len(self.rest) >= 5 and len(self.rest) > (length := struct.unpack_from(">I", self.rest, 1)[0]):
            kind, body = chr(self.rest[0]), self.rest[5 : 1 + length]
            self.rest = self.rest[1 + length :]
            out.append(self._message(kind, body))
        return b"".join(out)

    def _message(self, kind: str, body: bytes) -> bytes:
        if self.copying:
            return self._copied(kind, body)
        if kind in "dcfHX" or (self.skipping and kind != "S"):
            return b""
        if kind == "Q":
            return self._query(body[:-1].decode())
        if kind == "S":
            self.skipping = False
            return self._ready()
        handler: dict[str, Callable[[bytes], bytes]] = {
            "P": self._parse,
            "B": self._bind,
            "D": self._describe,
            "E": self._execute,
            "C": self._close,
        }
        try:
            return handler[kind](body)
        except Failed as failed:
            self.skipping = True
            return self._error(failed)

    # -- simple ---------------------------------------------------------------------------------------------------

    def _query(self, text: str) -> bytes:
        self.portals.pop(b"", None)
        out = []
        try:
            for statement in self._parsed(text) or [""]:
                for part in self._run(statement, True):
                    out.append(part)
                if self.copying:
                    self.copying = "Q"
                    return b"".join(out)
        except Failed as failed:
            out.append(self._error(failed))
        return b"".join(out) + self._ready()

    def _ready(self) -> bytes:
        if self.transaction == "I":
            self.portals.clear()
        return build.ready(self.transaction)

    def _error(self, failed: Failed) -> bytes:
        if self.transaction == "T":
            self.transaction = "E"
        if self.transaction != "I":
            self.portals.clear()
        return error(*failed.args)

    def _parsed(self, text: str) -> list[str]:
        self.seen.append(text)
        if text in self.fails:
            raise Failed("42501", "refused")
        statements = [part.strip() for part in text.split(";") if part.strip()]
        for statement in statements:
            if statement not in {*ROWS, *COMPLETES, *FAILS_LATER, COPY_IN, COPY_OUT}:
                raise Failed("42601", f'syntax error at or near "{statement}"')
        return statements

    def _run(self, text: str, described: bool) -> Iterator[bytes]:
        """What running one statement answers, without the end of the transaction it may be."""
        if self.transaction == "E" and text not in ("rollback", "commit"):
            raise Failed("25P02", "current transaction is aborted")
        if text in FAILS_LATER:
            raise Failed("22012", "division by zero")
        if text == COPY_IN:
            self.copying = "E"
            yield build.copy_in()
        elif text == COPY_OUT:
            yield from (build.copy_out(), build.copy_data(b"1\n"), build.copy_data(b"2\n"), build.copy_done())
            yield build.complete("COPY 2")
        elif text in ROWS:
            if described:
                yield build.row_description(*ROWS[text][0])
            yield notice("a notice")
            yield from (build.data_row(*row) for row in ROWS[text][1])
            yield build.complete(f"SELECT {len(ROWS[text][1])}")
        elif text:
            yield build.complete(self._completed(text))
        else:
            yield build.empty()

    def _completed(self, text: str) -> str:
        failed = self.transaction == "E"
        self.transaction = {"begin": "T", "commit": "I", "rollback": "I"}.get(text, self.transaction)
        return "ROLLBACK" if failed else COMPLETES[text]

    # -- extended -------------------------------------------------------------------------------------------------

    def _parse(self, body: bytes) -> bytes:
        name, at = split_cstring(body, 0)
        text = split_cstring(body, at)[0].decode()
        if not name and text not in self.fails:
            self.statements.pop(b"", None)  # a refused Parse does not reach the target: docs/limits.md
        parsed = self._parsed(text)
        if len(parsed) > 1:
            raise Failed("42601", "cannot insert multiple commands into a prepared statement")
        if name in self.statements:
            raise Failed("42P05", "prepared statement already exists")
        self.statements[name] = parsed[0] if parsed else ""
        return build.parse_complete()

    def _bind(self, body: bytes) -> bytes:
        portal, at = split_cstring(body, 0)
        name = split_cstring(body, at)[0]
        if name not in self.statements:
            raise Failed("26000", "prepared statement does not exist")
        if portal and portal in self.portals:
            raise Failed("42P03", "portal already exists")
        self.portals[portal] = ModelPortal(self.statements[name])
        return build.bind_complete()

    def _describe(self, body: bytes) -> bytes:
        name = body[1:-1]
        if body[:1] == b"S":
            if name not in self.statements:
                raise Failed("26000", "prepared statement does not exist")
            return build.parameter_description() + self._columns(self.statements[name])
        return self._columns(self._portal(name).text)

    def _columns(self, text: str) -> bytes:
        return build.row_description(*ROWS[text][0]) if text in ROWS else build.no_data()

    def _portal(self, name: bytes) -> ModelPortal:
        if name not in self.portals:
            raise Failed("34000", "portal does not exist")
        return self.portals[name]

    def _execute(self, body: bytes) -> bytes:
        name, at = split_cstring(body, 0)
        (limit,) = struct.unpack_from(">I", body, at)
        portal = self._portal(name)
        if portal.text not in ROWS:
            return b"".join(self._run(portal.text, False))
        if self.transaction == "E":
            raise Failed("25P02", "current transaction is aborted")
        if portal.rows is None:
            portal.rows = [build.data_row(*row) for row in ROWS[portal.text][1]]
        sent = portal.rows[: limit or None]
        portal.rows = portal.rows[len(sent) :]
        end = build.suspended() if limit and len(sent) == limit else build.complete(f"SELECT {len(sent)}")
        return b"".join(sent) + end

    def _close(self, body: bytes) -> bytes:
        table: dict[bytes, str] | dict[bytes, ModelPortal] = self.statements if body[:1] == b"S" else self.portals
        table.pop(body[1:-1], None)
        return build.close_complete()

    # -- copy in --------------------------------------------------------------------------------------------------

    def _copied(self, kind: str, body: bytes) -> bytes:
        if kind in "dHS":
            return b""
        mode, self.copying = self.copying, ""
        if kind == "c":
            out = build.complete("COPY 1")
        else:
            out = self._error(Failed("57014", f"COPY from stdin failed: {body.rstrip(bytes(1)).decode()}"))
            self.skipping = mode == "E"
        return out + (self._ready() if mode == "Q" else b"")
