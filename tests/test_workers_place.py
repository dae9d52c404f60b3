"""What a worker is told, and what it reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.workers.place import VARIABLE, Worker, leaving, read_report, report, worker_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@given(st.integers(0, 255), st.dictionaries(st.text(max_size=20), st.tuples(st.integers(4, 99), st.integers(1, 10))))
def test_a_worker_is_what_its_parent_said(number: int, sockets: dict[str, tuple[int, int]]) -> None:
    worker = Worker(number, 256, sockets)
    assert worker_of({VARIABLE: worker.encode()}) == worker


def test_without_a_parent_there_is_no_worker() -> None:
    assert worker_of({}) is None


@given(st.text(min_size=1))
def test_anything_else_is_refused(text: str) -> None:
    """A worker or ValueError."""
    try:
        worker_of({VARIABLE: text})
    except ValueError:
        return
    raise AssertionError("taken for a worker")


@given(st.lists(st.text(max_size=30), max_size=5))
def test_a_report_comes_back(listeners: list[str]) -> None:
    line = report(listeners)
    assert line.endswith(b"\n") and line.count(b"\n") == 1 and read_report(line[:-1]) == listeners


@given(st.binary() | JSON.map(lambda value: __import__("json").dumps(value).encode()))
def test_other_lines_say_nothing(line: bytes) -> None:
    said = read_report(line)
    assert said is None or isinstance(said, (list, bool))


def test_leaving_is_said() -> None:
    assert read_report(leaving().strip()) is True
    for line in (b'{"leaving": false}', b'{"listeners": [1]}', b"[]", b""):
        assert read_report(line) is None


@pytest.mark.parametrize("text", ['{"number": 0}', "[]", '{"number":0,"count":1,"sockets":{"a":[1]}}'])
def test_half_a_place_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="own workers"):
        worker_of({VARIABLE: text})
