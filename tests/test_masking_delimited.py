"""Columns of CSV, TSV and tables in a stream."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import SIZES, cut, fields, through
from twisted_hoop.masking.delimited import HELD, DelimitedMasker

CELLS = st.text("ab1 ,;\t|\"'\n€", max_size=8)
NAMES = ["id", "name", "card_number", "a_token", "note text"]
HEADERS = st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True)


def masker(strategy: str = "redact") -> DelimitedMasker:
    return DelimitedMasker(fields("card_number", ".*_token", strategy=strategy))


def table(rows: list[list[str]], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@given(HEADERS, st.data(), st.sampled_from([",", ";", "\t"]), SIZES)
def test_columns_by_name_in_what_pythons_writer_writes_m3(
    header: list[str], data: st.DataObject, delimiter: str, sizes: list[int]
) -> None:
    """M3: quoted fields with delimiters, quotes and lines in them, cut anywhere; every other cell stays as it was."""
    rows = [[data.draw(CELLS) for _ in header] for _ in range(data.draw(st.integers(0, 4)))]
    text = table([header, *rows], delimiter)
    shown = through(masker(), *cut(text, sizes)).decode()
    wanted = [
        ["*****" if (name == "card_number" or name.endswith("_token")) and cell.strip(" ") else cell
         for name, cell in zip(header, row, strict=True)]
        for row in rows
    ]  # fmt: skip
    found = list(csv.reader(io.StringIO(shown, newline=""), delimiter=delimiter))
    assert [[cell.strip() for cell in row] for row in found] == [[c.strip() for c in row] for row in [header, *wanted]]


@given(st.binary(max_size=200) | st.text('ab,;|\t\n"card_number ', max_size=200).map(str.encode), SIZES)
def test_without_a_header_nothing_changes(data: bytes, sizes: list[int]) -> None:
    found = DelimitedMasker(fields("no_such_column"))
    assert through(found, *cut(data, sizes)) == data
    through(masker(), *cut(data, sizes))


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"id,card_number\n1,41\n", b"id,card_number\n1,*****\n"),
        (b"id,card_number\r\n1,41\r\n", b"id,card_number\r\n1,*****\r\n"),
        (b'"id","card_number"\n"1","4""1"\n', b'"id","card_number"\n"1","*****"\n'),
        (b"id,card_number\n1,41", b"id,card_number\n1,*****"),
        (b"id,card_number\n1,\n(1 row)\n", b"id,card_number\n1,\n(1 row)\n"),
        (b"$ cat x.csv\nid\tcard_number\n1\t41\n", b"$ cat x.csv\nid\tcard_number\n1\t*****\n"),
        (b"id|card_number\n1|41\n", b"id|card_number\n1|*****\n"),
        (b"card_number\n41\n42\n", b"card_number\n*****\n*****\n"),
        (b"hello\ncard_number\n41\n", b"hello\ncard_number\n41\n"),
        (b"a,card_number,b\n1,41,x,y\n", b"a,card_number,b\n1,*****,*****,*****\n"),
        (b"a,card_number,b\n1,41\n", b"a,card_number,b\n1,*****\n"),
        (b"see card_number, and more of it 7\nx,y\n", b"see card_number, and more of it 7\nx,y\n"),
        (b"id,card_number\n1,41\nx,y\n3,card\n", b"id,card_number\n1,*****\nx,*****\n3,*****\n"),
    ],
)
def test_where_tables_stand(data: bytes, shown: bytes) -> None:
    assert through(masker(), data) == shown


def test_psql_s_aligned_tables_keep_their_width() -> None:
    text = (
        b" id |   card_number    | name \n----+------------------+------\n"
        b"  1 | 4111111111111111 | x\n  2 |                  | y\n(2 rows)\n\nfoo | bar | baz\n"
    )
    shown = through(masker(), text).splitlines()
    assert shown[2] == b"  1 | *****            | x"
    assert shown[:2] == text.splitlines()[:2] and shown[3:] == text.splitlines()[3:]


def test_mysql_s_tables() -> None:
    line = b"+----+-------------+\n"
    text = line + b"| id | card_number |\n" + line + b"|  1 | 41          |\n" + line + b"1 row in set\n\n"
    shown = through(masker(), text)
    assert shown == text.replace(b"41   ", b"*****")


@pytest.mark.parametrize(("strategy", "shown"), [("null", b""), ("partial", b"************1111")])
def test_strategies(strategy: str, shown: bytes) -> None:
    found = masker(strategy)
    assert through(found, b"card_number,b\n4111111111111111,x\n") == b"card_number,b\n" + shown + b",x\n"
    assert found.masked == 1


def test_a_quote_that_never_ends_is_not_kept_for_ever() -> None:
    """And a hidden column stays hidden."""
    found = masker()
    out = found.feed(b'id,card_number\n1,"')
    for _ in range(100):
        out += found.feed(b"4" * 5000)
        assert found.held <= HELD + 5000
    assert b"4" not in out + found.flush()


def test_the_rest_of_a_row_that_was_cut_is_dropped_and_the_next_one_is_read() -> None:
    found = masker()
    assert found.feed(b"id,card_number\n1,41") + found.flush() == b"id,card_number\n1,*****"
    assert found.feed(b"11,x") + found.feed(b"y\n2,42\n") == b"\n2,*****\n"


def test_a_moment_without_data_shows_a_prompt_and_no_half_row() -> None:
    found = masker()
    assert found.feed(b"id,card_number\n1,41") + found.idle() == b"id,card_number\n"
    assert found.feed(b"11\n$ ") + found.idle() == b"1,*****\n$ "
    assert found.feed(b"exit\n2") + found.idle() + found.feed(b",42\n") == b"exit\n2,*****\n"
    assert found.feed(b"3") + found.idle() + found.feed(b"") + found.flush() == b"3"


EVIL = [b"a," * 100_000, b'"' * 200_000, b"card_number,a\n" * 10_000, b"\n" * 200_000, b"a|" * 90_000]


@pytest.mark.parametrize("data", EVIL, ids=range(len(EVIL)))
def test_nothing_takes_long(data: bytes) -> None:
    """C8: linear in what comes."""
    began = time.process_time()
    through(masker(), b"card_number,b\n", *cut(data, [32768]))
    assert time.process_time() - began < 5
