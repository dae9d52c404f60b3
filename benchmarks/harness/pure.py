"""Works without a network: what masks need to know of a query, when its text is new and when it is known."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from itertools import count

from harness.rows import Row, Work
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.plan import row_plan
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing import postgres as model

_TEXT = (
    "select p.id, upper(p.name), p.card, count(o.id) over (partition by p.id) from people p"
    " join orders o on o.person = p.id where p.id = any(array[{0}]) and o.id > {0} order by 1"
)
_OID = model.FIRST_OID
_FIELDS = (("id", _OID, 1, model.INT4), ("upper", 0, 0, model.TEXT), ("card", _OID, 3, model.TEXT), ("count", 0, 0, 20))
_ROW = model.row_description(*_FIELDS)[5:]
_PATH = ("public",)
_MASKS = frozenset({"cards"})
_TURNS = 15


def plans(calls: int) -> Iterable[Work]:
    """CPU from a text and its RowDescription to the plan of its rows: a join with one masked column.

    `plan miss`: parsed, classified, names resolved, columns traced, planned. `plan hit`: known, as for each repetition.
    """
    yield "plan miss", lambda: [_row("plan miss", _miss(), max(calls // 10, 20))]
    yield "plan hit", lambda: [_row("plan hit", _hit(), calls)]


def _miss() -> Callable[[], object]:
    knowledge, numbers = model.knowledge_of([MaskSection(name="cards", columns=[r".*\.card"])]), count(1)

    def run() -> object:
        reading = knowledge.reading(_TEXT.format(next(numbers)), _PATH)
        return row_plan(pg.row_description(_ROW), reading.reads, _MASKS, knowledge)

    return run


def _hit() -> Callable[[], object]:
    knowledge, text = model.knowledge_of([MaskSection(name="cards", columns=[r".*\.card"])]), _TEXT.format(1)
    reads = knowledge.reading(text, _PATH).reads
    reads[0].plans[_ROW, _MASKS] = row_plan(pg.row_description(_ROW), reads, _MASKS, knowledge)
    assert reads[0].plans[_ROW, _MASKS] is not None
    return lambda: knowledge.reading(text, _PATH).reads[0].plans[_ROW, _MASKS]


def _row(work: str, run: Callable[[], object], calls: int) -> Row:
    turns = []
    for _ in range(_TURNS):
        began = time.process_time()
        for _ in range(calls):
            run()
        turns.append((time.process_time() - began) / calls * 1e6)
    return Row(work, "hoop", statistics.median(turns), "us CPU")
