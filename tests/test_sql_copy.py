"""COPY in all its spellings."""

from __future__ import annotations

import pytest

from tests.support.sql import fact, flags, only
from twisted_hoop.sql.statements import Copy

CSV = {"format": "csv", "delimiter": ",", "null": ""}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {}),
        ("csv", CSV),
        ("csv header", {**CSV, "header": True}),
        (
            "with csv header delimiter ';' null 'N' quote '''' escape '\\'",
            {**CSV, "header": True, "delimiter": ";", "null": "N", "quote": "'", "escape": "\\"},
        ),
        ("with (format csv, header match)", {**CSV, "header": True}),
        ("with (format 'CSV', header false)", CSV),
        ("(format csv, header 1, force_quote *, quote '|')", {**CSV, "header": True, "quote": "|", "escape": "|"}),
        ("(header)", {"header": True}),
        ("(format text, delimiter '|', null '')", {"delimiter": "|", "null": ""}),
        ("binary", {"format": "binary"}),
        ("(format binary)", {"format": "binary"}),
        ("delimiters ';'", {"delimiter": ";"}),
        ("(freeze off, encoding 'utf-8')", {}),
    ],
)
def test_options(options: str, expected: dict[str, object]) -> None:
    relation = ("s", "t")
    text = f"copy s.t (a, b) to stdout {options}"
    if options == "binary":
        text = "copy binary s.t (a, b) to stdout"
    if options.startswith("delimiters"):
        text = f"copy s.t (a, b) to stdout using {options}"
    assert only(text).copy == Copy("out", relation, ("a", "b"), **expected)  # type: ignore[arg-type]


def test_directions() -> None:
    assert fact("copy t to stdout", "class") == {"read", "copy-out"}
    assert fact("copy t from stdin", "class") == {"write", "copy-in"}
    assert fact("copy t from stdin", "table_write") == {"t"}
    assert only("copy t from stdin csv").copy == Copy("in", ("", "t"), format="csv", delimiter=",", null="")


def test_query() -> None:
    statement = only("copy (select a from t) to stdout csv")
    assert statement.copy is not None
    assert statement.copy.query is statement.inner
    assert statement.copy.relation is None
    assert statement.facts["column"] == {"t.a"}
    assert fact("copy (delete from t returning *) to stdout", "class") == {"read", "write", "copy-out"}


@pytest.mark.parametrize("end", ["to '/tmp/x'", "from '/etc/passwd'", "to program 'sh'", "from program 'curl'"])
def test_the_servers_files_and_programs(end: str) -> None:
    """P15"""
    text = f"copy t {end}"
    assert only(text).copy is None
    program = "program" in end
    assert ("program" in fact(text, "class"), "file" in fact(text, "class")) == (program, not program)
    assert ("copy-program" in flags(text)) == program
    assert not fact(text, "class") & {"copy-in", "copy-out"}


def test_other_encodings_and_unknown_formats() -> None:
    """P16"""
    assert "encoding" in fact("copy t to stdout (encoding 'sjis')", "class")
    assert "encoding" in fact("copy t to stdout encoding 'latin1'", "class")
    assert "unknown" in fact("copy t to stdout (format parquet)", "class")
