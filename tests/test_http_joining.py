"""Which session a request belongs to."""

from __future__ import annotations

from tests.support.http_house import get, http_house, ok, replies
from tests.support.loop import Loop


def test_connections_of_one_proof_share_a_session(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        for _ in range(3):
            assert house.ask(get("/orders/a")).status == 200
        assert len(house.recorder.recordings) == 1 and house.target.connections == 1


def test_rights_that_are_lost_end_it(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wire.send(get("/orders/a"))
        assert wire.answer().status == 200
        house.gate.policy.authorized = False
        wire.send(get("/orders/a"))
        assert wire.answer().status == 404
        wire.close()


def test_an_objection_counts(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        object.__setattr__(house.services, "objection", lambda session: "locked")
        assert house.ask(get("/orders/a")).status == 404 and not house.recorder.recordings


def test_a_cap_is_told(loop: Loop) -> None:
    with http_house(loop, replies(ok()), limits={"sessions": 1}) as house:
        assert house.ask(get("/orders/a")).status == 200
        loop.run(house.joining._open.clear)
        told = house.ask(get("/orders/a"))
        assert told.status == 429 and b"the most it may have" in told.body
