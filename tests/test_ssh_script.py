"""Lines fed to a shell without a terminal: each asked for before it is sent, and a refused one ends it (C3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_relay import SESSION, Play, client_events, relay_of, shell_, signal_, status_, target_events
from twisted_hoop.errors import ProtocolError
from twisted_hoop.model import Command, Decision, Effect
from twisted_hoop.ssh.events import STDOUT, Data, Eof, Opened, Reply
from twisted_hoop.testing import FakeGate
from twisted_hoop.testing.fakes import ALLOWED, DENIED


def no_rm(session: Any, command: Command) -> Decision:
    return DENIED if command.action == "line" and "rm" in command.text else ALLOWED


def fed(decide: Any = ALLOWED) -> Play:
    """A shell without a terminal that runs."""
    play = Play(relay_of(), FakeGate(decide))
    play.client(SESSION, shell_())
    play.target(Opened(), Reply(True))
    return play


def sent(play: Play) -> bytes:
    return b"".join(bytes(e.data) for e in play.to_target if isinstance(e, Data))


@given(st.lists(st.binary(max_size=12), max_size=12))
def test_every_byte_arrives_in_order_and_eof_behind_it(parts: list[bytes]) -> None:
    play = fed()
    for part in parts:
        play.client(Data(STDOUT, part))
    play.client(Eof())
    assert sent(play) == b"".join(parts) and play.to_target[-1] == Eof()
    asked = [entry.data["text"] for entry in play.entries if entry.kind == "command" and entry.data["action"] == "line"]
    assert len(asked) == sum(1 for line in b"".join(parts).split(b"\n") if line.strip())


def test_C3_a_line_is_asked_for_before_it_is_sent() -> None:
    play = fed(no_rm)
    assert target_events(play.client(Data(STDOUT, b"cd /tm"))) == []
    play.client(Data(STDOUT, b"p\n"))
    assert sent(play) == b"cd /tmp\n"
    heard = play.client(Data(STDOUT, b"rm -rf *\necho done\n"))
    assert sent(play) == b"cd /tmp\n" and target_events(heard) == [signal_(b"HUP")]
    assert status_(126) in client_events(heard) and heard.outcome is not None
    assert [e.kind for e in heard.entries] == ["refused", "outcome"]
    assert heard.asked[0].facts[0]["class"] == {"shell"}


def test_C3_the_last_line_needs_no_end() -> None:
    play = fed(no_rm)
    play.client(Data(STDOUT, b"rm -rf /"))
    assert sent(play) == b""
    assert status_(126) in client_events(play.client(Eof())) and sent(play) == b""


@pytest.mark.parametrize("approved", [True, False])
def test_a_line_that_waits_holds_what_is_behind_it(approved: bool) -> None:
    review = Decision(Effect.REVIEW, "r", approvers=frozenset({"dba"}))
    play = fed(lambda session, command: review if "deploy" in command.text else ALLOWED)
    play.client(Data(STDOUT, b"a\ndeploy\nb\n"), Eof())
    assert sent(play) == b"a\n" and Eof() not in play.to_target
    if approved:
        play.settle()
        assert sent(play) == b"a\ndeploy\nb\n" and play.to_target[-1] == Eof()
    else:
        play.lost("client")
        assert sent(play) == b"a\n"


def test_S9_a_line_without_an_end_ends_the_command_and_not_the_memory() -> None:
    """It could neither be judged nor sent: what comes behind it would wait for ever."""
    play = fed()
    with pytest.raises(ProtocolError):
        for _ in range(100):
            play.client(Data(STDOUT, b"x" * 4096))
    assert sent(play) == b""
