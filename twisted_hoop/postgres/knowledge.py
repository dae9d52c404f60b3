"""What is known of one database of one target: its catalogue, its masked columns, and every text read so far.

Shared by all sessions on that database. Pure: `catalogue_source.py` brings the catalogue.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from twisted_hoop.lineage.catalogue import Catalogue, ColumnId, Relation
from twisted_hoop.lineage.creating import NewTable, new_table
from twisted_hoop.lineage.tracer import Lineage, Origin, Tracer
from twisted_hoop.masking.bindings import Bindings
from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.model import Facts
from twisted_hoop.postgres.reading import NOTHING, Guard, Names, Read, Reading
from twisted_hoop.postgres.renames import Renames
from twisted_hoop.settings import MaskSection
from twisted_hoop.sql.reader import PROBLEM_FACTS, SqlReader
from twisted_hoop.sql.shapes import shape_of
from twisted_hoop.sql.statements import Statement

READINGS = 2048
ABSENT = 1000
_READ_ONLY_SETTINGS = ("default_transaction_read_only", "transaction_read_only")

_PATH_SETTINGS = ("search_path", "role", "session_authorization", "?")

ENCODING_GUARD = Guard(
    "42501",
    "gateway: encoding",
    "client_encoding stays UTF8 and standard_conforming_strings stays on behind this gateway",
    "Leave these settings alone; the text is read as the target reads it.",
)
READ_ONLY_GUARD = Guard("25006", "gateway: read_only", "this target is read-only", "Ask for another target.")

Readings = OrderedDict[tuple[str, tuple[str, ...] | None], Reading]


class Knowledge:
    """See the module. `stale` asks for a new catalogue before the next command is judged."""

    def __init__(self, sql: SqlReader, masks: Sequence[MaskSection], key: bytes, read_only: bool = False) -> None:
        self._sql = sql
        self._sections = tuple(masks)
        self._read_only = read_only
        self._readings: Readings = OrderedDict()
        self._shapes: Readings = OrderedDict()
        self.maskset = MaskSet(self._sections, key)
        self.column_masks = frozenset(m.name for m in masks if m.columns and m.direction == "response")
        self.sections = {m.name: m for m in masks}
        self._recorded_differs = any(m.detect or m.patterns for m in masks)
        self._recordable: dict[str, str] = {}
        self.remembered: frozenset[tuple[str, int, int]] = frozenset()
        self.catalogue = Catalogue()
        self.root: Knowledge | None = None
        """What this one is made from, when it knows tables besides that nobody else can see yet."""
        self._changes = 1
        self._learned = 0
        self._absent: set[str] = set()
        self.renames = Renames()
        self.used = False
        """Whether something was read by it since somebody last set this to False."""
        self._use(self.catalogue)

    @property
    def stale(self) -> bool:
        """Whether something changed since the catalogue was read."""
        root = self if self.root is None else self.root
        return root._changes != root._learned

    @property
    def changes(self) -> int:
        """How many changes there were: what a reading of the catalogue that starts now will know of."""
        return self._changes

    def learn(self, catalogue: Catalogue, changes: int | None = None) -> None:
        """A catalogue that was read after so many changes (None: all): what was read by the old one is read again."""
        self._use(catalogue)
        self._learned = self._changes if changes is None else changes

    def confirm(self, changes: int) -> None:
        """The catalogue was read after so many changes, and is as it was."""
        self._learned = changes

    def forget_absent(self) -> None:
        """Names that were not there may be there by now."""
        self._absent.clear()

    def news(self, reading: Reading) -> bool:
        """Whether the text names tables that nobody looked for yet: they may be new. True once for each."""
        if self.root is not None:
            return self.root.news(reading)
        if not reading.missing or reading.missing <= self._absent:
            return False
        if len(self._absent) >= ABSENT:
            self._absent.clear()
        self._absent |= reading.missing
        self._changes += 1
        return True

    def why_unknown(self, text: str) -> str:
        """What the parser says of a text it cannot read; "" when it can."""
        return self._sql.understand(text).why

    def recordable(self, text: str) -> str:
        """A text as it may stand in a recording: what any detector finds in it is masked (M12)."""
        if not self._recorded_differs:
            return text
        known = self._recordable.get(text)
        if known is None:
            if len(self._recordable) >= READINGS:
                self._recordable.clear()
            known = self._recordable[text] = self.maskset.for_recording(text)
        return known

    def _use(self, catalogue: Catalogue) -> None:
        columns = [m for m in self._sections if m.name in self.column_masks]
        self.catalogue = catalogue
        self.tracer = Tracer(catalogue)
        self.bindings = Bindings(columns, catalogue, self.remembered)
        self.remembered = self.bindings.to_remember()
        self._readings.clear()
        self._shapes.clear()

    def invalidate(self) -> None:
        """Somebody changed the schema, or a result named a relation that is not known."""
        root = self if self.root is None else self.root
        root._changes += 1

    def including(self, relations: tuple[Relation, ...]) -> Knowledge:
        """The same for one session whose open transaction made these tables; their OIDs, unknown here, are negative."""
        made = Knowledge(self._sql, (), b"", self._read_only)
        made.root, made.renames, made.maskset = self, self.renames, self.maskset
        made.column_masks, made.sections = self.column_masks, self.sections
        made._recorded_differs, made._recordable = self._recorded_differs, self._recordable
        made.catalogue = self.catalogue.including(relations)
        made.tracer = Tracer(made.catalogue)
        made.bindings = self.bindings.including(relations)
        return made

    def reading(self, text: str, path: tuple[str, ...] | None) -> Reading:
        """How `text` reads here under that search_path. Bounded cache by the exact text."""
        self.used = True
        key = (text, path)
        found = self._readings.get(key)
        if found is not None:
            return found
        shape = shape_of(text)
        alike = self._shapes.get((shape, path)) if shape else None
        if alike is not None:
            return alike.of(text)
        found = self._remember(self._readings, key, self._read(text, path))
        if shape and _has_shape(found):
            self._remember(self._shapes, (shape, path), found)
        return found

    def _remember(self, kept: Readings, key: tuple[str, tuple[str, ...] | None], reading: Reading) -> Reading:
        kept[key] = reading
        if len(kept) > READINGS:
            kept.popitem(last=False)
        return reading

    def _read(self, text: str, path: tuple[str, ...] | None) -> Reading:
        parsed = self._sql.understand(text)
        if parsed.problem:
            facts = PROBLEM_FACTS[parsed.problem]
            return Reading(text, (Read(Statement(parsed.problem, facts), opaque=True),), (facts,))
        names = Names(self.catalogue, None if any(map(_moves_path, parsed.statements)) else path)
        reads = tuple(self._statement(s) for s in parsed.statements)
        facts_of = tuple(self._facts(r, names) for r in reads) or (_NOTHING_ASKED,)
        return Reading(
            text,
            reads,
            facts_of,
            tuple((read,) for read in reads),
            self._guard(parsed.statements),
            any(_indirect(s) for s in parsed.statements),
            any(s.changes_catalogue for s in parsed.statements),
            frozenset(names.missing),
        )

    def _statement(self, statement: Statement) -> Read:
        moves, ends = _moves_path(statement), _ends_transaction(statement)
        if not self.column_masks:
            return Read(statement, moves_path=moves, ends_transaction=ends)
        lineage = self._trace(statement)
        opaque = lineage.outputs is None or any(o.opaque for _, o in lineage.outputs)
        return Read(
            statement,
            lineage,
            self.masks_of(lineage.touches),
            self.masks_of(lineage.predicates),
            self.masks_of(lineage.stored),
            opaque,
            bool(lineage.stored_opaque),
            moves,
            ends,
            self._makes(statement, lineage),
        )

    def _makes(self, statement: Statement, lineage: Lineage) -> NewTable | None:
        """A table whose rows are what the session itself may see; anything else stays unknown until it is read (M1)."""
        if statement.tree is None or not statement.changes_catalogue:
            return None
        if lineage.stored_opaque or self.masks_of(lineage.stored):
            return None
        return new_table(statement.tree, self.tracer.trace)

    def _trace(self, statement: Statement) -> Lineage:
        if statement.copy is not None and statement.copy.relation is not None:
            return self.tracer.trace_relation(*statement.copy.relation, statement.copy.columns)
        return self.tracer.trace(statement.tree)

    def masks_of(self, columns: frozenset[ColumnId]) -> frozenset[str]:
        """Names of the masks over any of these columns."""
        found = NOTHING
        for column in columns:
            found |= self.bindings.masks_of(column)
        return found

    def masks_of_origin(self, origin: Origin) -> frozenset[str]:
        """Names of the masks a result column of that origin needs: all of them when the origin cannot be shown."""
        return self.column_masks if origin.opaque else self.bindings.masks_of_origin(origin)

    def facts(self, statement: Statement, path: tuple[str, ...] | None) -> Facts:
        """A statement's facts with its names resolved under that search_path."""
        return Names(self.catalogue, path).facts(statement.facts)

    def _facts(self, read: Read, names: Names) -> Facts:
        facts = names.facts(read.statement.facts)
        if not read.compared:
            return facts
        return {**facts, "flag": facts.get("flag", NOTHING) | {"masked-predicate"}}

    def _guard(self, statements: tuple[Statement, ...]) -> Guard | None:
        for statement in statements:
            if "encoding" in statement.facts.get("class", NOTHING):
                return ENCODING_GUARD
            if self._read_only and _opens_writes(statement):
                return READ_ONLY_GUARD
        return None


_NOTHING_ASKED: Facts = {"class": frozenset({"read"}), "kind": frozenset({"empty"}), "access": frozenset({"read"})}


def _has_shape(reading: Reading) -> bool:
    """Whether nothing in the reading is the text itself: one plain statement, fully understood."""
    if len(reading.reads) != 1 or reading.guard is not None or reading.indirect:
        return False
    return reading.reads[0].statement.kind in ("select", "insert", "update", "delete")


def _indirect(statement: Statement) -> bool:
    inner = statement.inner
    return bool(statement.executes or statement.fetches) or (inner is not None and _indirect(inner))


def _moves_path(statement: Statement) -> bool:
    """Whether names in the same text may mean something else afterwards (P18)."""
    sets_it = any(name in _PATH_SETTINGS for name, _ in statement.sets)
    return sets_it or statement.resets_all or "dynamic" in statement.facts.get("class", NOTHING)


def _ends_transaction(statement: Statement) -> bool:
    return "transaction" in statement.facts.get("class", NOTHING) and statement.kind not in ("begin", "savepoint")


def _opens_writes(statement: Statement) -> bool:
    return any(
        name == "?" or (name in _READ_ONLY_SETTINGS and value not in ("on", "true", "1"))
        for name, value in statement.sets
    )
