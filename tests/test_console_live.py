"""Server-sent events for open pages."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading

from tests.support.approvals import DELETE, RETRY
from tests.support.gateway import wait_for
from tests.support.visitor import ConsoleHouse, Visitor, words_of
from twisted_hoop.console.renewal import AGAIN


class Events:
    """A stream that is read in a thread."""

    def __init__(self, console: ConsoleHouse, visitor: Visitor) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=30)
        self._connection.request("GET", "/approvals/events", headers={"Host": console.host, "Cookie": visitor.cookie})
        self.answer = self._connection.getresponse()
        self.text = ""
        self.over = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            while piece := self.answer.read1():
                self.text += piece.decode()
        self.over = True

    def close(self) -> None:
        """The browser leaves the page."""
        assert self._connection.sock is not None
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: self.over, "the end of the reading thread")


def test_a_page_hears_of_requests_it_may_see(console: ConsoleHouse) -> None:
    bob, olga = Events(console, console.visitor("bob")), Events(console, console.visitor("olga"))
    assert bob.answer.headers["content-type"] == "text/event-stream" and bob.answer.status == 200
    wait_for(lambda: "retry" in bob.text and "retry" in olga.text, "the beginning of both streams")
    ident = console.api.file(console.person("alice"), RETRY, DELETE)
    wait_for(lambda: f'"id":"{ident}"' in bob.text, "the request")
    assert "event: approval" in bob.text and ident not in olga.text
    bob.close()
    olga.close()


def test_it_ends_with_the_visit(console: ConsoleHouse) -> None:
    """I9: what stays open in a browser tells nothing more once somebody has logged out."""
    visitor = console.visitor("bob")
    events = Events(console, visitor)
    wait_for(lambda: "retry" in events.text, "the beginning")
    visitor.post("/logout")
    ident = console.api.file(console.person("alice"), RETRY, DELETE)
    wait_for(lambda: events.over, "the end")
    assert ident not in events.text


def test_nobody_else_listens(console: ConsoleHouse) -> None:
    answer = console.visitor().get("/approvals/events")
    assert answer.status == 303 and answer.headers["location"] == "/login?to=%2F"


def test_asking_for_the_head_alone_watches_nothing(console: ConsoleHouse) -> None:
    answer = console.visitor("bob").ask("HEAD", "/approvals/events")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert len(console.parts.feed) == 0


def test_it_ends_when_the_issuer_gives_other_groups(console: ConsoleHouse) -> None:
    """I9: what a page hears is by the groups it began with; who has lost them hears no more by them."""
    console.provider.refreshes = True
    carol = console.visitor("carol")
    events = Events(console, carol)
    wait_for(lambda: "retry" in events.text, "the beginning")
    console.provider.later = {"groups": []}
    for _ in range(3):  # the tokens that were given before still have the old groups
        console.office.time.seconds += AGAIN
        page = carol.get("/may-i")
    assert "Groups none" in words_of(page)
    ident = console.api.file(console.person("alice"), RETRY, DELETE)
    wait_for(lambda: events.over, "the end")
    assert ident not in events.text
