"""The job that deletes recordings whose time is over: what it would do, what it does, and its report. Blocks.

One replica runs it at a time (a lease in the store), and each recording is claimed by one; those whose files lie with
another replica are left to that one's turn.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from twisted_hoop.archive import lease
from twisted_hoop.archive.catalogue import CLOSED, DAMAGED, DELETING, Kept, kept
from twisted_hoop.archive.holds import holding
from twisted_hoop.archive.index import merge
from twisted_hoop.archive.keeping import Rule, over
from twisted_hoop.archive.removal import Remover
from twisted_hoop.errors import HoopError
from twisted_hoop.store.codec import dumps
from twisted_hoop.store.database import Database, store_time
from twisted_hoop.store.tables import recordings, retention_runs

LEASE = "retention"
LEASE_SECONDS = 120.0
SCHEDULE = "schedule"
"""Who runs it when nobody asked."""
PAGE = 200
MOST_TOLD = 200
KEPT_RUNS = 500
_EVERY_RENEWAL = 30.0
_PAGES = 500  # of the index that one transaction merges: others want to write too
JUMP = 3600.0
"""Seconds the clock may run ahead of the time that passed, since the start; who deletes for good believes no more."""
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


@dataclass(slots=True)
class Report:
    """What a run found and did. `state`: running, done, failed, or busy (another replica was at work).

    `due` recordings are over by a rule; of them `deleted` are gone, `held` are kept by a hold, `elsewhere` lie with
    another replica, `failed` are tried again. A dry run deletes none. `told` has the first of them, `problems` why
    something failed. Times are POSIX seconds, `bytes` of those deleted (dry: to be deleted).
    """

    id: str
    at: float
    by: str
    dry: bool
    state: str = "running"
    ended: float = 0.0
    looked: int = 0
    due: int = 0
    deleted: int = 0
    held: int = 0
    elsewhere: int = 0
    failed: int = 0
    bytes: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def tell(self, found: Kept, rule: str, what: str) -> None:
        """One recording that is due, and what became of it."""
        if len(self.told) < MOST_TOLD:
            named = {"session": found.id, "target": found.target, "who": found.about["who"], "started": found.started}
            self.told.append({**named, "ended": found.ended, "rule": rule, "what": what})

    def fail(self, found: Kept, why: str) -> None:
        """One that could not be deleted, or not wholly."""
        if len(self.problems) < MOST_TOLD:
            self.problems.append(f"{found.id}: {why}")


def new_report(by: str, dry: bool, now: float) -> Report:
    """The report of a run that begins."""
    return Report(secrets.token_hex(8), now, by, dry)


class Retention:
    """See the module. `rules` are those in force; `owner` is this replica's name in the lease.

    What is over is so by our clock and by the store's. `steady` gives seconds that nobody can put forward.
    """

    def __init__(
        self,
        database: Database,
        remover: Remover,
        rules: Callable[[], Sequence[Rule]],
        now: Callable[[], float],
        owner: str,
        steady: Callable[[], float] = lambda: time.clock_gettime(_STEADY),
    ) -> None:
        self._database, self._remover, self._rules = database, remover, rules
        self._now, self._owner = now, owner
        self._steady, self._ahead = steady, now() - steady()
        self._renewed = 0.0
        self.stopping = False

    def run(self, report: Report) -> Report:
        """Look at every recording, delete what is over, keep the report. StoreUnavailable when there is no store."""
        if not (report.dry or self._lease()):
            report.state, report.ended = "busy", self._now()
            self._save(report)
            return report
        self._save(report)
        try:
            self._all(report)
            if report.deleted and not report.dry:
                self._forget()
            report.state = "failed" if self.stopping else "done"
        except Exception as error:
            report.state = "failed"
            report.problems.append(str(error) if isinstance(error, HoopError) else type(error).__name__)
            raise
        finally:
            report.ended = self._now()
            self._save(report)
            if not report.dry:
                self._database.write_now(lambda connection: lease.give_back(connection, LEASE, self._owner))
        return report

    def _lease(self) -> bool:
        now = self._renewed = self._now()
        return self._database.write_now(lambda c: lease.take(c, LEASE, self._owner, now, LEASE_SECONDS))

    def _forget(self) -> None:
        """Nothing of what was deleted is left in the store's files: no texts, no words of the index (R4)."""
        pages = -_PAGES
        while self._database.write_now(partial(_merged, pages)) and not self.stopping:
            pages = _PAGES
        self._database.forget()

    def _time(self) -> float:
        """The earlier of our time and the store's. HoopError when our clock jumped: everything would seem over."""
        now = self._now()
        jumped = now - self._steady() - self._ahead
        if jumped > JUMP:
            raise HoopError(f"the clock went {jumped / 3600:.0f} hours ahead: nothing is deleted before a restart")
        return min(now, self._database.read_now(lambda connection: store_time(connection, now)))

    def _all(self, report: Report) -> None:
        rules = tuple(self._rules())
        for page in self._pages(rules, self._time()):
            now = self._time()
            for found in page:
                if self.stopping:
                    return
                self._one(report, rules, found, now)
            if not report.dry and self._now() - self._renewed > _EVERY_RENEWAL and not self._lease():
                raise HoopError("another replica has taken over")
            self._save(report)

    def _pages(self, rules: Sequence[Rule], now: float) -> Iterator[list[Kept]]:
        """Recordings that may be over, oldest first; and those a crash left half deleted."""
        shortest = min((rule.keep for rule in rules if rule.keep > 0), default=None)
        c, last = recordings.c, ""
        old = c.state == DELETING
        if shortest is not None:
            old = old | ((c.state.in_((CLOSED, DAMAGED))) & c.complete & (c.started + shortest <= now))
        while True:
            query = select(recordings).where(old, c.id > last).order_by(c.id).limit(PAGE)
            page = self._database.read_now(partial(_rows, query))
            if not page:
                return
            last = page[-1].id
            yield page

    def _one(self, report: Report, rules: Sequence[Rule], found: Kept, now: float) -> None:
        report.looked += 1
        rule = over(rules, found, now)
        if rule is None and found.state != DELETING:
            return
        name = rule.name if rule is not None else found.deleted_by
        report.due += 1
        report.rules[name] = report.rules.get(name, 0) + 1
        what = self._done(report, found, name)
        setattr(report, what, getattr(report, what) + 1)
        report.bytes += found.bytes if what == "deleted" else 0
        report.tell(found, name, what)

    def _done(self, report: Report, found: Kept, name: str) -> str:
        """What became of it: the name of a count."""
        if not self._remover.here(found):
            return "elsewhere"
        if report.dry:
            return "held" if self._database.read_now(lambda connection: holding(connection, found)) else "deleted"
        try:
            left = self._remover.remove(found, f"retention {name}")
        except (HoopError, OSError) as error:
            report.fail(found, str(error))
            return "failed"
        if left in ("held", "gone"):
            return "held" if left == "held" else "elsewhere"
        if left:
            report.fail(found, left)
        return "deleted"

    def _save(self, report: Report) -> None:
        if report.by == SCHEDULE and not (report.due or report.problems):
            return  # every hour, nothing: nobody wants to read that
        self._database.write_now(lambda connection: save(connection, report))


def _merged(pages: int, connection: Connection) -> bool:
    return merge(connection, pages)


def _rows(query: Select[Any], connection: Connection) -> list[Kept]:
    return [kept(row) for row in connection.execute(query)]


def save(connection: Connection, report: Report) -> None:
    """Keep the report as it is now; of reports, the last KEPT_RUNS."""
    values = {"at": report.at, "by_key": report.by, "report_json": dumps(asdict(report))}
    changed = connection.execute(update(retention_runs).where(retention_runs.c.id == report.id).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(retention_runs).values(id=report.id, **values))
    oldest = select(retention_runs.c.at).order_by(retention_runs.c.at.desc()).offset(KEPT_RUNS).limit(1)
    connection.execute(delete(retention_runs).where(retention_runs.c.at <= oldest.scalar_subquery()))


def runs(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The last reports, newest first, without what they tell of single recordings."""
    query = select(retention_runs.c.report_json).order_by(retention_runs.c.at.desc()).limit(limit)
    return [{**json.loads(found), "told": []} for found in connection.scalars(query)]


def run_of(connection: Connection, ident: str) -> dict[str, Any] | None:
    """One report, whole."""
    found = connection.scalar(select(retention_runs.c.report_json).where(retention_runs.c.id == ident))
    return None if found is None else json.loads(found)
