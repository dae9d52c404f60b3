"""Spans out of what is recorded: times, decisions, and nothing of what commands are about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.interfaces import IRecorder, IRecording
from twisted_hoop.model import Actor, Entry, Outcome
from twisted_hoop.testing import make_session
from twisted_hoop.tracing.recorder import TracedRecorder
from twisted_hoop.tracing.spans import Span


class Inner:
    """A recorder whose recordings keep what they are told."""

    id = "session-1"
    on_failure: Any = None
    path = "2026/01/01/session-1.hoop"
    broken = False

    def __init__(self) -> None:
        self.told: list[Any] = []

    def open(self, session: Any, policy_version: str = "") -> Any:
        return self

    def write(self, entry: Entry, lazy: bool = False) -> None:
        if self.broken:
            raise RecordingFailed("full")
        self.told.append((entry.kind, lazy))

    def barrier(self) -> None:
        return None

    async def close(self, outcome: Outcome) -> None:
        self.told.append(outcome)


class House:
    def __init__(self, sample: float = 1.0) -> None:
        self.inner, self.spans, self.now = Inner(), list[Span](), 1_000
        self.recorder = TracedRecorder(self.inner, self.spans.append, self.clock, sample)
        who = replace(make_session().principal, chain=(Actor("i", "agent-7"),))
        self.recording = self.recorder.open(replace(make_session(), principal=who))

    def clock(self) -> int:
        self.now += 10
        return self.now

    def write(self, kind: str, **data: Any) -> None:
        self.recording.write(Entry(kind, data))

    def end(self, code: str = "closed") -> None:
        self.recording.close(Outcome(code)).close()


SECRET = "select secret from people"
COMMAND = {"action": "query", "text": SECRET, "decision": "allow", "rule": "reads", "tables": ["secret"]}


def test_it_is_a_recorder() -> None:
    house = House()
    assert verifyObject(IRecorder, house.recorder) and verifyObject(IRecording, house.recording)
    assert house.recording.path == house.inner.path and house.recording.barrier() is None
    house.recording.on_failure = print
    assert house.inner.on_failure is print is house.recording.on_failure


def test_a_command_and_its_session() -> None:
    house = House()
    house.write("command", command=1, **COMMAND)
    house.write("outcome", command=1, rows=7, bytes=90, masked=2, tag=SECRET)
    house.end()
    house.end()
    target, command, session = house.spans
    assert (target.name, target.parent, command.parent) == ("target", command.ident, session.ident)
    assert (command.name, command.attributes["hoop.rule"], command.attributes["hoop.rows"]) == (
        "command query",
        "reads",
        7,
    )
    assert command.began == target.began < target.ended == command.ended
    assert session.parent == "" and {each.trace for each in house.spans} == {session.trace}
    assert session.attributes["hoop.commands"] == 1 and session.attributes["hoop.actors"] == "i|agent-7"
    assert not session.failed and [each[0] for each in house.inner.told[:2]] == ["command", "outcome"]


def test_the_wait_for_people_is_a_span_of_its_own() -> None:
    house = House()
    house.write("review", approval="a-1", text=SECRET)
    house.write("command", command=1, **{**COMMAND, "decision": "review"}, approval={"id": "a-1", "by": ["bob"]})
    house.write("outcome", command=1, sqlstate="42P01")
    approval, target, command = house.spans
    assert approval.name == "approval" and approval.ended == target.began and command.began == approval.began
    assert command.attributes["hoop.approval"] == "a-1" and command.failed and target.failed
    assert command.attributes["hoop.sqlstate"] == "42P01"


@pytest.mark.parametrize(
    ("protocol", "outcome", "failed"),
    [
        ("http", {"status": 502}, True),
        ("http", {"status": 404}, False),
        ("http", {"status": 200, "error": "the client went away"}, True),
        ("kubernetes", {"status": 500}, True),
        ("ssh", {"status": 900}, False),
        ("postgres", {"sqlstate": "22012"}, True),
        ("postgres", {"rows": 1}, False),
    ],
)
def test_what_counts_as_failed(protocol: str, outcome: dict[str, Any], failed: bool) -> None:
    house = House()
    session = make_session()
    house.recording = house.recorder.open(replace(session, target=replace(session.target, protocol=protocol)))
    house.write("command", command=1, **COMMAND)
    house.write("outcome", command=1, **outcome)
    assert [each.failed for each in house.spans] == [failed, failed]


def test_operations_on_files_stand_below_their_command() -> None:
    """Each has an end of its own, and takes nothing from the command's."""
    house = House()
    about = {"channel": 1, "command": 1}
    house.write("command", **about, **{**COMMAND, "action": "sftp"})
    for number in (1, 2):
        house.write("command", **about, operation=number, **{**COMMAND, "action": "read-file"})
    house.write("outcome", **about, operation=2)
    house.write("outcome", **about, operation=1)
    house.write("refused", **about, operation=3, **{**COMMAND, "action": "write-file"}, code="denied", approval=None)
    house.write("outcome", **about, status=0)
    house.end()
    whole = next(each for each in house.spans if each.name == "command sftp")
    below = [each for each in house.spans if each.name in ("command read-file", "command write-file")]
    assert len(below) == 3 and {each.parent for each in below} == {whole.ident}
    assert whole.parent == house.spans[-1].ident and whole.attributes["hoop.status"] == 0
    assert len([each for each in house.spans if each.name == "target"]) == 3


def test_a_refusal_is_over_at_once() -> None:
    house = House()
    house.write("review", approval="a-1", text=SECRET)
    house.write("refused", command=1, **COMMAND, code="denied", reason=SECRET, approval={"id": "a-1"})
    house.write("refused", command=2, **COMMAND, code="denied", reason=SECRET, approval=None)
    assert [each.name for each in house.spans] == ["approval", "command query", "command query"]
    assert house.spans[1].attributes["hoop.code"] == "denied" and not house.spans[1].failed
    assert house.spans[2].began == house.spans[2].ended


def test_what_runs_when_the_session_breaks_ends_with_it() -> None:
    house = House()
    house.write("command", command=1, channel=1, **COMMAND)
    house.write("command", command=1, channel=2, **COMMAND)
    house.write("outcome", command=1, channel=2)
    house.end("target-lost")
    assert [(each.name, each.failed) for each in house.spans[2:]] == [("command query", True), ("session shop", True)]


def test_R1_what_cannot_be_recorded_is_an_error_as_ever() -> None:
    """R1: and no span says it was sent."""
    house = House()
    house.inner.broken = True
    with pytest.raises(RecordingFailed):
        house.write("command", command=1, **COMMAND)
    assert house.spans == []


def test_none_of_a_session_that_is_not_chosen() -> None:
    house = House(sample=0.0)
    house.write("command", command=1, **COMMAND)
    house.end()
    assert house.spans == [] and house.recording is house.inner


kinds = st.sampled_from(["command", "outcome", "refused", "review", "notice", "open"])
secrets = st.just(SECRET)
data = st.fixed_dictionaries(
    {},
    optional={
        "command": st.integers(0, 3) | st.none(),
        "channel": st.integers(0, 2),
        "text": secrets,
        "reason": secrets,
        "tables": st.lists(secrets),
        "parameters": st.lists(secrets),
        "error": secrets,
        "rows": st.integers() | secrets,
        "status": st.integers() | secrets,
        "approval": st.none() | st.just({"id": "a-1"}) | st.just("a-1"),
        "answer": secrets,
    },
)


@given(st.lists(st.tuples(kinds, data), max_size=12))
def test_R11_nothing_of_a_command_is_in_a_span(entries: list[tuple[str, dict[str, Any]]]) -> None:
    """R11: whatever entries say, in whatever order."""
    house = House()
    for kind, each in entries:
        house.recording.write(Entry(kind, each))
    house.end()
    assert SECRET not in repr(house.spans)
    idents = [each.ident for each in house.spans]
    assert len(set(idents)) == len(idents) and all(e.parent in idents or not e.parent for e in house.spans)
