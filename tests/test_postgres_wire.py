"""The byte loops against a plain reference: the same bytes come out however the stream is cut, and no others."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.rows import COMPUTED, FIXED, NULL_CELL, SCANNED, RowPlan
from twisted_hoop.postgres.wire import HELD_LIMIT, Cutter, Rewriter
from twisted_hoop.testing.postgres import cells, complete, copy_data, data_row, message, ready, rows, split

Row = Sequence[bytes | None]
CARD, HIDDEN = b"4111", b"<card>"


def upper(value: bytes) -> bytes | None:
    return None if value == b"null" else value.upper()


def scan(value: bytes) -> bytes | None:
    return value.replace(CARD, HIDDEN) if CARD in value else value


def might(joined: bytes) -> bool:
    return CARD in joined


def plan_of(columns: dict[int, int]) -> RowPlan:
    planned: dict[int, tuple[bytes | None, Callable[[bytes], bytes | None] | None]] = {
        FIXED: (b"\0\0\0\5*****", None),
        COMPUTED: (None, upper),
        SCANNED: (None, scan),
    }
    return RowPlan([(at, kind, *planned[kind]) for at, kind in sorted(columns.items())], might)


def expected(row: Row, columns: dict[int, int]) -> list[bytes | None]:
    rule: dict[int, Callable[[bytes], bytes | None]] = {FIXED: lambda v: b"*****", COMPUTED: upper, SCANNED: scan}
    return [rule[columns[at]](value) if value is not None and at in columns else value for at, value in enumerate(row)]


class Listening:
    """Sets the plan at a RowDescription ("T"), unsets it at a CommandComplete, swallows "n", rewrites "E"."""

    def __init__(self, plan: RowPlan | None, copier: Callable[[bytes], bytes] | None = None) -> None:
        self.rewriter = Rewriter(self.message)
        self.plan, self.copier = plan, copier

    def message(self, kind: int, body: bytes) -> bytes | None:
        match chr(kind):
            case "T":
                self.rewriter.plan = self.plan
            case "H":
                self.rewriter.copier = self.copier
            case "C" | "c":
                self.rewriter.plan = self.rewriter.copier = None
            case "Z":
                pass
            case "n":
                return b""
            case "E":
                return message(b"E", b"hidden\0")
            case _:
                raise ProtocolError("unknown", "target")
        return None


def fed(pieces: Iterable[bytes], plan: RowPlan | None, copier: Any = None) -> tuple[bytes, tuple[int, int, int]]:
    listening = Listening(plan, copier)
    out = b"".join([listening.rewriter.feed(piece) for piece in pieces])
    rewriter = listening.rewriter
    return out, (int(rewriter.rows), int(rewriter.volume), int(rewriter.masked))


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    at = [0, *sorted({p % (len(data) + 1) for p in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(at)]


T = message(b"T", b"\0\0")
values = st.none() | st.sampled_from([b"", b"null", b"a 4111 b", b"4111", b"plain", b"11\n41"]) | st.binary(max_size=30)
plans = st.dictionaries(st.integers(0, 7), st.sampled_from([FIXED, COMPUTED, SCANNED]), min_size=1, max_size=5)
tables = st.integers(0, 6).flatmap(lambda n: st.lists(st.lists(values, min_size=n, max_size=n), max_size=6))


@given(tables, plans, st.lists(st.integers(0, 10_000), max_size=6))
def test_m3_rows_are_rewritten_the_same_however_they_are_cut(
    table: list[Row], columns: dict[int, int], places: list[int]
) -> None:
    """M3: fixed, computed and scanned cells, NULLs, no columns at all, and plans for columns a row does not have."""
    stream = b"".join([T, *(data_row(*row) for row in table), complete("SELECT"), message(b"n"), ready()])
    whole = fed([stream], plan_of(columns))
    assert rows(whole[0]) == [expected(row, columns) for row in table]
    assert [kind for kind, _ in split(whole[0])] == ["T", *"D" * len(table), "C", "Z"]
    assert fed(cut(stream, places), plan_of(columns)) == whole
    assert whole[1][0] == len(table)


@pytest.mark.parametrize("columns", [{1: FIXED}, {0: COMPUTED, 2: FIXED}, {2: SCANNED}, {0: FIXED, 1: SCANNED}])
def test_m3_at_every_single_cut(columns: dict[int, int]) -> None:
    """M3: every place one stream can be cut at, and byte by byte."""
    table: list[Row] = [(b"a", b"4111", None), (None, None, b"x4111"), (b"", b"null", b"4111"), (b"null", b"b", b"c")]
    error = message(b"E", b"Mvalue 4111\0\0")
    stream = b"".join([T, *(data_row(*row) for row in table), error, complete("SELECT 4"), ready()])
    whole = fed([stream], plan_of(columns))
    assert split(whole[0])[5] == ("E", b"hidden\0")
    for place in range(len(stream) + 1):
        assert fed([stream[:place], stream[place:]], plan_of(columns)) == whole
    assert fed([bytes((b,)) for b in stream], plan_of(columns)) == whole


def test_rows_without_a_plan_are_the_same_object() -> None:
    """What needs no look is not copied."""
    data = data_row(b"x" * 100_000) + complete("SELECT 1")
    assert fed([data], None)[0] is data


def test_p8_a_huge_row_passes_without_being_held() -> None:
    """P8: 3 MiB in pieces, each forwarded as it comes."""
    rewriter = Rewriter(lambda kind, body: None)
    row = data_row(b"x" * (3 << 20))
    sizes = [len(rewriter.feed(row[at : at + 65_536])) for at in range(0, len(row), 65_536)]
    assert sum(sizes) == len(row)
    assert min(sizes) > 0


def test_1600_columns() -> None:
    """The most PostgreSQL's tables can have; the last one is masked."""
    row = tuple(str(n).encode() for n in range(1600))
    columns = {0: FIXED, 800: COMPUTED, 1599: FIXED}
    stream = T + data_row(*row) * 3
    whole = fed([stream], plan_of(columns))
    assert rows(whole[0]) == [expected(row, columns)] * 3
    assert fed(cut(stream, range(0, len(stream), 777)), plan_of(columns)) == whole


def test_p8_a_row_too_large_to_be_rewritten_ends_the_session() -> None:
    """P8: what must be held whole is bounded, and said at once, not after it was kept."""
    listening = Listening(plan_of({0: FIXED}))
    listening.rewriter.feed(T)
    with pytest.raises(ProtocolError) as caught:
        listening.rewriter.feed(b"D" + struct.pack(">I", HELD_LIMIT + 1) + b"\0\1")
    assert caught.value.code == "54000"


def test_m1_rows_that_nobody_announced_end_the_session() -> None:
    """M1: a plan without columns lets no row through."""
    listening = Listening(RowPlan([], None))
    listening.rewriter.feed(T)
    with pytest.raises(ProtocolError):
        listening.rewriter.feed(data_row(b"x"))


@given(st.lists(st.binary(max_size=20), max_size=5), st.lists(st.integers(0, 10_000), max_size=5))
def test_m8_copy_data_goes_through_the_copier(chunks: list[bytes], places: list[int]) -> None:
    """M8: bodies only; what the copier holds back leaves no empty message."""
    stream = b"".join([message(b"H", b"\0\0\0"), *map(copy_data, chunks), message(b"c"), complete("COPY")])
    doubled, _ = fed(cut(stream, places), None, lambda body: body * 2)
    assert [body for kind, body in split(doubled) if kind == "d"] == [chunk * 2 for chunk in chunks if chunk]
    plain, counts = fed(cut(stream, places), None, None)
    assert plain == stream
    assert counts[1] == sum(4 + len(c) for c in chunks)


messages = st.one_of(
    st.just(T),
    st.lists(values, max_size=4).map(lambda row: data_row(*row)),
    st.sampled_from([complete("X"), ready(), message(b"n"), message(b"H", b"\0\0\0"), copy_data(b"a\n")]),
    st.binary(max_size=12),
    st.tuples(st.sampled_from(b"DdTCZ?"), st.integers(-2, 40), st.binary(max_size=30)).map(
        lambda t: struct.pack(">Bi", t[0], t[1]) + t[2]
    ),
)


@given(st.lists(messages, max_size=8), plans, st.lists(st.integers(0, 10_000), max_size=4))
def test_p7_any_bytes_of_a_target_are_bytes_or_a_protocol_error(
    pieces: list[bytes], columns: dict[int, int], places: list[int]
) -> None:
    """P7: impossible lengths, cells past their row, unknown messages: an error of that session, never another one."""
    stream = b"".join([T, *pieces])
    for fed_as in ([stream], cut(stream, places), [bytes((b,)) for b in stream]):
        try:
            fed(fed_as, plan_of(columns), lambda body: body)
        except ProtocolError as error:
            assert error.side == "target"


@pytest.mark.parametrize("length", [-(2**31), -1, 0, 3])
def test_p7_an_impossible_length_behind_scanned_rows(length: int) -> None:
    """P7: looking ahead over the rows of a chunk must not believe their lengths either, or it would never end."""
    listening = Listening(plan_of({0: SCANNED}))
    listening.rewriter.feed(T)
    with pytest.raises(ProtocolError):
        listening.rewriter.feed(data_row(b"a") + b"D" + struct.pack(">i", length) + b"\0\0" + bytes(20))


# -- the client's direction -------------------------------------------------------------------------------------------


def handed_out(pieces: Iterable[bytes], through: bool = False) -> list[tuple[int, bytes]]:
    cutter = Cutter()
    cutter.through = through
    found: list[tuple[int, bytes]] = []
    for piece in pieces:
        cutter.feed(piece)
        while (kind := cutter.next()) >= 0:
            if not through:
                assert cutter.raw()[5:] == cutter.body()
            found.append((kind, cutter.raw()))
    return found


client_messages = st.tuples(st.sampled_from(b"QPBDESd"), st.binary(max_size=40)).map(
    lambda m: message(bytes((m[0],)), m[1])
)


@given(st.lists(client_messages, max_size=8), st.lists(st.integers(0, 10_000), max_size=6))
def test_p7_messages_are_cut_the_same_however_they_come(sent: list[bytes], places: list[int]) -> None:
    """P7: each message whole, in order, exactly as it came."""
    stream = b"".join(sent)
    wanted = [(m[0], m) for m in sent]
    assert handed_out([stream]) == wanted
    assert handed_out(cut(stream, places)) == wanted
    assert handed_out([bytes((b,)) for b in stream]) == wanted


@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(0, 10_000), max_size=6))
def test_runs_of_copy_data_pass_as_they_lie(chunks: list[bytes], places: list[int]) -> None:
    stream = b"".join(map(copy_data, chunks)) + message(b"c")
    found = handed_out(cut(stream, places), through=True)
    assert b"".join(raw for kind, raw in found if kind == ord("d")) == b"".join(map(copy_data, chunks))
    assert found[-1] == (ord("c"), message(b"c"))


@given(st.lists(st.binary(max_size=30), max_size=6), st.booleans())
def test_p7_any_bytes_of_a_client_are_messages_or_a_protocol_error(pieces: list[bytes], through: bool) -> None:
    """P7: and what is not handed out is what waits."""
    try:
        found = handed_out(pieces, through)
    except ProtocolError as error:
        assert error.side == "client"
        return
    assert b"".join(raw for _, raw in found) == b"".join(pieces)[: sum(len(raw) for _, raw in found)]


def test_p8_a_statement_too_large_to_be_held_is_refused_at_its_length() -> None:
    """P8: not after 64 MiB were kept."""
    with pytest.raises(ProtocolError) as caught:
        handed_out([b"Q" + struct.pack(">I", HELD_LIMIT + 1)])
    assert caught.value.code == "54000"


def test_what_waits_is_counted() -> None:
    cutter = Cutter()
    cutter.feed(message(b"Q", b"a\0") + message(b"Q", b"b\0"))
    assert cutter.next() == ord("Q")
    assert cutter.waiting() == 7
    cutter.feed(b"Q")
    assert cutter.waiting() == 8


def test_a_null_cell_is_a_length_of_minus_one() -> None:
    assert cells(b"\0\1" + NULL_CELL) == [None]
