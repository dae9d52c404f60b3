"""Legal holds: what must not be deleted, who said so and why. Lifted ones stay in the list."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, insert, or_, select, text, update

from twisted_hoop.archive.catalogue import Kept
from twisted_hoop.store.database import Database
from twisted_hoop.store.tables import holds

KINDS = ("session", "principal", "target")


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold on a session (its id), a principal (`issuer|subject`) or a target (its name). Times are POSIX seconds.

    While `lifted_at` is 0 it holds: every recording it means, past and to come.
    """

    id: str
    kind: str
    value: str
    reason: str
    by_key: str
    at: float
    lifted_at: float = 0.0
    lifted_by: str = ""
    lifted_reason: str = ""


class Holds:
    """The table. Answers are Awaitables that may fail with StoreUnavailable; `now` gives POSIX time."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def add(self, kind: str, value: str, reason: str, by_key: str) -> Hold:
        """Hold; from when this returns, nothing it means is deleted that was not being deleted already."""
        found = Hold(secrets.token_hex(8), kind, value, reason, by_key, self._now())
        values = {name: getattr(found, name) for name in ("id", "kind", "value", "reason", "by_key", "at")}
        await self._database.write(lambda connection: connection.execute(insert(holds).values(values)) and None)
        return found

    async def lift(self, ident: str, reason: str, by_key: str) -> bool:
        """Hold no longer; False when there is no such hold."""
        change = update(holds).where(holds.c.id == ident, holds.c.lifted_at == 0)
        change = change.values(lifted_at=self._now(), lifted_by=by_key, lifted_reason=reason)
        return await self._database.write(lambda connection: connection.execute(change).rowcount > 0)

    def all(self, lifted: bool = False) -> Awaitable[list[Hold]]:
        """Those that hold, newest first; with `lifted` those that held as well."""
        query = select(holds).order_by(holds.c.at.desc(), holds.c.id)
        if not lifted:
            query = query.where(holds.c.lifted_at == 0)
        return self._database.read(lambda connection: [Hold(**row._mapping) for row in connection.execute(query)])


def settle(connection: Connection) -> None:
    """No hold comes until this transaction ends, and one that is on its way is waited for: then `holding` is certain.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE holds IN SHARE MODE"))


def holding(connection: Connection, found: Kept) -> bool:
    """Whether something holds this recording. To be asked in the transaction that decides its end."""
    c = holds.c
    meant = or_(
        and_(c.kind == "session", c.value == found.id),
        and_(c.kind == "principal", c.value == found.principal_key),
        and_(c.kind == "target", c.value == found.target),
    )
    return connection.execute(select(c.id).where(meant, c.lifted_at == 0).limit(1)).first() is not None
