"""From a RowDescription and what is known of the statement to a plan: which cells are rewritten, and how.

A plain column is known by its table OID and attribute number, whatever the statement calls it. An expression is known
by its lineage, position by position. What cannot be shown gets every column mask (M1).
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_hoop.masking.masker import CellMasker
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.messages import Field
from twisted_hoop.postgres.reading import NOTHING, Read
from twisted_hoop.postgres.rows import COMPUTED, FIXED, NULL_CELL, SCANNED, CellFunction, RowPlan

PlannedColumn = tuple[int, int, bytes | None, CellFunction | None]


def column_masks(
    fields: tuple[Field, ...], reads: Iterable[Read], effective: frozenset[str], knowledge: Knowledge
) -> list[frozenset[str]]:
    """For each column the names of the column masks that hold."""
    candidates = tuple(reads)
    every = knowledge.column_masks & effective
    if not every:
        return [NOTHING] * len(fields)
    return [_masks(i, f, len(fields), candidates, knowledge) & every for i, f in enumerate(fields)]


def _masks(place: int, field: Field, count: int, candidates: tuple[Read, ...], knowledge: Knowledge) -> frozenset[str]:
    if field.table:
        made_here = knowledge.root is not None and _made_here(place, field, count, candidates, knowledge)
        if not made_here:
            return _table_masks(field, knowledge)
    if not candidates:
        return knowledge.column_masks
    found = NOTHING
    for read in candidates:
        found |= origin_masks(read, place, count, knowledge)
    return found


def _made_here(place: int, field: Field, count: int, candidates: tuple[Read, ...], knowledge: Knowledge) -> bool:
    """Whether the column can only be one of a table that the open transaction made: its lineage is that and no more."""
    if field.table in knowledge.catalogue.relations or not candidates:
        return False
    for read in candidates:
        outputs = read.lineage.outputs if read.lineage is not None else None
        if outputs is None or len(outputs) != count:
            return False
        origin = outputs[place][1]
        if origin.opaque or not origin.columns or any(oid >= 0 for oid, _ in origin.columns):
            return False
    return True


def _table_masks(field: Field, knowledge: Knowledge) -> frozenset[str]:
    relation = knowledge.catalogue.relations.get(field.table)
    if relation is None or not knowledge.bindings.known(field.table):
        knowledge.invalidate()
        return knowledge.column_masks
    if field.number == 0:
        return knowledge.masks_of(frozenset((field.table, c.number) for c in relation.columns))
    if field.number > 0 and all(c.number != field.number for c in relation.columns):
        knowledge.invalidate()
        return knowledge.column_masks
    return knowledge.bindings.masks_of((field.table, field.number))


def origin_masks(read: Read, place: int, count: int, knowledge: Knowledge) -> frozenset[str]:
    """The masks of the result column at `place` by lineage alone; all of them when lineage does not fit."""
    lineage = read.lineage
    if lineage is None or lineage.outputs is None or len(lineage.outputs) != count:
        return knowledge.column_masks
    return knowledge.masks_of_origin(lineage.outputs[place][1])


def row_plan(
    fields: tuple[Field, ...], reads: Iterable[Read], effective: frozenset[str], knowledge: Knowledge
) -> RowPlan | None:
    """How the rows of this result are rewritten; None when nothing is."""
    masks = column_masks(fields, reads, effective, knowledge)
    columns = [
        planned
        for place, (field, names) in enumerate(zip(fields, masks, strict=True))
        if (planned := _column(place, field, names, effective, knowledge)) is not None
    ]
    if not columns:
        return None
    detector = knowledge.maskset.detector_for(effective)
    return RowPlan(columns, detector.might if detector is not None else None)


def _column(
    place: int, field: Field, names: frozenset[str], effective: frozenset[str], knowledge: Knowledge
) -> PlannedColumn | None:
    masks, types = knowledge.maskset, knowledge.catalogue.types
    if names:
        derived = field.table == 0
        masker = masks.column_masker(names, field.type_oid, field.typmod, field.format, types, derived)
        return planned_cell(place, masker)
    content = masks.content_masker(effective, field.type_oid, field.format, types)
    if content is None:
        return None
    return place, SCANNED if content.reach == "joined" else COMPUTED, None, content


def planned_cell(place: int, masker: CellMasker) -> PlannedColumn:
    """A column mask as the byte loop wants it."""
    if masker.null:
        return place, FIXED, NULL_CELL, None
    if masker.constant is not None:
        return place, FIXED, len(masker.constant).to_bytes(4, "big") + masker.constant, None
    return place, COMPUTED, None, masker
