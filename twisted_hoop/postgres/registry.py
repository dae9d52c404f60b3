"""Prepared statements, portals and cursors of one session, as the target will see them when it gets there.

What a client names may not be what the target has under that name: an earlier Parse may have failed, or been skipped
after an error, without our knowing yet. So a name can mean several *candidates* until the target has answered, and all
of them are judged (P10). Within one segment (between two Syncs) it is certain: had the Parse failed, what follows it
would be skipped. SQL PREPARE and DECLARE share their names with Parse and Bind, and what they make is a candidate from
the moment they are sent, too. What closes a name closes only what was sent before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Facts
from twisted_hoop.postgres.messages import Bind
from twisted_hoop.postgres.reading import NOTHING, Read, Reading


@dataclass(slots=True)
class Prepared:
    """One prepared statement. `segment` is -1 when nothing makes it certain before the target has answered."""

    name: bytes
    text: str
    facts: tuple[Facts, ...]
    reads: tuple[Read, ...]
    segment: int = -1
    reading: Reading | None = None
    types: tuple[int, ...] = ()
    order: int = 0
    instead: Prepared | None = None
    """The one before of the same name, text and segment, which the target keeps when this one is skipped."""
    gone: bool = False

    def covers(self, newer: Prepared) -> bool:
        """Whether `newer` stands for this one too. A Parse may be skipped, and the target keeps the one before."""
        return self.text == newer.text and self.types == newer.types


@dataclass(slots=True, init=False)
class Portal:
    """One portal or cursor. `described`: its RowDescription was asked for since it was bound; `row` is the answer.

    `found` are the masks that look at what goes in and found something in its parameters. `shadows` tells that it took
    the place of another one in its segment, which the target still has when this one's Bind is skipped.
    """

    name: bytes
    candidates: tuple[Prepared, ...]
    segment: int
    bind: Bind | None
    described: bool
    row: bytes | None
    confirmed: bool
    found: frozenset[str]
    shadows: bool
    path: tuple[str, ...] | None
    """The search_path it was bound under: that is when its tables were looked up (P18)."""
    order: int

    def __init__(
        self,
        name: bytes,
        candidates: tuple[Prepared, ...],
        segment: int = -1,
        bind: Bind | None = None,
        found: frozenset[str] = NOTHING,
        path: tuple[str, ...] | None = None,
    ) -> None:
        self.name = name
        self.candidates = candidates
        self.segment = segment
        self.bind = bind
        self.described = self.confirmed = self.shadows = False
        self.row = None
        self.found = found
        self.path = path
        self.order = 0

    def covers(self, newer: Portal) -> bool:
        """Only the newest is kept: `Registry.uncertain` tells when that is not enough."""
        return True


CANDIDATES = 20_000
"""How many meanings of one name may be unanswered at once: a pipeline that long is refused."""

Named = TypeVar("Named", Prepared, Portal)


class Registry:
    """See the module. `limit` caps statements and portals together (P19)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._order = 0
        self._statements: dict[bytes, list[Prepared]] = {}
        self._portals: dict[bytes, list[Portal]] = {}

    def mark(self) -> int:
        """A place in the order of sending: behind everything so far."""
        self._order += 1
        return self._order

    def prepare(self, prepared: Prepared) -> None:
        """A Parse (or PREPARE) is on its way."""
        if prepared.name not in self._statements:
            self._room()
        prepared.order = self.mark()
        found = self._statements.setdefault(prepared.name, [])
        if found and _same(found[-1], prepared):
            prepared.instead = found[-1].instead or found[-1]
        _append(found, prepared)

    def prepared(self, name: bytes, segment: int) -> tuple[Prepared, ...]:
        """What `name` may mean to a message sent in this segment."""
        return _meaning(self._statements.get(name), segment)

    def confirm(self, prepared: Prepared) -> None:
        """The target has it: everything older under the name is gone."""
        _keep_from(self._statements.setdefault(prepared.name, []), prepared)

    def discard(self, prepared: Prepared) -> None:
        """The target failed or skipped it."""
        prepared.gone = True
        older = prepared.instead
        left: list[Prepared] = []
        for each in self._statements.get(prepared.name, ()):
            if each is not prepared:
                left.append(each)
            elif older is not None and not older.gone:
                left.append(older)
        if left:
            self._statements[prepared.name] = left
        else:
            self._statements.pop(prepared.name, None)

    def forget(self, name: bytes, before: int | None = None) -> None:
        """The target closed it. What was sent under the name behind that place is still to come."""
        _drop(self._statements, (name,), before)

    def forget_all(self, before: int | None = None) -> None:
        """DEALLOCATE ALL or DISCARD ALL succeeded."""
        _drop(self._statements, tuple(self._statements), before)

    def bind(self, portal: Portal) -> None:
        """A Bind (or DECLARE) is on its way."""
        if portal.name not in self._portals:
            self._room()
        portal.order = self.mark()
        found = self._portals.setdefault(portal.name, [])
        portal.shadows = bool(found) and _same(found[-1], portal)
        _append(found, portal)

    def portals(self, name: bytes, segment: int) -> tuple[Portal, ...]:
        """What the portal or cursor `name` may be to a message sent in this segment."""
        return _meaning(self._portals.get(name), segment)

    def uncertain(self, name: bytes, segment: int) -> bool:
        """Whether an Execute in this segment could run another portal than it seems to: with other parameters (A3)."""
        found = self._portals.get(name)
        if not found or found[-1].segment == segment:
            return False
        return len(found) > 1 or found[-1].shadows

    def confirm_portal(self, portal: Portal) -> None:
        """The target has it."""
        portal.confirmed = True
        portal.shadows = False
        _keep_from(self._portals.setdefault(portal.name, []), portal)

    def discard_portal(self, portal: Portal) -> None:
        """The target failed or skipped it."""
        left = [p for p in self._portals.get(portal.name, ()) if p is not portal]
        if left:
            self._portals[portal.name] = left
        else:
            self._portals.pop(portal.name, None)

    def forget_portal(self, name: bytes, before: int | None = None) -> None:
        """The target closed it. What was sent under the name behind that place is still to come."""
        _drop(self._portals, (name,), before)

    def forget_portals(self, before: int | None = None) -> None:
        """CLOSE ALL or DISCARD ALL succeeded."""
        _drop(self._portals, tuple(self._portals), before)

    def transaction_over(self) -> None:
        """Portals of Bind end with their transaction; those on their way and SQL cursors (maybe WITH HOLD) stay."""
        if self._portals:
            kept = {n: [p for p in ps if not p.confirmed or p.bind is None] for n, ps in self._portals.items()}
            self._portals = {n: ps for n, ps in kept.items() if ps}

    def _room(self) -> None:
        if len(self._statements) + len(self._portals) >= self._limit:
            raise LimitExceeded(f"more than {self._limit} prepared statements and portals in one session", "53400")


def _drop(table: dict[bytes, list[Named]], names: tuple[bytes, ...], before: int | None) -> None:
    for name in names:
        left = [item for item in table.get(name, ()) if before is not None and item.order > before]
        for item in left:
            _forget_older(item, before)
        if left:
            table[name] = left
        else:
            table.pop(name, None)


def _forget_older(item: Prepared | Portal, before: int | None) -> None:
    older = item.instead if isinstance(item, Prepared) else None
    if older is not None and before is not None and older.order <= before:
        older.gone = True


def _append(found: list[Named], item: Named) -> None:
    if found and _same(found[-1], item):
        found[-1] = item
    elif len(found) >= CANDIDATES:
        raise LimitExceeded("too many unanswered messages name the same statement or portal", "53400")
    else:
        found.append(item)


def _same(older: Named, item: Named) -> bool:
    """Whether two unnamed ones of one segment need no telling apart (P10)."""
    return not item.name and older.segment == item.segment >= 0 and older.covers(item)


def _meaning(found: list[Named] | None, segment: int) -> tuple[Named, ...]:
    if not found:
        return ()
    return (found[-1],) if found[-1].segment == segment else tuple(found)


def _keep_from(found: list[Named], item: Named) -> None:
    """Drop what is older than `item`; when it was replaced within its segment meanwhile, what is newer stays."""
    for place, other in enumerate(found):
        if other is item or _same(other, item):
            del found[:place]
            return
    found.insert(0, item)
