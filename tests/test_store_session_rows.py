"""Rows of the index of sessions, put in at once or again."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tests.support.approvals import ALICE, BOB, Office, session_of
from twisted_hoop.model import Principal
from twisted_hoop.store.session_rows import Rows, put, put_again
from twisted_hoop.store.sessions import _values
from twisted_hoop.store.tables import sessions


def row(ident: str, who: Principal = ALICE, **columns: object) -> dict[str, object]:
    return _values(session_of(who, ident), "replica-1") | columns


def states(office: Office) -> dict[str, str]:
    query = select(sessions.c.id, sessions.c.state)
    return {found.id: found.state for found in office.database.read_now(lambda c: c.execute(query).all())}


def test_put_is_all_or_nothing(office: Office) -> None:
    rows: Rows = [row("one"), row("two"), row("one", BOB)]
    with pytest.raises(IntegrityError), office.database._engine.begin() as connection:  # type: ignore[union-attr]
        put(connection, rows, {})
    assert states(office) == {}


def test_put_again_ends_what_is_there_and_adds_what_is_not(office: Office) -> None:
    over = {"ended": 5.0, "state": "closed", "commands": 3}
    office.database.write_now(lambda c: put(c, [row("one"), row("two"), row("three", **over)], {}))
    late: Rows = [row("one", **over), row("three", state="interrupted", ended=9.0), row("four")]
    assert office.database.write_now(lambda c: put_again(c, late, {"two": {**over, "state": "client-lost"}})) == []
    assert states(office) == {"one": "closed", "two": "client-lost", "three": "closed", "four": "live"}


def test_put_again_names_what_can_never_be_taken(office: Office) -> None:
    rows: Rows = [row("bad", subject="\ud800"), row("missing", target=None), row("good")]
    assert office.database.write_now(lambda c: put_again(c, rows, {})) == ["bad", "missing"]
    assert states(office) == {"good": "live"}
