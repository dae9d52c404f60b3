"""Printing what came from elsewhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twisted_hoop.approval.shown import hides
from twisted_hoop.cli.output import print_fields, print_json, print_table, when

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(ANY_TEXT)
def test_r6_nothing_plays_with_the_terminal(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """R6: neither in fields, nor in tables, nor in JSON."""
    print_json({"text": text})
    assert json.loads(capsys.readouterr().out) == {"text": text}
    print_json([text])
    print_fields({"name": text, "list": [text]})
    print_table(("a",), [[text]])
    assert not any(hides(char) for char in capsys.readouterr().out)


def test_fields_are_aligned_and_empty_ones_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"a": 1, "long name": "x", "empty": "", "none": None, "list": ["p", "q"]})
    assert capsys.readouterr().out.splitlines() == ["        a  1", "long name  x", "     list  p, q"]


def test_table_cells_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a", "b"), [["[red]x[/red]", "y"]])
    assert "[red]x[/red]" in capsys.readouterr().out


def test_times() -> None:
    assert when(0) == when(None) == when("x") == ""
    assert when(1_800_000_000) == "2027-01-15 08:00:00+00:00"


def test_r7_a3_values_write_no_fields_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """R7, A3: a reason of several lines cannot look like fields of the request it is the reason of."""
    print_fields({"reason given": "x\n      rule  harmless", "rule": "writes"})
    assert capsys.readouterr().out.splitlines() == [
        "reason given  x",
        "            |       rule  harmless",
        "        rule  writes",
    ]
