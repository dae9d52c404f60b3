"""Notices on their way, in the store."""

from __future__ import annotations

import threading

import pytest

from tests.support.approvals import Office
from tests.support.loop import Loop
from tests.support.notices import notice
from twisted_hoop.notify.deliveries import Deliveries, Delivery
from twisted_hoop.store.paging import BadCursor


@pytest.fixture
def table(office: Office) -> Deliveries:
    return Deliveries(office.database, office.time)


def claim(table: Deliveries, loop: Loop, *channels: str) -> list[Delivery]:
    return loop.run(lambda: table.claim(channels or ("chat", "mail"), 60.0))


def test_a_notice_comes_back_as_it_was_and_is_sent_once(table: Deliveries, loop: Loop) -> None:
    told = notice()
    loop.run(lambda: table.add(["chat", "mail"], told))
    (mine,) = claim(table, loop, "chat")
    assert mine.notice == told and claim(table, loop, "chat") == []
    loop.run(lambda: table.sent(mine))
    page = loop.run(lambda: table.search("sent"))
    assert [(each.channel, each.state, each.attempts) for each in page.items] == [("chat", "sent", 1)]
    assert [each.channel for each in claim(table, loop)] == ["mail"]


def test_who_dies_with_it_loses_it_to_others_later(office: Office, table: Deliveries, loop: Loop) -> None:
    loop.run(lambda: table.add(["chat"], notice()))
    assert len(claim(table, loop)) == 1
    office.time.seconds += 59
    assert claim(table, loop) == []
    office.time.seconds += 1
    assert len(claim(table, loop)) == 1


def test_failing_and_dying_and_being_revived(office: Office, table: Deliveries, loop: Loop) -> None:
    loop.run(lambda: table.add(["chat"], notice()))
    (mine,) = claim(table, loop)
    loop.run(lambda: table.failed(mine, "answered with status 500", office.time() + 10))
    assert claim(table, loop) == []
    office.time.seconds += 10
    (mine,) = claim(table, loop)
    assert (mine.attempts, mine.error) == (1, "answered with status 500")
    assert loop.run(lambda: table.revive(mine.id)) is None  # it lives
    loop.run(lambda: table.failed(mine, "x" * 600, None))
    (dead,) = loop.run(lambda: table.search("dead")).items
    assert dead.attempts == 2 and len(dead.error) == 500 and "notice" not in dead.shown()
    assert loop.run(lambda: table.counts()) == {("chat", "dead"): 1}
    revived = loop.run(lambda: table.revive(dead.id))
    assert revived is not None and revived.attempts == 0 and len(claim(table, loop)) == 1


def test_of_several_replicas_one_gets_each(table: Deliveries, loop: Loop) -> None:
    for _ in range(10):
        loop.run(lambda: table.add(["chat"], notice()))
    got: list[str] = []
    start = threading.Barrier(4)

    def take() -> None:
        start.wait()
        for _ in range(4):
            got.extend(each.id for each in claim(table, loop))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == 10


def test_pages(office: Office, table: Deliveries, loop: Loop) -> None:
    for _ in range(3):
        loop.run(lambda: table.add(["chat"], notice()))
        office.time.seconds += 1
    first = loop.run(lambda: table.search("", 2))
    rest = loop.run(lambda: table.search("", 2, first.next))
    assert len(first.items) == 2 and len(rest.items) == 1 and rest.next == ""
    with pytest.raises(BadCursor):
        loop.run(lambda: table.search("", 2, "nonsense"))
