"""Who watches sees what they may, soon, and costs little."""

from __future__ import annotations

import http.client
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.approvals import ALICE, BOB, CAROL, DELETE, RETRY, REVIEW, Office, open_office, session_of
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Outcome, Principal
from twisted_hoop.store.sessions import SessionIndex
from twisted_hoop.web.feed import HEARTBEAT, OF_ONE, QUEUE, Feed, Watcher

EVE = Principal(ALICE.issuer, "eve", groups=frozenset({"security"}))
BOTH = ("approvals", "sessions")


@pytest.fixture
def feed(office: Office, loop: Loop) -> Any:
    index = SessionIndex(office.database, office.time)
    made = Feed(office.database, index, loop.reactor, office.time, lambda who: who.key not in office.locked)
    loop.run(lambda: office.told.listen(made.nudge))
    yield made
    loop.run(made.stop)


def watch(feed: Feed, loop: Loop, who: Principal, topics: tuple[str, ...] = BOTH, auditor: bool = False) -> Watcher:
    watcher = loop.run(lambda: feed.watch(who, topics, auditor))
    assert loop.run(watcher.take) == b"retry: 3000\n\n"
    return watcher


def events(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in data.decode("ascii").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


class Seen(list[tuple[str, dict[str, Any]]]):
    """What a watcher was told so far."""

    def __init__(self, watcher: Watcher, loop: Loop) -> None:
        super().__init__()
        self._watcher, self._loop = watcher, loop

    def until(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        def look() -> bool:
            self.extend(events(self._loop.run(self._watcher.take)))
            return len(self) >= count

        wait_for(look, f"{count} events")
        return list(self)


def test_the_life_of_a_request(office: Office, feed: Feed, loop: Loop) -> None:
    seen = Seen(watch(feed, loop, BOB), loop)
    decision = replace(RETRY, quorum=2)
    ident = loop.run(lambda: office.approver.file(session_of(), DELETE, decision)).request.id
    assert [(kind, data["state"]) for kind, data in seen.until(1)] == [("approval", "pending")]
    loop.run(lambda: office.desk.decide(BOB, ident, True))
    assert len(seen.until(2)[1][1]["votes"]) == 1  # one of two: told as well
    loop.run(lambda: office.desk.decide(CAROL, ident, True))
    assert seen.until(3)[2][1]["state"] == "granted"
    assert {data["id"] for _, data in seen} == {ident}


def test_changes_of_other_replicas_are_seen(office: Office, feed: Feed, loop: Loop, store_url: str) -> None:
    seen = Seen(watch(feed, loop, BOB), loop)
    other = open_office(store_url, loop.reactor, office.time)
    loop.run(lambda: other.approver.file(session_of(), DELETE, RETRY))
    assert seen.until(1)[0][1]["state"] == "pending"
    other.database.stop()


def test_sessions_are_for_their_people_and_auditors(office: Office, feed: Feed, loop: Loop) -> None:
    index = SessionIndex(office.database, office.time)
    own, auditor = Seen(watch(feed, loop, ALICE), loop), Seen(watch(feed, loop, EVE, auditor=True), loop)
    stranger = watch(feed, loop, EVE)
    opened = replace(session_of(), started=office.time())
    loop.run(lambda: index.opened(opened))
    for seen in (own, auditor):
        assert seen.until(1)[0][1]["state"] == "live"
    office.time.seconds += 1
    loop.run(lambda: index.closed(opened.id, Outcome("client-lost"), 1))
    for seen in (own, auditor):
        assert seen.until(2)[1][1]["outcome"] == "client-lost"
    assert events(loop.run(stranger.take)) == []


def test_A_requests_are_shown_to_who_may_see_them(office: Office, feed: Feed, loop: Loop) -> None:
    stranger, topic = watch(feed, loop, EVE), watch(feed, loop, BOB, ("sessions",))
    mine, theirs = Seen(watch(feed, loop, ALICE), loop), Seen(watch(feed, loop, BOB), loop)
    loop.run(lambda: office.approver.file(session_of(), replace(DELETE, text="secret text"), RETRY))
    assert len(mine.until(1)) == len(theirs.until(1)) == 1
    assert "secret text" not in json.dumps(list(mine))  # the text is for who asks for it
    assert events(loop.run(stranger.take)) == events(loop.run(topic.take)) == []


def test_what_was_before_is_no_news(office: Office, feed: Feed, loop: Loop) -> None:
    loop.run(lambda: office.approver.file(session_of(), DELETE, RETRY))
    office.time.seconds += 1
    seen = Seen(watch(feed, loop, BOB), loop)
    loop.run(lambda: office.approver.file(session_of(), DELETE, REVIEW))
    assert len(seen.until(1)) == 1


def test_who_falls_behind_is_told_to_read_anew() -> None:
    watcher = Watcher(BOB, frozenset(BOTH), False)
    for _ in range(QUEUE):
        watcher.put(b"event: approval\ndata: {}\n\n")
    watcher.put(b"event: approval\ndata: {}\n\n")
    assert events(watcher.take()) == [("reset", {})]


def test_signs_of_life_and_the_end_of_who_is_locked(office: Office, loop: Loop) -> None:
    """I9: a lock ends watching."""
    from twisted.internet.task import Clock as StandingClock

    clock = StandingClock()
    index = SessionIndex(office.database, office.time)
    feed = Feed(office.database, index, clock, office.time, lambda who: who.key not in office.locked)
    watcher = loop.run(lambda: feed.watch(BOB, BOTH, False))
    loop.run(watcher.take)
    loop.run(lambda: clock.advance(HEARTBEAT))
    assert loop.run(watcher.take).startswith(b":")
    office.locked.add(BOB.key)
    loop.run(lambda: clock.advance(HEARTBEAT))
    assert watcher.over and len(feed) == 0
    loop.run(feed.stop)
    assert clock.getDelayedCalls() == []


def test_A7_one_principal_cannot_take_all_places(feed: Feed, loop: Loop) -> None:
    for _ in range(OF_ONE):
        watch(feed, loop, BOB)
    with pytest.raises(LimitExceeded):
        loop.run(lambda: feed.watch(BOB, BOTH, False))
    watch(feed, loop, CAROL)


def test_nobody_watches_nothing_is_asked(office: Office, feed: Feed, loop: Loop) -> None:
    watcher = watch(feed, loop, BOB)
    loop.run(lambda: feed.leave(watcher))
    asked: list[int] = []
    office.database.read = lambda work: asked.append(1)  # type: ignore[method-assign, assignment]
    loop.run(feed.nudge)
    assert asked == [] and not feed._looks.running


def test_over_http(api: Api) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    connection.request("GET", "/v1/events?topics=approvals", headers={"Authorization": f"Bearer {api.token('bob')}"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("content-type") == "text/event-stream"
    assert answer.fp is not None
    assert answer.readline() == b"retry: 3000\n"
    api.file(ALICE, RETRY, DELETE)
    lines = [answer.readline() for _ in range(3)]
    assert lines[1] == b"event: approval\n" and b'"state":"pending"' in lines[2]
    assert len(api.parts.feed) == 1
    answer.close()
    connection.close()
    wait_for(lambda: len(api.parts.feed) == 0, "the watcher to be forgotten")


def test_events_need_a_token(api: Api) -> None:
    assert api.ask("GET", "/v1/events").status == 401
    assert api.ask("GET", "/v1/events?topics=money", "bob").status == 400
