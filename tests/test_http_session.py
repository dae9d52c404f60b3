"""Requests that belong together: one session, which closes when nothing comes, and whose recording is one for all."""

from __future__ import annotations

from tests.support.http_house import get, http_house, ok, replies, wait_until
from tests.support.loop import Loop
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.session import HttpSession
from twisted_hoop.model import Outcome
from twisted_hoop.settings import MaskSection


def test_a_session_closes_when_nothing_comes(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        assert house.ask(get("/orders/a")).status == 200
        (live,) = loop.run(lambda: list(house.services.sessions))
        session = live.handle
        assert isinstance(session, HttpSession)

        def later() -> None:
            session._last -= 1000
            session._timer.cancel()
            session._look()

        loop.run(later)
        assert house.recorder.recordings[0].outcome == Outcome("closed") and house.told == [("open", 0), ("closed", 1)]
        assert house.approver.sessions_over == [live.session.id]
        assert house.ask(get("/orders/a")).status == 200 and len(house.recorder.recordings) == 2


def test_r1_what_cannot_be_recorded_is_not_sent_and_ends_the_session(loop: Loop) -> None:
    """R1."""
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wire.send(get("/orders/a"))
        assert wire.answer().status == 200
        house.recorded("outcome")
        house.recorder.recordings[0]._after = 0
        wire.send(get("/orders/b"))
        assert wire.answer().status == 503
        wait_until(lambda: house.told[-1][0] == "failed")
        assert len(house.target.heads) == 1
        wire.close()


def test_r13_a_session_is_outdated_with_its_target(loop: Loop) -> None:
    """R13: and the next request joins a new one."""
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wire.send(get("/orders/a"))
        assert wire.answer().status == 200
        (live,) = loop.run(lambda: list(house.services.sessions))
        assert not live.handle.outdated() and live.handle.activity() == (1, False, False)
        hall = house.hall
        house.halls["orders"] = HttpHall(hall.section, hall.pool, hall.dialect, [MaskSection(name="m", patterns=["x"])])
        assert live.handle.outdated()
        wire.send(get("/orders/a"))
        assert wire.answer().status == 200 and len(house.recorder.recordings) == 2
        house.halls.clear()
        assert live.handle.outdated()
        wire.close()
