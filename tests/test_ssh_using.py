"""A client's connection with a target: every kind of wish by its rule, and nothing that has no class (S12)."""

from __future__ import annotations

import pytest

from tests.support.ssh_fakes import Bench, direct, listen
from tests.support.ssh_relay import by_action, exec_, ns, status_
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.ssh.events import STDOUT, Close, Data, Opened, Reply
from twisted_hoop.testing.fakes import ALLOWED, DENIED


def test_a_command_through_both_connections() -> None:
    bench = Bench()
    channel = bench.wants().open
    assert bench.told == [("opened", 0)] and bench.target.opened == []
    channel.receive(exec_("ls"))
    kind, _, there = bench.target.opened[0]
    assert kind == b"session" and bench.door.logins == ["deploy"]
    there.receive(Opened(), Reply(True), Data(STDOUT, b"out"), status_(0), Close())
    assert channel.sent == [Reply(True), Data(STDOUT, b"out"), status_(0), Close()]
    assert there.sent == [exec_("ls"), Close()] and there.credited == 3
    bench.using.lost("bye")
    assert bench.told[-1] == ("closed", 1) and bench.recorder.recordings[0].outcome is not None


def test_S14_a_refused_command_connects_to_nothing() -> None:
    bench = Bench(DENIED)
    bench.wants().open.receive(exec_("ls"))
    assert bench.door.logins == [] and [e.kind for e in bench.entries] == ["refused"]


@pytest.mark.parametrize("kind", [b"tun@openssh.com", b"x11", b"auth-agent@openssh.com", b"forwarded-tcpip", b"\xff"])
def test_S12_other_channels_are_refused_by_name(kind: bytes) -> None:
    bench = Bench()
    opening = bench.wants(kind)
    assert opening.refused is not None and opening.refused[0] == 3
    assert "refused" in bench.entries[0].data["text"]


def test_S10_forwards_are_asked_for_and_lead_through_the_target() -> None:
    bench = Bench()
    opening = bench.wants(b"direct-tcpip", direct(b"DB.internal", 5432))
    assert opening.channel is None, "not confirmed before the target has"
    kind, data, there = bench.target.opened[0]
    assert (kind, data) == (b"direct-tcpip", direct(b"DB.internal", 5432))
    there.receive(Opened(b"x"))
    opening.open.receive(Data(STDOUT, b"select"))
    there.receive(Data(STDOUT, b"rows"), Close())
    assert opening.confirmed == b"x" and opening.open.sent == [Data(STDOUT, b"rows"), Close()]
    command, outcome = bench.entries
    assert command.data["text"] == "forward to db.internal:5432"
    assert (outcome.data["to_target"], outcome.data["to_client"]) == (6, 4)


def test_a_refused_forward_tells_why() -> None:
    bench = Bench(DENIED)
    opening = bench.wants(b"direct-streamlocal@openssh.com", ns(b"/run/docker.sock") + ns(b"") + b"\0\0\0\0")
    assert opening.refused == (
        1,
        "hoop: refused by rule test: deny: not in this test\nAsk an operator which rule should allow this.",
    )
    assert bench.target.opened == []


def test_S11_malformed_places_and_the_gateway_itself_are_refused_unasked() -> None:
    bench = Bench(own=lambda host, port: host == "gw")
    for data in (direct(b"gw", 22), direct(b"a", 70000), b"\0", direct(b"a\0b", 1), direct(b"x" * 2000, 1)):
        opening = bench.wants(b"direct-tcpip", data)
        assert opening.refused is not None and opening.refused[0] == 1
    assert not bench.gate.policy.asked


def test_listening_is_asked_for_and_cancelled() -> None:
    bench = Bench()
    bench.target.answer = (True, (4000).to_bytes(4, "big"))
    request = bench.asks(b"tcpip-forward", listen(b"localhost", 0))
    assert request.answer == (True, (4000).to_bytes(4, "big"))
    assert bench.gate.policy.asked[0].text == "listen on localhost:0"
    bench.target.answer = (True, b"")
    assert bench.asks(b"cancel-tcpip-forward", listen(b"localhost", 4000)).answer == (True, b"")
    assert bench.asks(b"cancel-tcpip-forward", listen(b"localhost", 4000)).answer == (False, b"")
    assert [name for name, _ in bench.target.requested] == [b"tcpip-forward", b"cancel-tcpip-forward"]


def test_listening_that_is_refused_or_fails() -> None:
    bench = Bench(by_action(listen=DENIED, other=ALLOWED))
    assert bench.asks(b"tcpip-forward", listen(b"", 80)).answer == (False, b"")
    assert bench.target.requested == []
    bench = Bench()
    bench.target.answer = (False, b"")
    assert bench.asks(b"streamlocal-forward@openssh.com", ns(b"/tmp/s")).answer == (False, b"")
    assert bench.asks(b"tcpip-forward", b"\0").answer == (False, b"")


@pytest.mark.parametrize("name", [b"hostkeys-prove-00@openssh.com", b"unknown@example.com", b"cancel-tcpip-forward"])
def test_S12_S16_other_requests_are_refused_by_name(name: bytes) -> None:
    bench = Bench()
    bench.wants()
    assert bench.asks(name).answer == (False, b"") and bench.target.requested == []


def test_no_more_sessions_is_kept_to() -> None:
    bench = Bench()
    assert bench.asks(b"no-more-sessions@openssh.com").answer == (True, b"")
    assert bench.wants().refused is not None
    assert bench.wants(b"direct-tcpip", direct(b"a", 1)).refused is None


def test_whoever_may_not_is_told_the_same_as_of_no_target() -> None:
    bench = Bench()
    bench.policy.authorized = False
    forbidden = bench.wants().refused
    nowhere = Bench()
    nowhere.halls.clear()
    other = Bench(login="root")
    locked = Bench()
    locked.objection = "locked: leaver"
    assert forbidden == nowhere.wants().refused == other.wants().refused == locked.wants().refused
    assert forbidden == (1, "hoop: no such target or account, or it is not open to you")
    assert bench.told == [] and bench.recorder.recordings == []


def test_caps_are_told() -> None:
    bench = Bench()

    def full(principal: object, target: object) -> None:
        raise LimitExceeded("web-1 has 3 sessions, the most it may have")

    bench.sessions.check = full  # type: ignore[method-assign]
    assert bench.wants().refused == (4, "hoop: web-1 has 3 sessions, the most it may have")
