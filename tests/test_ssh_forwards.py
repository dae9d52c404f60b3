"""Relays of forwards: nothing opens before its admission, everything is counted, content is recorded by rule (S10)."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_relay import Play, client_events, target_events
from twisted_hoop.model import Decision, Effect
from twisted_hoop.ssh.events import STDOUT, Close, Data, Eof, Open, Opened, OpenFailed, Reply, Request
from twisted_hoop.ssh.forwards import ForwardRelay
from twisted_hoop.ssh.wishes import Place, forward_command, listen_command
from twisted_hoop.steps import Record, ToTarget, Withdraw
from twisted_hoop.testing import FakeGate
from twisted_hoop.testing.fakes import ALLOWED, DENIED

WISH = Open(b"direct-tcpip", b"data")
PLACE = Place(b"db", 5432)
REVIEW = Decision(Effect.REVIEW, "r", approvers=frozenset({"dba"}))


def play(decision: Decision = ALLOWED, **more: Any) -> Play:
    """A forward to db:5432 that the client wants."""
    return Play(ForwardRelay(3, itertools.count(1).__next__, forward_command(PLACE), **more), FakeGate(decision))


def test_a_forward_from_the_first_event_to_the_last() -> None:
    forward = play()
    assert target_events(forward.client(WISH)) == [WISH]
    assert client_events(forward.target(Opened(b"x"))) == [Opened(b"x")]
    assert target_events(forward.client(Data(STDOUT, b"ab"), Eof())) == [Data(STDOUT, b"ab"), Eof()]
    assert client_events(forward.target(Data(STDOUT, b"c"))) == [Data(STDOUT, b"c")]
    last = forward.client(Close())
    assert target_events(last) == client_events(last) == [Close()] and last.outcome is not None
    assert forward.kinds() == ["command", "outcome"]
    assert forward.entries[-1].data == {"channel": 3, "command": 1, "to_target": 2, "to_client": 1, "opened": True}


def test_content_is_recorded_where_the_rule_says_so() -> None:
    forward = play(Decision(Effect.ALLOW, "r", content=True))
    forward.client(WISH)
    forward.target(Opened())
    forward.client(Data(STDOUT, b"question"))
    forward.target(Data(STDOUT, b"answer"))
    assert [(e.kind, e.data["stream"], e.data["text"]) for e in forward.entries[1:]] == [
        ("input", "to target", "question"), ("output", "to client", "answer"),
    ]  # fmt: skip
    assert forward.relay.content  # type: ignore[attr-defined]


def test_a_refused_forward_opens_nothing() -> None:
    forward = play(DENIED)
    heard = forward.client(WISH)
    assert forward.to_target == [] and forward.kinds() == ["refused"]
    assert isinstance(client_events(heard)[0], OpenFailed) and heard.outcome is not None


def test_S14_a_forward_waits_for_its_approval_and_can_be_given_up() -> None:
    forward = play(REVIEW)
    forward.client(WISH)
    assert forward.to_target == [] and forward.relay.busy  # type: ignore[attr-defined]
    assert target_events(forward.settle()) == [WISH]
    forward = play(REVIEW)
    assert forward.cancel() is None
    forward.client(WISH)
    heard = forward.cancel()
    assert heard is not None and isinstance(heard.steps[0], Withdraw)


def test_a_target_that_cannot_connect() -> None:
    forward = play()
    forward.client(WISH)
    assert client_events(forward.target(OpenFailed(2, "refused"))) == [OpenFailed(2, "refused")]
    assert forward.entries[-1].data["opened"] is False


def test_a_channel_back_to_the_client() -> None:
    back = Play(ForwardRelay(3, itertools.count(1).__next__, None, about="192.0.2.1:99", content=False))
    wish = Open(b"forwarded-tcpip", b"data")
    assert client_events(back.target(wish)) == [wish]
    assert back.entries[0].data["text"] == "the target opens forwarded-tcpip: 192.0.2.1:99"
    assert target_events(back.client(Opened())) == [Opened()]
    back.target(Data(STDOUT, b"in"))
    assert client_events(back.target(Close())) == [Close()] and back.entries[-1].data["to_client"] == 2


def test_a_request_to_listen_is_over_when_it_is_answered() -> None:
    asked = Play(ForwardRelay(3, itertools.count(1).__next__, listen_command(PLACE), lasts=False))
    asked.client(Open(b"tcpip-forward", b"data"))
    heard = asked.target(Opened(b"port"))
    assert client_events(heard) == [Opened(b"port")] and heard.outcome is not None


def test_requests_on_a_forward_are_refused() -> None:
    forward = play()
    forward.client(WISH)
    forward.target(Opened())
    assert client_events(forward.client(Request(b"exec", b"", True))) == [Reply(False)]
    assert target_events(forward.target(Request(b"x", b"", True))) == [Reply(False)]
    assert forward.client(Request(b"x")).steps == ()


def test_the_edges() -> None:
    forward = play()
    forward.client(WISH)
    forward.target(Opened())
    heard = forward.end("57P01", "locked")
    assert client_events(heard) == target_events(heard) == [Close()] and heard.outcome is not None
    assert forward.end("57P01", "again").steps == forward.lost("client").steps == ()
    forward = play()
    forward.client(WISH)
    assert isinstance(client_events(forward.lost("target"))[0], OpenFailed)
    relay = ForwardRelay(3, itertools.count(1).__next__, None)
    assert relay.held_back() == 0 and relay.flush() == relay.refreshed() == []


EVENTS = st.sampled_from(
    [WISH, Opened(), OpenFailed(2, ""), Data(STDOUT, b"x"), Eof(), Close(), Request(b"r", b"", True)]
)


@given(st.lists(st.tuples(st.booleans(), EVENTS), max_size=20), st.sampled_from([ALLOWED, DENIED, REVIEW]))
def test_S10_whatever_happens_nothing_opens_before_an_admission(moves: list[Any], decision: Decision) -> None:
    forward = play(decision)
    forward.client(WISH)
    for client, event in moves:
        if event != WISH:
            (forward.client if client else forward.target)(event)
    recorded = False
    for step in forward.steps:
        recorded = recorded or (isinstance(step, Record) and step.entry.kind == "command")
        assert recorded or not isinstance(step, ToTarget) or not isinstance(step.data, Open)
