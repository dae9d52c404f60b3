"""Carries notices to their channels: tried again ever more slowly, given up as dead letters, never in anybody's way.

What a request changes is told in the process where it changed; its notices are rows from then on, so that a restart
loses none of them, and of several replicas one delivers each.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_hoop.approval.requests import Request
from twisted_hoop.errors import NoticeUndelivered, StoreUnavailable
from twisted_hoop.interfaces import INotifier
from twisted_hoop.notify.channels import concerns
from twisted_hoop.notify.deliveries import Deliveries, Delivery
from twisted_hoop.notify.notices import notice_of
from twisted_hoop.settings import NotifySection

LOOK = 2.0  # seconds between two looks at what is due
LEASE = 180.0  # seconds after which a delivery whose replica died is tried again; longer than any attempt
FIRST, LONGEST = 2.0, 900.0  # seconds to the second attempt, times four each, and at most
AT_ONCE, OF_ONE = 8, 2  # attempts in flight, and of one channel: a dead one holds up only its own
Channels = Mapping[str, tuple[NotifySection, INotifier]]


class Courier:
    """See the module. `page` gives the address where a person can look at a request; `jitter` is 0 to 1.

    `counted` is told how each attempt ended: channel and "sent", "failed" or "dead".
    """

    _log = Logger()

    def __init__(
        self,
        deliveries: Deliveries,
        reactor: Any,
        now: Callable[[], float],
        page: Callable[[str], str],
        counted: Callable[[str, str], None] = lambda channel, result: None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._deliveries, self._reactor, self._now, self._page = deliveries, reactor, now, page
        self._counted, self._jitter = counted, jitter
        self._channels: Channels = {}
        self._loop = LoopingCall(self._guarded)
        self._loop.clock = reactor
        self._flying: Counter[str] = Counter()
        self._busy = self._again = False

    def replace(self, channels: Channels) -> None:
        """These are the channels now; a reload calls it."""
        self._channels = dict(channels)

    def start(self) -> None:
        """Begin."""
        self._loop.start(LOOK).addErrback(lambda failure: self._log.failure("notices stop", failure=failure))

    def stop(self) -> None:
        """No new attempts."""
        if self._loop.running:
            self._loop.stop()
        self._channels = {}

    def heard(self, event: str, request: Request) -> None:
        """A request changed: `approval.told.Listener`. Returns at once; what goes wrong is logged."""
        names = [
            name
            for name, (section, _) in self._channels.items()
            if event in section.events and concerns(section, request)
        ]
        if names:
            notice = notice_of(event, request, self._page(request.id), self._now())
            added = Deferred.fromCoroutine(_done(self._deliveries.add(names, notice)))
            added.addCallbacks(lambda _: self._guarded(), lambda failure: self._lost(failure, request.id))

    def _lost(self, failure: Any, ident: str) -> None:
        self._log.error("nobody could be told of {id}: {why}", id=ident, why=str(failure.value))

    def _guarded(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._round()).addErrback(
            lambda failure: self._log.failure("looking for notices failed", failure=failure)
        )

    async def _round(self) -> None:
        """Start what is due. One round at a time; one that is asked for meanwhile follows."""
        self._again = True
        if self._busy:
            return
        self._busy = True
        try:
            while self._again and (free := self._free()):
                self._again = False
                for each in await self._deliveries.claim(free, LEASE, 1):
                    self._again = True
                    self._flying[each.channel] += 1
                    Deferred.fromCoroutine(self._attempt(each)).addBoth(self._landed, each.channel)
        except StoreUnavailable as fault:
            self._log.warn("the store cannot be asked for notices: {fault}", fault=str(fault))
        finally:
            self._busy = False

    def _free(self) -> list[str]:
        """The channels that may have one more attempt now."""
        full = self._flying.total() >= AT_ONCE
        return [] if full else [name for name in self._channels if self._flying[name] < OF_ONE]

    def _landed(self, result: Any, channel: str) -> None:
        self._flying[channel] -= 1
        if result is not None:
            self._log.failure("a notice could not be settled", result)
        if self._channels:
            self._guarded()

    async def _attempt(self, delivery: Delivery) -> None:
        found = self._channels.get(delivery.channel)
        if found is None:  # a reload took it away: it is due again for whoever has such a channel
            return
        section, notifier = found
        try:
            await notifier.deliver(delivery.notice)
        except NoticeUndelivered as fault:
            await self._failed(delivery, section, fault)
        except Exception as fault:  # noqa: BLE001  a notifier's own fault is no reason to forget the notice
            self._log.failure("channel {channel} failed", channel=delivery.channel)
            await self._failed(delivery, section, NoticeUndelivered(type(fault).__name__))
        else:
            self._counted(delivery.channel, "sent")
            await self._deliveries.sent(delivery)

    async def _failed(self, delivery: Delivery, section: NotifySection, fault: NoticeUndelivered) -> None:
        dead = fault.permanent or delivery.attempts + 1 >= section.attempts
        self._counted(delivery.channel, "dead" if dead else "failed")
        say = self._log.error if dead else self._log.warn
        say(
            "notice {id} to {channel} did not arrive: {why}",
            id=delivery.id,
            channel=delivery.channel,
            why=str(fault),
            dead=dead,
        )
        wait = max(backoff(delivery.attempts, self._jitter()), fault.after)
        await self._deliveries.failed(delivery, str(fault), None if dead else self._now() + wait)


def backoff(attempts: int, jitter: float) -> float:
    """Seconds to the next attempt after `attempts` before this one: 2, 8, 32 … 900, each by half less or more."""
    return float(min(FIRST * 4.0 ** min(attempts, 10), LONGEST) * (0.5 + jitter))


async def _done(work: Any) -> None:
    await work
