"""COPY to and from clients: which of its columns are hidden on the way out (M8). The rows themselves are masking's."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_hoop.errors import ProtocolError
from twisted_hoop.lineage.catalogue import Column as CatalogueColumn
from twisted_hoop.masking.copyrows import NULL_COLUMN, Column, CopyMasker
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.plan import origin_masks
from twisted_hoop.postgres.reading import NOTHING, Read
from twisted_hoop.postgres.rows import CopyPlan
from twisted_hoop.postgres.state import State
from twisted_hoop.sql.statements import Copy


def copy_of(reads: Sequence[Read]) -> Copy | None:
    """The COPY among what a statement may turn out to be; None when there is none or they differ."""
    copies = {id(r.statement.copy): r.statement.copy for r in reads if r.statement.copy is not None}
    found = list(copies.values())
    return found[0] if len(found) == 1 else None


def copy_out_masker(
    reads: Sequence[Read], effective: frozenset[str], form: int, count: int, state: State, trusted: bool = True
) -> CopyMasker | None:
    """The masker of a COPY TO STDOUT of `count` columns; `form` is the response's overall format. None: rows pass.

    Every column is masked unless `trusted`: its names may have changed since they were read.
    """
    copy, knowledge = copy_of(reads), state.knowledge
    columns = [_column(i, count, reads if trusted else (), copy, effective, form, knowledge) for i in range(count)]
    if not any(column is not None for column in columns):
        return None
    if copy is None:
        raise ProtocolError("a COPY began that was not read beforehand", "target")
    if (copy.format == "binary") != bool(form):
        raise ProtocolError("a COPY came in another format than was asked for", "target")
    return CopyMasker(copy.format, columns, copy.delimiter, copy.quote, copy.escape, copy.null, copy.header)


def _column(
    place: int,
    count: int,
    reads: Sequence[Read],
    copy: Copy | None,
    effective: frozenset[str],
    form: int,
    knowledge: Knowledge,
) -> Column:
    names = NOTHING if reads else knowledge.column_masks
    for read in reads:
        names |= origin_masks(read, place, count, knowledge)
    names &= knowledge.column_masks & effective
    type_oid = _type(place, copy, knowledge)
    masks, types = knowledge.maskset, knowledge.catalogue.types
    if not names:
        return masks.content_masker(effective, type_oid, form, types)
    masker = masks.column_masker(names, type_oid, -1, form, types, copy is None or copy.relation is None)
    if masker.null:
        return NULL_COLUMN
    return masker.constant if masker.constant is not None else masker


def copy_types(copy: Copy, count: int, knowledge: Knowledge) -> tuple[int, ...]:
    """The types of its columns where they are a table's own; 0 (unknown) elsewhere."""
    return tuple(_type(place, copy, knowledge) for place in range(count))


def _type(place: int, copy: Copy | None, knowledge: Knowledge) -> int:
    if copy is None or copy.relation is None:
        return 0
    found = {_column_type(relation.columns, copy, place) for relation in knowledge.catalogue.candidates(*copy.relation)}
    return found.pop() if len(found) == 1 else 0


def _column_type(columns: Sequence[CatalogueColumn], copy: Copy, place: int) -> int:
    if copy.columns:
        wanted = copy.columns[place] if place < len(copy.columns) else ""
        return next((c.type_oid for c in columns if c.name == wanted), 0)
    return columns[place].type_oid if place < len(columns) else 0


def quick_plan(masker: CopyMasker) -> CopyPlan | None:
    """The byte loop's own plan for rows that need no unescaping; None when some column must be computed.

    With the tab as delimiter an escape never holds one, so that only the newline that ends a row tells rows apart.
    """
    cells = masker.fixed_cells()
    delimiter, null, special = masker.marks
    if cells is None or len(delimiter) != 1:
        return None
    return CopyPlan(cells, delimiter, null, special)
