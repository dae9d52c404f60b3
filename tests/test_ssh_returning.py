"""What a target wants of a client: only what was granted before (S12, S24), and none of its host keys (S16)."""

from __future__ import annotations

import pytest

from tests.support.ssh_fakes import Bench, FakeRequest, direct, listen
from tests.support.ssh_relay import by_action, exec_, ns, shell_
from twisted_hoop.ssh.events import STDOUT, Close, Data, Opened, Reply, Request
from twisted_hoop.testing.fakes import ALLOWED, DENIED

AGENT = b"auth-agent@openssh.com"


def connected(bench: Bench, *before: Request) -> Bench:
    """A shell runs at the target, after these requests."""
    channel = bench.wants().open
    channel.receive(*before, shell_())
    bench.target.opened[-1][2].receive(Opened(), *(Reply(True) for _ in before), Reply(True))
    return bench


@pytest.mark.parametrize("kind", [AGENT, b"x11", b"forwarded-tcpip", b"session", b"direct-tcpip", b"\xff"])
def test_S12_S24_what_nobody_asked_for_is_refused(kind: bytes) -> None:
    bench = connected(Bench())
    opening = bench.target_wants(kind, direct(b"localhost", 4000))
    assert opening.refused is not None and bench.client.opened == []
    assert any("may not open" in str(e.data.get("text")) for e in bench.entries)


def test_S24_the_agent_is_reached_only_where_a_rule_lets_it_and_while_its_channel_lives() -> None:
    wish = Request(b"auth-agent-req@openssh.com", b"", True)
    refused = connected(Bench(by_action(agent=DENIED, other=ALLOWED)), wish)
    assert refused.target_wants(AGENT).refused is not None
    bench = connected(Bench(), wish)
    opening = bench.target_wants(AGENT)
    kind, _, here = bench.client.opened[0]
    assert kind == AGENT and opening.channel is None
    here.receive(Opened())
    opening.open.receive(Data(STDOUT, b"sign"))
    assert here.sent == [Data(STDOUT, b"sign")]
    bench.target.opened[0][2].receive(Close())
    assert bench.target_wants(AGENT).refused is not None, "the channel that asked for it is closed"


def test_a_listener_leads_back_until_it_is_cancelled() -> None:
    bench = Bench()
    bench.asks(b"tcpip-forward", listen(b"localhost", 4000))
    opening = bench.target_wants(b"forwarded-tcpip", direct(b"localhost", 4000))
    bench.client.opened[0][2].receive(Opened())
    assert opening.open is not None
    assert bench.target_wants(b"forwarded-tcpip", direct(b"localhost", 4001)).refused is not None
    assert bench.target_wants(b"forwarded-tcpip", b"\0").refused is not None
    bench.asks(b"cancel-tcpip-forward", listen(b"localhost", 4000))
    assert bench.target_wants(b"forwarded-tcpip", direct(b"localhost", 4000)).refused is not None


def test_sockets_lead_back_too() -> None:
    bench = Bench()
    bench.asks(b"streamlocal-forward@openssh.com", ns(b"/tmp/s"))
    kind = b"forwarded-streamlocal@openssh.com"
    assert bench.target_wants(kind, ns(b"/tmp/t") + ns(b"")).refused is not None
    assert bench.target_wants(kind, ns(b"/tmp/s") + ns(b"")).refused is None


def test_S16_host_keys_and_other_requests_of_a_target_go_nowhere() -> None:
    bench = Bench()
    bench.wants().open.receive(exec_("x"))
    request = FakeRequest(b"hostkeys-00@openssh.com", b"key")
    bench.door.handlers[0].global_requested(request)
    assert request.answer == (False, b"") and bench.client.requested == []
