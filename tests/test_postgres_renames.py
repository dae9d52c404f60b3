"""Whether names hold: begin and end of changes, by one session or several."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from twisted_hoop.postgres.reading import Read
from twisted_hoop.postgres.renames import Renames, renames
from twisted_hoop.sql.reader import SqlReader


def test_names_hold_while_nothing_changes() -> None:
    changes = Renames()
    assert changes.hold(changes.now)


def test_names_do_not_hold_during_a_change_nor_across_one() -> None:
    changes = Renames()
    before = changes.now
    changes.begin()
    during = changes.now
    assert not changes.hold(before)
    assert not changes.hold(during)
    changes.end()
    assert not changes.hold(before)
    assert not changes.hold(during)
    assert changes.hold(changes.now)


def test_several_changes_at_once() -> None:
    changes = Renames()
    changes.begin()
    changes.begin()
    changes.end()
    assert not changes.hold(changes.now)
    changes.end()
    assert changes.hold(changes.now)


@dataclass(frozen=True)
class Case:
    sql: str
    stored: frozenset[str]
    opaque: bool
    expected: bool


CASES = [
    Case("alter table t rename a to b", frozenset({"m"}), False, True),
    Case("alter table t rename a to b", frozenset(), True, True),
    Case("alter table t rename a to b", frozenset(), False, False),
    Case("select a from t", frozenset({"m"}), True, False),
]


@pytest.mark.parametrize("case", CASES)
def test_only_changes_of_the_catalogue_that_concern_masked_columns(case: Case) -> None:
    read = replace(Read(SqlReader().understand(case.sql).statements[0]), stored=case.stored, stores_opaque=case.opaque)
    assert renames(((read,),)) is case.expected
