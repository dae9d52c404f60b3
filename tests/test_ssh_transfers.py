"""What both kinds of transfers share."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.transfers import admission, gate
from twisted_hoop.model import Admission, Command, Refusal
from twisted_hoop.ssh.transfers import Operations, Passage, RemoteFile, file_facts
from twisted_hoop.steps import Record, Step
from twisted_hoop.testing.fakes import make_session

COMMAND = Command(
    "sftp-open", "open /a (read)", (file_facts("file-read", "read", frozenset({"/a"})),), parameters=("/a",)
)


def entry(step: Step) -> tuple[str, dict[str, object]]:
    assert isinstance(step, Record)
    return step.entry.kind, dict(step.entry.data)


@given(st.lists(st.binary(max_size=20), max_size=6))
def test_bytes_in_order_have_a_digest(pieces: list[bytes]) -> None:
    passage = Passage()
    for piece in pieces:
        passage.passed(piece, passage.size)
    whole = b"".join(pieces)
    digest = {"sha256": hashlib.sha256(whole).hexdigest()} if whole else {}
    assert passage.told() == {"bytes": len(whole), **digest}


@pytest.mark.parametrize("offset", [1, 7])
def test_out_of_order_there_is_none(offset: int) -> None:
    passage = Passage()
    passage.passed(b"abc", 0)
    passage.passed(b"x", offset)
    assert passage.told() == {"bytes": 4}
    passage = Passage()
    passage.passed(b"abc")
    passage.lose_order()
    assert passage.told() == {"bytes": 3}


def test_operations_are_numbered_and_belong_to_a_command() -> None:
    operations = Operations(3, 9)
    leave, refusal = admission(COMMAND), gate(["open"]).judge(make_session(), COMMAND)
    assert isinstance(leave, Admission) and isinstance(refusal, Refusal)
    number, record = operations.admitted(leave)
    kind, data = entry(record)
    assert (number, kind, data["channel"], data["command"], data["operation"]) == (1, "command", 3, 9, 1)
    assert (data["text"], data["paths"], data["decision"]) == ("open /a (read)", ["/a"], "allow")
    kind, data = entry(operations.refused(refusal))
    assert (kind, data["operation"], data["paths"], data["rule"]) == ("refused", 2, ["/a"], "no-such-files")
    assert entry(operations.outcome(1, status="failure")) == (
        "outcome", {"channel": 3, "command": 9, "operation": 1, "status": "failure"},
    )  # fmt: skip
    assert entry(operations.notice("x", y=1))[1] == {"channel": 3, "command": 9, "text": "x", "y": 1}


def test_closed_files() -> None:
    operations = Operations(3, 9)
    file = RemoteFile("/a", 4)
    file.read.passed(b"abc")
    kind, data = entry(operations.closed(file))
    assert kind == "outcome" and data["path"] == "/a" and data["operation"] == 4
    assert data["read"] == {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()} and "written" not in data
    assert "read" not in entry(operations.closed(RemoteFile("/d", 5, folder=True)))[1]


def test_content_of_files() -> None:
    kind, data = entry(Operations(3, 9).content(RemoteFile("/a", 4), "output", b"\xff", 7))
    assert kind == "output"
    assert data == {"channel": 3, "stream": "file", "base64": "/w==", "operation": 4, "path": "/a", "offset": 7}


def test_facts() -> None:
    facts = file_facts("file-write", "write", frozenset({"/a"}))
    assert facts == {"class": {"file-write"}, "path": {"/a"}, "access": {"write"}}
    assert file_facts("file-read", "read", frozenset(), frozenset({"listing"}))["flag"] == {"listing"}
