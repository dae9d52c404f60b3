"""Notices on their way, in the store: tried again after a restart, and by one replica at a time."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from twisted_hoop.model import Notice
from twisted_hoop.store.codec import dumps
from twisted_hoop.store.database import Database
from twisted_hoop.store.paging import Page, newest_first, page_of
from twisted_hoop.store.tables import deliveries

WAITING, SENT, DEAD = "waiting", "sent", "dead"
_c = deliveries.c


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice for one channel. `state` is waiting, sent or dead; `next` (POSIX) is when it is tried again."""

    id: str
    at: float
    channel: str
    notice: Notice
    state: str = WAITING
    attempts: int = 0
    next: float = 0.0
    error: str = ""

    def shown(self) -> dict[str, Any]:
        """For operators; without the notice's content, which is for approvers."""
        return {
            "id": self.id,
            "at": self.at,
            "channel": self.channel,
            "event": self.notice.event,
            "approval": self.notice.approval_id,
            "state": self.state,
            "attempts": self.attempts,
            "next": self.next,
            "error": self.error,
        }


class Deliveries:
    """The table. Every method answers with an Awaitable that may fail with StoreUnavailable."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def add(self, channels: Iterable[str], notice: Notice) -> Awaitable[None]:
        """Have it delivered by each of these channels."""
        now = self._now()
        made = [Delivery(secrets.token_hex(10), now, channel, notice, next=now) for channel in channels]

        def work(connection: Connection) -> None:
            if made:
                connection.execute(insert(deliveries), [_values(each) for each in made])

        return self._database.write(work)

    def claim(self, channels: Iterable[str], lease: float, limit: int = 20) -> Awaitable[list[Delivery]]:
        """Those that are due for one of these channels; nobody else gets them for `lease` seconds.

        Of several replicas that look at once, the row count of the change says who has it (A8 for notices).
        """
        now, names = self._now(), list(channels)

        def work(connection: Connection) -> list[Delivery]:
            due = select(deliveries).where(_c.state == WAITING, _c.next <= now, _c.channel.in_(names))
            found = [_delivery(row) for row in connection.execute(due.order_by(_c.next).limit(limit))]
            return [each for each in found if _claimed(connection, each, now + lease)]

        return self._database.write(work)

    def sent(self, delivery: Delivery) -> Awaitable[None]:
        """It arrived."""
        return self._set(replace(delivery, state=SENT, attempts=delivery.attempts + 1, error=""))

    def failed(self, delivery: Delivery, error: str, again: float | None) -> Awaitable[None]:
        """It did not; it is tried again at `again` (POSIX), or (None) never."""
        state, at = (DEAD, 0.0) if again is None else (WAITING, again)
        attempts = delivery.attempts + 1
        return self._set(replace(delivery, state=state, attempts=attempts, next=at, error=error[:500]))

    def search(self, state: str = "", limit: int = 100, cursor: str = "") -> Awaitable[Page[Delivery]]:
        """A page of deliveries, newest first. Raises BadCursor."""
        query = select(deliveries) if not state else select(deliveries).where(_c.state == state)
        query = newest_first(query, _c.at, _c.id, cursor, limit)

        def work(connection: Connection) -> Page[Delivery]:
            found = [_delivery(row) for row in connection.execute(query)]
            return page_of(found, limit, lambda each: (each.at, each.id))

        return self._database.read(work)

    def revive(self, ident: str) -> Awaitable[Delivery | None]:
        """Try a dead letter again, from the start; None when there is no such."""

        def work(connection: Connection) -> Delivery | None:
            change = update(deliveries).where(_c.id == ident, _c.state == DEAD)
            changed = connection.execute(change.values(state=WAITING, attempts=0, next=self._now())).rowcount
            row = connection.execute(select(deliveries).where(_c.id == ident)).first()
            return _delivery(row) if changed and row is not None else None

        return self._database.write(work)

    def counts(self) -> Awaitable[Mapping[tuple[str, str], int]]:
        """(channel, state) → how many."""
        query = select(_c.channel, _c.state, func.count()).group_by(_c.channel, _c.state)
        return self._database.read(lambda c: {(row[0], row[1]): row[2] for row in c.execute(query)})

    def _set(self, delivery: Delivery) -> Awaitable[None]:
        values = {name: getattr(delivery, name) for name in ("state", "attempts", "next", "error")}

        def work(connection: Connection) -> None:
            connection.execute(update(deliveries).where(_c.id == delivery.id).values(values))

        return self._database.write(work)


def _claimed(connection: Connection, delivery: Delivery, until: float) -> bool:
    change = update(deliveries).where(_c.id == delivery.id, _c.state == WAITING, _c.next == delivery.next)
    return connection.execute(change.values(next=until)).rowcount == 1


def _values(delivery: Delivery) -> dict[str, Any]:
    notice = delivery.notice
    return {
        "id": delivery.id,
        "at": delivery.at,
        "channel": delivery.channel,
        "event": notice.event,
        "approval_id": notice.approval_id,
        "notice_json": dumps({"id": notice.id, "at": notice.at, "url": notice.url, "approval": notice.approval}),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next": delivery.next,
        "error": delivery.error,
    }


def _delivery(row: Row[Any]) -> Delivery:
    said = json.loads(row.notice_json)
    notice = Notice(said["id"], row.event, said["at"], said["url"], said["approval"])
    return Delivery(row.id, row.at, row.channel, notice, row.state, row.attempts, row.next, row.error)
