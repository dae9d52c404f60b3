"""The byte loop's own plan for COPY rows does what the copier does, row by row, whatever the values hold (M8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking.copyrows import CopyMasker, codec
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.copying import quick_plan
from twisted_hoop.postgres.rows import CopyPlan
from twisted_hoop.postgres.wire import Rewriter

VALUES = st.one_of(st.none(), st.text(alphabet='ab,\t\\"N\n.;|é*', max_size=8))
SHAPES = [("text", "\t"), ("text", ","), ("csv", ","), ("csv", ";")]


def encoded(form: str, delimiter: str, rows: list[list[str | None]]) -> bytes:
    null = "\\N" if form == "text" else ""
    written = codec(form, delimiter, '"', '"', null)  # type: ignore[arg-type]
    lines = []
    for row in rows:
        fields = [null.encode() if v is None else written.encode(v.encode(), quoted=v == "") for v in row]
        lines.append(pg.message(b"d", delimiter.encode().join(fields) + b"\n"))
    return b"".join(lines)


def masker(form: str, delimiter: str, columns: list[bytes | None]) -> CopyMasker:
    return CopyMasker(form, columns, delimiter, '"', '"', "\\N" if form == "text" else "")  # type: ignore[arg-type]


def through(data: bytes, mask: CopyMasker, plan: CopyPlan | None) -> tuple[bytes, int]:
    loop = Rewriter(lambda kind, body: None)
    loop.copier, loop.copy_plan = mask.feed, plan
    return loop.feed(data), int(loop.masked) + mask.masked


@given(
    st.sampled_from(SHAPES),
    st.lists(st.lists(VALUES, min_size=4, max_size=4), min_size=1, max_size=5),
    st.sets(st.integers(0, 3), min_size=1),
)
def test_quick_and_slow_write_the_same(shape: tuple[str, str], rows: list[list[str | None]], hidden: set[int]) -> None:
    form, delimiter = shape
    data = encoded(form, delimiter, rows)
    columns = [b"*****" if i in hidden else None for i in range(4)]
    quick = masker(form, delimiter, columns)
    plan = quick_plan(quick)
    assert plan is not None
    assert through(data, quick, plan) == through(data, masker(form, delimiter, columns), None)


def test_several_rows_in_one_message_are_the_copiers() -> None:
    columns: list[bytes | None] = [None, b"*****"]
    data = pg.message(b"d", b"1\tsecret\n2\tsecret\n")
    mask = masker("text", "\t", columns)
    assert through(data, mask, quick_plan(mask)) == (pg.message(b"d", b"1\t*****\n2\t*****\n"), 2)


def test_a_row_with_too_few_columns_ends_the_session() -> None:
    mask = masker("text", "\t", [None, b"*****"])
    with pytest.raises(ProtocolError):
        through(pg.message(b"d", b"one\n"), mask, quick_plan(mask))


def test_computed_columns_and_binary_have_no_quick_plan() -> None:
    assert quick_plan(CopyMasker("text", [bytes.upper])) is None
    assert quick_plan(CopyMasker("binary", [b"x"])) is None
    assert quick_plan(CopyMasker("csv", [b"x"], ",", header=True)) is None
