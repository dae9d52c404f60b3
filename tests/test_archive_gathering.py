"""Commands gathered into rows: what comes out of them is what each alone would have been."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.archive.blocks import MANY, SPAN, Block, told
from twisted_hoop.archive.gathering import MOST_TEXTS, Gatherer, gathered
from twisted_hoop.archive.query import Query, parse
from twisted_hoop.archive.rows import MAX_SHOWN, row_of
from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.model import Entry
from twisted_hoop.recording.encoding import encode

WHO = {"issuer": "i", "subject": "alice", "name": "", "chain": []}
HEADER: dict[str, Any] = {
    "session": "session-0001",
    "started": 1_800_000_000.0,
    "principal": WHO,
    "target": "shop",
    "protocol": "postgres",
}
Found = list[tuple[int, float, dict[str, Any]]]


def entry(text: str, **more: Any) -> Entry:
    data = {"action": "query", "text": text, "decision": "allow", "rule": "readers", "tables": ["public.t"]}
    return Entry("command", {"command": 1, **data, **more})


def lines(entries: Iterable[Entry], step: int = 1000) -> list[bytes]:
    return [encode(n, n * step, each) for n, each in enumerate(entries, 1)]


def blocks(found: Iterable[bytes], header: dict[str, Any] = HEADER) -> list[Block]:
    gatherer = Gatherer(header)
    for line in found:
        gatherer.take(line)
    return list(gatherer.take_all().blocks())


def commands(found: Iterable[Block], query: Query | None = None) -> Found:
    query = query or Query()
    each = (one for block in found for one in told(block.id, block.n, dict(block.stored()), query))
    return sorted((n, (ident >> 10) / 1e6, about) for ident, n, about in each)


def alone(found: Iterable[bytes], query: Query, header: dict[str, Any] = HEADER) -> Found:
    """Read one by one, as whoever has no index."""
    from twisted_hoop.recording.following import read

    rows = [row_of(header, read(line)) for line in found]
    some = [row for row in rows if query.says(row.words)]
    return [(row.n, (row.id >> 10) / 1e6, dict(row.about)) for row in some]


_TEXTS = st.one_of(
    st.sampled_from(["select 1", "select 2", "select $1", "SELECT 'a b'", "select 'c' from t1", "GET /a/1", "cat a/b"]),
    st.text(alphabet="ab1 '\"\\é/\x00\n", max_size=12),
    st.just("x " * MAX_SHOWN),
)
_MORE = st.fixed_dictionaries(
    {},
    optional={
        "parameters": st.lists(st.sampled_from(["ada", "a b", "7", "é\\", "w " * 300]) | st.none(), max_size=2),
        "tables": st.just(["public.u"]),
        "paths": st.just(["/srv/a b"]),
        "approval": st.just({"id": "x", "by": ["bob"], "text": "select 9"}),
        "reason": st.sampled_from(["", 'why "text":"x"']),
    },
)


@given(
    st.lists(st.tuples(_TEXTS, _MORE), max_size=20),
    st.sampled_from(["", "select", "1", '"a b"', "ada", '"select 1"', "s*", "ada select", '"1 ada"']),
    st.sampled_from(["postgres", "ssh"]),
)
def test_what_comes_out_is_what_each_alone_is(
    said: list[tuple[str, dict[str, Any]]], asked: str, protocol: str
) -> None:
    header = {**HEADER, "protocol": protocol}
    some = lines(entry(text, **more) for text, more in said)
    query, rows = parse(asked, 0.0), blocks(some, header)
    # What databases decide for rows of one text, `told` decides for the others.
    meant = [each for each in rows if MANY in each.marks or query.says(tuple(each.words))]
    assert commands(meant, query) == alone(some, query, header)
    for each in rows:  # and rows have the marks of each of their commands
        marks = {row_of(header, orjson_of(some[n - 1])).marks for n in each.numbers}
        assert marks == {each.marks - {MANY}}
    for found in alone(some, query, header):  # nothing is found that the words of its row would not lead to
        (row,) = (one for one in rows if found[0] in one.numbers)
        assert all(_leads(row, word, phrase.prefix) for phrase in query.phrases for word in phrase.words)


def _leads(row: Block, word: str, prefix: bool) -> bool:
    return any(each == word or (prefix and each.startswith(word)) for each in row.words)


def orjson_of(line: bytes) -> dict[str, Any]:
    from twisted_hoop.recording.following import read

    return read(line)


def test_what_differs_in_numbers_strings_or_parameters_shares_a_row() -> None:
    for some in (
        [entry("select 1")] * 50,
        [entry(f"select * from t where id = {n} and name = 'n{n}'") for n in range(50)],
        [entry("select $1", parameters=(str(n),)) for n in range(50)],
    ):
        (one,) = blocks(lines(some))
        assert len(one.numbers) == 50
    apart = [entry("select a"), entry("select b"), entry("select a", tables=["u"]), entry("select a", decision="deny")]
    assert len(blocks(lines(apart))) == 4


def test_a_row_is_bounded_in_time_and_texts() -> None:
    """R10: what a search looks through to find one command."""
    assert len(blocks(lines([entry("select 1")] * 21, step=int(SPAN * 100_000)))) == 3
    assert [len(each.texts) for each in blocks(lines(entry(f"select {n}") for n in range(MOST_TEXTS + 5)))] == [
        MOST_TEXTS,
        5,
    ]


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b'{"n":1,"t":0.000000,"kind":"command","text":"a","parameters":[}'])
def test_what_is_no_entry_damages_the_recording(line: bytes) -> None:
    """R4: sealed by who has the key, and not by us."""
    with pytest.raises(RecordingDamaged):
        Gatherer(HEADER).take(line)


def test_rows_of_many_sessions_stay_apart() -> None:
    rows = [row_of({**HEADER, "session": f"session-{n % 2}"}, orjson_of(encode(n, n, entry("a")))) for n in range(1, 9)]
    found = {each.session: list(each.numbers) for each in gathered([*rows, rows[0]])}
    assert found == {"session-0": [2, 4, 6, 8], "session-1": [1, 3, 5, 7]}
