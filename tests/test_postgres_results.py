"""Rows of results in recordings: as many as the rule says, as the client saw them, never a masked value in clear."""

from __future__ import annotations

import dataclasses
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.postgres.kept import KEPT_LIMIT
from twisted_hoop.postgres.results import column_names, result_of, shown_rows
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing import Script
from twisted_hoop.testing import postgres as build
from twisted_hoop.testing.fakes import ALLOWED, FakeGate
from twisted_hoop.testing.postgres import FIRST_OID, TEXT, make_relay, parse, query

CARDS = MaskSection(name="cards", columns=[r".*\.card"])
CARD_COLUMN = build.row_description(("card", FIRST_OID, 3, TEXT))
END = (build.complete("SELECT 3"), build.ready())


def script(rows: int, *masks: MaskSection) -> Script:
    return Script(make_relay(masks), FakeGate(dataclasses.replace(ALLOWED, rows=rows)))


def asked(rows: int, *masks: MaskSection) -> Script:
    made = script(rows, *masks)
    made.client(query(b"select card from people"))
    return made


def body(*cells: bytes | None) -> bytes:
    parts = [struct.pack(">i", -1) if cell is None else struct.pack(">i", len(cell)) + cell for cell in cells]
    return struct.pack(">h", len(cells)) + b"".join(parts)


def test_as_many_rows_as_the_rule_says_and_all_of_them_to_the_client() -> None:
    rows = [build.data_row(b"CARD-%d" % n) for n in range(5)]
    heard = asked(3).target(CARD_COLUMN, *rows, *END)
    assert build.rows(heard.client) == [[b"CARD-%d" % n] for n in range(5)]
    (outcome,) = heard.entries
    assert outcome.data["columns"] == ["card"]
    assert outcome.data["result"] == [["CARD-0"], ["CARD-1"], ["CARD-2"]]
    assert outcome.data["rows"] == 5


def test_without_the_wish_they_are_counted_only() -> None:
    (outcome,) = asked(0).target(CARD_COLUMN, build.data_row(b"CARD-1"), *END).entries
    assert "result" not in outcome.data and outcome.data["rows"] == 1


def test_m12_a_masked_value_is_recorded_masked() -> None:
    """M12: what is kept is what went to the client, and it is counted once."""
    rows = [build.data_row(b"CARD-1"), build.data_row(None), build.data_row(b"CARD-2"), build.data_row(b"CARD-3")]
    heard = asked(3, CARDS).target(CARD_COLUMN, *rows, *END)
    seen = build.rows(heard.client)
    assert b"CARD" not in heard.client and len(seen) == 4
    (outcome,) = heard.entries
    assert "CARD" not in str(outcome)
    shown = [[None if cell is None else cell.decode() for cell in row] for row in seen]
    assert outcome.data["result"] == shown[:3]
    assert outcome.data["masked"] == 3


@pytest.mark.parametrize("masks", [(), (CARDS,)])
def test_cut_anywhere_client_and_recording_see_the_same(masks: tuple[MaskSection, ...]) -> None:
    rows = [build.data_row(b"CARD-%d" % n) for n in range(4)]
    data = b"".join((CARD_COLUMN, *rows, *END))
    whole = asked(2, *masks).target(data)
    for at in range(1, len(data)):
        made = asked(2, *masks)
        first, second = made.target(data[:at]), made.target(data[at:])
        assert first.client + second.client == whole.client
        assert [e.data for e in (*first.entries, *second.entries)] == [e.data for e in whole.entries]


def test_every_result_of_a_text_and_every_execute_has_its_own() -> None:
    made = script(1)
    made.client(query(b"select card from people; select card from people"))
    result = (CARD_COLUMN, build.data_row(b"a"), build.data_row(b"b"), build.complete("SELECT 2"))
    heard = made.target(*result, *result, build.ready())
    assert [entry.data["result"] for entry in heard.entries] == [[["a"]], [["a"]]]
    made.client(parse(b"", b"select card from people"), build.bind(), build.execute(), build.execute(), build.sync())
    heard = made.target(build.parse_complete(), build.bind_complete(), *result[1:], build.complete("SELECT 0"))
    assert [entry.data.get("result") for entry in heard.entries] == [[["a"]], None]


def test_what_has_no_rows_has_no_result() -> None:
    made = script(5)
    made.client(query(b"delete from people"))
    (outcome,) = made.target(build.complete("DELETE 2"), build.ready()).entries
    assert "result" not in outcome.data and "columns" not in outcome.data


def test_r10_large_rows_are_counted_when_they_are_too_many() -> None:
    """R10: what is held of a result has a limit, whatever the rule says."""
    row = build.data_row(b"x" * (KEPT_LIMIT // 4))
    heard = asked(100).target(CARD_COLUMN, *[row] * 10, *END)
    (outcome,) = heard.entries
    found: Any = outcome.data["result"]
    assert (len(found), outcome.data["rows"], len(build.rows(heard.client))) == (3, 10, 10)


def test_cells_that_are_no_text_are_their_bytes() -> None:
    assert shown_rows([body(b"Zo\xc3\xab", None, b"", b"\xff\x00", b"a\0b")]) == [
        ["Zoë", None, "", "\\xff00", "\\x610062"]
    ]
    assert result_of(b"", []) == {}


@given(st.lists(st.one_of(st.none(), st.binary(max_size=20)), max_size=6))
def test_as_many_cells_as_there_are(cells: list[bytes | None]) -> None:
    (found,) = shown_rows([body(*cells)])
    assert [cell is None for cell in found] == [cell is None for cell in cells]


@given(st.binary(max_size=60))
def test_any_bytes_are_rows_and_names_of_some_kind(data: bytes) -> None:
    assert isinstance(shown_rows([data]), list)
    assert isinstance(column_names(data), list)
