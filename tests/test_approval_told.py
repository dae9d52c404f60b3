"""Those who want to know."""

from __future__ import annotations

from tests.support.approvals import BOB, DELETE, RETRY, REVIEW, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.approval.requests import Caps, Request, make_request
from twisted_hoop.approval.told import Told


def test_a_listener_that_fails_keeps_nobody_else_from_hearing() -> None:
    request = make_request(session_of(), DELETE, REVIEW, 1.0, Caps())
    heard: list[tuple[str, str]] = []

    def fails(event: str, request: Request) -> None:
        raise OSError

    told = Told()
    told.listen(fails)
    told.listen(lambda event, request: heard.append((event, request.id)))
    told.tell("requested", [request])
    told.tell("", [request])
    assert heard == [("requested", request.id), ("pending", request.id)]


def test_the_whole_life_is_told(office: Office, loop: Loop) -> None:
    heard: list[str] = []
    office.told.listen(lambda event, request: heard.append(event))

    async def go() -> None:
        first = await office.approver.file(session_of(), DELETE, RETRY)
        await office.approver.file(session_of(), DELETE, RETRY)  # joins: not told again
        await office.desk.decide(BOB, first.request.id, True)
        assert await office.approver.usable(session_of(), DELETE, RETRY)
        pending = await office.approver.file(session_of(), DELETE, REVIEW)
        await office.desk.take_back(BOB, pending.request.id)
        await office.approver.file(session_of(), DELETE, RETRY)
        office.time.seconds += 3600
        await office.desk.expire()

    loop.run(go)
    assert heard == ["requested", "granted", "used", "requested", "withdrawn", "requested", "expired"]
