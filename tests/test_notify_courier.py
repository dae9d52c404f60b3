"""From a request that changes to channels that are told, slow, broken or gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from twisted.internet.defer import Deferred

from tests.support.approvals import DELETE, RETRY, Office, session_of
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.errors import NoticeUndelivered
from twisted_hoop.model import Notice
from twisted_hoop.notify.courier import LEASE, Courier, backoff
from twisted_hoop.notify.deliveries import Deliveries, Delivery
from twisted_hoop.settings import NotifySection


class Channel:
    """A channel that does what it is told to."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.told: list[Notice] = []

    async def deliver(self, notice: Notice) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.told.append(notice)


class Stuck:
    """One that never ends."""

    def deliver(self, notice: Notice) -> Deferred[None]:
        return Deferred()


def section(name: str = "chat", **about: object) -> NotifySection:
    return NotifySection.model_validate({"name": name, "kind": "webhook", **about})


@contextmanager
def courier(
    office: Office, loop: Loop, channels: dict[str, object], **about: object
) -> Iterator[list[tuple[str, str]]]:
    """A running one that hears what the office does; what it counts."""
    counted: list[tuple[str, str]] = []
    made = Courier(
        Deliveries(office.database, office.time),
        loop.reactor,
        office.time,
        lambda ident: f"https://hoop.example/approvals/{ident}",
        lambda channel, result: counted.append((channel, result)),
        lambda: 0.5,
    )
    made.replace({name: (section(name, **about), channel) for name, channel in channels.items()})
    loop.run(lambda: office.told.listen(made.heard))
    loop.run(made.start)
    try:
        yield counted
    finally:
        loop.run(made.stop)


def file(office: Office, loop: Loop) -> str:
    return loop.run(lambda: office.approver.file(session_of(), DELETE, RETRY)).request.id


def listed(office: Office, loop: Loop) -> list[Delivery]:
    return list(loop.run(lambda: Deliveries(office.database, office.time).search()).items)


def until(office: Office, loop: Loop, looks: Callable[[list[Delivery]], bool]) -> list[Delivery]:
    def look() -> list[Delivery]:
        found = listed(office, loop)
        return found if looks(found) else []

    found: list[Delivery] = wait_for(look, "the deliveries")
    return found


def test_what_happens_is_told(office: Office, loop: Loop) -> None:
    chat, mail = Channel(), Channel()
    with courier(office, loop, {"chat": chat, "mail": mail}, events=["requested"]) as counted:
        ident = file(office, loop)
        until(office, loop, lambda found: [each.state for each in found] == ["sent", "sent"])
        assert [notice.approval_id for notice in (*chat.told, *mail.told)] == [ident, ident]
        assert chat.told[0].url == f"https://hoop.example/approvals/{ident}"
        assert sorted(counted) == [("chat", "sent"), ("mail", "sent")]


def test_a_channel_that_fails_is_tried_again_and_then_no_more(office: Office, loop: Loop) -> None:
    chat = Channel(NoticeUndelivered("busy"), NoticeUndelivered("busy", after=100.0), NoticeUndelivered("busy"))
    with courier(office, loop, {"chat": chat}, events=["requested"], attempts=3) as counted:
        file(office, loop)
        (one,) = until(office, loop, lambda found: bool(found) and found[0].attempts == 1)
        assert one.next == office.time() + 2.0
        office.time.seconds += 2
        (one,) = until(office, loop, lambda found: found[0].attempts == 2)
        assert one.next == office.time() + 100.0  # what the server asked for
        office.time.seconds += 100
        until(office, loop, lambda found: found[0].state == "dead")
        assert counted == [("chat", "failed"), ("chat", "failed"), ("chat", "dead")] and chat.told == []


@pytest.mark.parametrize("fault", [NoticeUndelivered("answered with status 404", permanent=True)])
def test_what_can_never_arrive_is_given_up_at_once(office: Office, loop: Loop, fault: Exception) -> None:
    with courier(office, loop, {"chat": Channel(fault)}, events=["requested"]):
        file(office, loop)
        (one,) = until(office, loop, lambda found: bool(found) and found[0].state == "dead")
        assert one.error == "answered with status 404"


def test_a_fault_of_ours_is_a_failed_attempt(office: Office, loop: Loop) -> None:
    with courier(office, loop, {"chat": Channel(RuntimeError("the password is hunter2"))}, events=["requested"]):
        file(office, loop)
        (one,) = until(office, loop, lambda found: bool(found) and found[0].attempts == 1)
        assert one.error == "RuntimeError" and one.state == "waiting"


def test_a_channel_that_hangs_holds_up_no_other_and_no_request(office: Office, loop: Loop) -> None:
    chat = Channel()
    with courier(office, loop, {"stuck": Stuck(), "chat": chat}, events=["requested"]):
        for number in range(6):
            loop.run(lambda n=number: office.approver.file(session_of(session_id=f"s-{n}"), _other(n), RETRY))
        wait_for(lambda: len(chat.told) == 6, "the other channel")


def _other(number: int) -> object:
    from dataclasses import replace

    return replace(DELETE, text=f"DELETE FROM t{number}")


def test_what_was_not_sent_is_sent_after_a_restart(office: Office, loop: Loop) -> None:
    with courier(office, loop, {"chat": Stuck()}, events=["requested"]):
        file(office, loop)
        until(office, loop, lambda found: bool(found) and found[0].next > office.time())
    office.time.seconds += LEASE
    chat = Channel()
    with courier(office, loop, {"chat": chat}, events=["requested"]):
        wait_for(lambda: len(chat.told) == 1, "the notice")


def test_only_what_a_channel_is_for(office: Office, loop: Loop) -> None:
    other, chat = Channel(), Channel()
    with courier(office, loop, {"other": other}, targets=["payroll"]), courier(office, loop, {"chat": chat}):
        file(office, loop)
        wait_for(lambda: len(chat.told) == 1, "the notice")
        assert other.told == [] and len(listed(office, loop)) == 1


def test_ever_more_slowly_and_never_all_at_once() -> None:
    assert [backoff(n, 0.5) for n in range(6)] == [2.0, 8.0, 32.0, 128.0, 512.0, 900.0]
    assert backoff(0, 0.0) == 1.0 and backoff(0, 1.0) == 3.0 and backoff(10**6, 0.5) == 900.0
