"""Opening a session on a real server: rights, caps, recording, the welcome, and tidying up, each once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.support.targets import House, hall_of
from tests.test_bridge import Wire
from twisted_hoop.errors import LimitExceeded, ProtocolError, UnknownTarget
from twisted_hoop.model import Outcome, Peer, Principal
from twisted_hoop.postgres.messages import PROTOCOL_3_0, PROTOCOL_3_2
from twisted_hoop.postgres.opening import Opening
from twisted_hoop.postgres.startup import Hello
from twisted_hoop.testing.postgres import kinds, split

ALICE = Principal("https://issuer.test", "alice", max_sessions=1)
PEER = Peer("192.0.2.1", 5000, True)


@pytest.fixture
def house(loop: Loop, postgres: Server, shop: str, tmp_path: Path) -> House:
    return House(loop.reactor, hall_of(loop.reactor, postgres, tmp_path, database="shop"))


def opened(loop: Loop, house: House, gone: bool = False, version: int = PROTOCOL_3_0, **parameters: str) -> Any:
    hello = Hello({"user": "alice", "database": "shop", **parameters}, version)
    return loop.run(lambda: Opening(house.services).open(ALICE, hello, PEER, lambda: gone))


def test_a_session_opens_and_closes_once(loop: Loop, house: House) -> None:
    session = opened(loop, house, application_name="psql")
    wire = Wire()
    bridge = loop.run(lambda: session.start(wire, b"", b""))
    welcome = split(wire.value())
    assert (welcome[0][0], welcome[-2][0], welcome[-1]) == ("R", "K", ("Z", b"I"))
    assert len(welcome[-2][1]) == 8, "protocol 3.0: a key of four bytes"
    assert session.session.attributes == {"database": "shop", "application_name": "psql"}
    assert session.activity() == (0, False, False)
    assert len(house.sessions) == 1
    loop.run(lambda: bridge.end("57P01", "hoop: stop"))
    loop.run(lambda: session.close(Outcome("closed")))
    assert kinds(wire.value())[-1] == "E"
    assert len(house.sessions) == 0
    assert house.told == [("opened", 0), ("ended", 0)]
    assert house.approver.sessions_over == [session.session.id]
    assert house.recorder.recordings[0].outcome == Outcome("ended", "hoop: stop")


def test_p6_protocol_3_2_gets_a_long_cancel_key_of_ours(loop: Loop, house: House) -> None:
    """P6: never the target's own."""
    session = opened(loop, house, version=PROTOCOL_3_2)
    wire = Wire()
    loop.run(lambda: session.start(wire, b"", b""))
    key = dict(split(wire.value()))["K"]
    assert len(key) == 4 + 32
    assert key[4:] != session._opened.login.key
    loop.run(lambda: session.end("57P01", "stop"))


def test_a_forbidden_target_is_an_unknown_one(loop: Loop, house: House) -> None:
    house.policy.authorized = False
    with pytest.raises(UnknownTarget):
        opened(loop, house)
    assert house.recorder.recordings == []


def test_p4_parameters_are_checked_before_anything_is_opened(loop: Loop, house: House) -> None:
    """P4: nothing is recorded or connected for a start that is refused."""
    with pytest.raises(ProtocolError):
        opened(loop, house, role="postgres")
    assert house.told == []


def test_i10_one_session_more_than_allowed_is_refused(loop: Loop, house: House) -> None:
    """I10: before the target hears of it."""
    session = opened(loop, house)
    with pytest.raises(LimitExceeded):
        opened(loop, house)
    loop.run(lambda: session.close(Outcome("closed")))
    again = opened(loop, house)
    loop.run(lambda: again.close(Outcome("closed")))


def test_a_client_that_left_meanwhile_leaves_nothing_behind(loop: Loop, house: House) -> None:
    assert opened(loop, house, gone=True) is None
    assert len(house.sessions) == 0
    assert house.recorder.recordings[0].outcome is not None
    assert house.recorder.recordings[0].outcome.code == "client-lost"


def test_a_target_that_cannot_be_reached_closes_what_was_begun(loop: Loop, postgres: Server, tmp_path: Path) -> None:
    house = House(loop.reactor, hall_of(loop.reactor, postgres, tmp_path, endpoint="tcp:127.0.0.1:1"))
    with pytest.raises(ProtocolError):
        opened(loop, house, database="shop")
    assert len(house.sessions) == 0
    assert [code for code, _ in house.told] == ["opened", "failed"]
