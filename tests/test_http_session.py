"""Requests that belong together: one session, which closes when nothing comes, and whose recording is one for all."""

from __future__ import annotations

from tests.support.http_house import RawTarget, Wire, get, http_house, ok, replies, wait_until
from tests.support.loop import Loop
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.session import HttpSession
from twisted_hoop.model import Command, Decision, Outcome, Session
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.fakes import ALLOWED, DENIED


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


def test_R13_new_rules_end_a_watch_that_they_would_not_let_begin(loop: Loop) -> None:
    """R13: of two that stream, the one that is forbidden now ends; nobody is asked while the rules are the same."""

    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        wire.all()

    def decide(session: Session, command: Command) -> Decision:
        return DENIED if "/secrets" in command.text else ALLOWED

    with http_house(loop, serve) as house:
        wires = [house.connect(), house.connect()]
        for wire, path in zip(wires, ("/orders/secrets", "/orders/others"), strict=True):
            wire.send(get(path))
            assert wire.until(b"abc\r\n")
        (live,) = loop.run(lambda: list(house.services.sessions))
        policy = house.gate.policy
        policy.answer = decide
        assert not loop.run(live.handle.outdated) and live.handle.activity()[1]
        assert len(house.recorded("command")) == 2 and not any(e.kind == "outcome" for e in house.entries)
        policy.version = "v2"
        assert not loop.run(live.handle.outdated)
        assert wires[0].all() == b"" and "not in this test" in house.recorded("outcome")[0]["error"]
        asked = len(policy.asked)
        assert not loop.run(live.handle.outdated) and len(policy.asked) == asked
        for wire in wires:
            wire.close()
