"""What the two directions of one PostgreSQL session share: the queue of expected answers and what is running."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted_hoop.lineage.catalogue import Catalogue
from twisted_hoop.lineage.creating import NewTable
from twisted_hoop.model import Decision, Entry, Refusal
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.letters import IDLE
from twisted_hoop.postgres.reading import Read
from twisted_hoop.postgres.registry import Portal, Prepared, Registry
from twisted_hoop.postgres.wire import Rewriter
from twisted_hoop.steps import Record, Step


@dataclass(slots=True)
class Names:
    """The prepared statements and cursors one statement makes; `mark` is its place in the order of sending."""

    mark: int
    statements: list[Prepared] = field(default_factory=list)
    portals: list[Portal] = field(default_factory=list)


@dataclass(slots=True, init=False)
class Run:
    """One admitted command while it runs. `resolved` has, for each of its statements, what it may turn out to be."""

    number: int
    resolved: tuple[tuple[Read, ...], ...]
    masks: frozenset[str]
    tainted: bool
    index: int
    own: tuple[tuple[Read, ...], ...]
    moves_path: bool
    started: bool
    rereads: bool
    renames: bool
    keep: int
    """How many rows of each of its results are recorded."""
    row: bytes | None
    """What the target said of the rows that come now, when some are recorded."""
    names_of: int
    """When its names were looked up: see `renames.py`."""
    names: dict[int, Names] | None

    def __init__(
        self,
        number: int,
        resolved: tuple[tuple[Read, ...], ...],
        masks: frozenset[str],
        tainted: bool,
        own: tuple[tuple[Read, ...], ...] = (),
        moves_path: bool = False,
    ) -> None:
        self.number = number
        self.resolved = resolved
        self.masks = masks
        self.tainted = tainted
        self.index = 0
        self.own = own
        self.moves_path = moves_path
        self.started = self.rereads = self.renames = False
        self.keep = 0
        self.row = None
        self.names_of = 0
        self.names = None

    def reads(self) -> tuple[Read, ...]:
        """The candidates for the statement that is answered now."""
        return self.resolved[self.index] if self.index < len(self.resolved) else ()

    def statements(self) -> tuple[Read, ...]:
        """The statement that is answered now, as it was sent; several when it is one of them."""
        return self.own[self.index] if self.index < len(self.own) else ()


@dataclass(slots=True, init=False)
class Expect:
    """An answer the target owes. `swallow`: the client did not ask for it. `nonce`: it will fail, by our doing.

    `mark` is the place of a Close in the order of sending.
    """

    kind: int
    run: Run | None
    prepared: Prepared | None
    portal: Portal | None
    name: bytes
    swallow: bool
    nonce: bytes
    error: bytes
    mark: int

    def __init__(
        self,
        kind: int,
        run: Run | None = None,
        prepared: Prepared | None = None,
        portal: Portal | None = None,
        name: bytes = b"",
        swallow: bool = False,
        nonce: bytes = b"",
        error: bytes = b"",
        mark: int = 0,
    ) -> None:
        self.kind = kind
        self.run = run
        self.prepared = prepared
        self.portal = portal
        self.name = name
        self.swallow = swallow
        self.nonce = nonce
        self.error = error
        self.mark = mark


@dataclass(slots=True)
class State:
    """See the module."""

    knowledge: Knowledge
    registry: Registry
    rewriter: Rewriter
    masks: Callable[[], frozenset[str]]
    expects: deque[Expect] = field(default_factory=deque)
    skipping: bool = False
    """The target discards everything up to the next Sync, which we have not seen yet."""
    transaction: int = IDLE
    copying_in: bool = False
    spare_syncs: int = 0
    number: int = 0
    path: tuple[str, ...] | None = None
    path_reported: bool = False
    role_changed: bool = False
    rereading: bool = False
    """A setting was changed that may be one of how SQL is read; the target has not told yet (P16)."""
    path_moving: int = 0
    path_dirty: bool = False
    """The open transaction changed the search_path: its end may take that back."""
    context: tuple[tuple[str, ...] | None, tuple[tuple[str, str], ...]] | None = None
    schema_changed: bool = False
    made: list[NewTable] = field(default_factory=list)
    """Tables the open transaction made: `creations.py`. `knowledge` includes the first `made_known` of them."""
    made_known: int = 0
    made_over: Catalogue | None = None
    renaming: bool = False
    """The open transaction may have given masked columns other names."""
    said_farewell: bool = False
    """The target told the client itself, by a FATAL, why it goes: a second one would break pipelines."""
    records: list[Step] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    login: str = ""
    database: str = ""
    activate: Callable[[Expect], None] = lambda expect: None
    """Called when an Execute becomes the next thing to be answered: its rows come now."""

    def execute(self, expect: Expect) -> None:
        """Queue an Execute. Behind nothing else (a later page of a portal, say) it is the next answer at once (M1)."""
        self.expects.append(expect)
        if len(self.expects) == 1:
            self.activate(expect)

    def begin_renaming(self) -> None:
        """A change of names is sent."""
        if not self.renaming:
            self.renaming = True
            self.knowledge.renames.begin()

    def end_renaming(self) -> None:
        """It is committed or taken back, and the catalogue must be read before names are trusted again."""
        if self.renaming:
            self.renaming = False
            self.knowledge.invalidate()
            self.knowledge.renames.end()

    def record(self, kind: str, **data: Any) -> None:
        """An entry, written before anything that is sent in the same turn."""
        self.records.append(Record(Entry(kind, data)))

    def take_records(self) -> list[Step]:
        """The entries that are to be written now; the list is the caller's."""
        taken, self.records = self.records, []
        return taken

    def names_path(self) -> tuple[str, ...] | None:
        """The search_path names are resolved by, None while it may be changing (P18)."""
        return None if self.path_moving else self.path

    def masking(self) -> bool:
        """Whether any mask applies in this session."""
        return bool(self.masks())

    def effective(self, decision: Decision) -> frozenset[str]:
        """Names of the masks that hold for a command decided so."""
        return self.masks() | decision.masks if decision.masks else self.masks()


_SQLSTATES = {
    "denied": "42501",
    "pending": "42501",
    "expired": "42501",
    "withdrawn": "57014",
    "limited": "53300",
    "failed": "58000",
}


def sqlstate(refusal: Refusal) -> str:
    """The SQLSTATE of a refusal (errcodes-appendix)."""
    return _SQLSTATES.get(refusal.code, "42501")
