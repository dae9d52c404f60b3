"""An agent at work: connected to its gateway whenever it can be, its proof renewed in time, leaving in order."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.logger import Logger

from twisted_hoop.agent.attachment import Attaching, Attachment, Plan, renew
from twisted_hoop.errors import HoopError

FIRST_WAIT = 0.5
"""Seconds before the second try; each further one waits twice as long, up to the longest."""
STEADY = 10.0
"""Seconds a connection must last for the next to be tried soon again."""
LOOK_EVERY = 1.0
AFTER_FAILED_RENEWAL = 15.0


class Agent:
    """See the module. `chance` gives numbers from 0 to 1, `now` POSIX time."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        plan: Plan,
        longest_wait: float,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.connected = False
        self._reactor = reactor
        self._plan = plan
        self._longest = longest_wait
        self._now, self._chance = now, chance
        self._attached: set[Attachment] = set()
        self._tries = 0
        self._stopping = False
        self._work: Deferred[None] | None = None
        self._pausing: Deferred[None] | None = None

    def start(self) -> None:
        """Connect, and again whenever the connection is lost."""
        self._work = Deferred.fromCoroutine(self._run())
        self._work.addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        if failure.check(CancelledError) is None:
            self.log.failure("the agent failed", failure=failure)
            self._reactor.stop()

    @property
    def streams(self) -> int:
        """How many there are."""
        return sum(each.serving.streams for each in self._attached)

    # -- being connected ------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._stopping:
            try:
                attachment = await self._attach()
            except HoopError as why:
                self.log.warn("agent {agent} is not connected: {why}", agent=self._plan.name, why=str(why))
            else:
                self._tries = 0 if await self._serve(attachment) >= STEADY else self._tries
            if not self._stopping:
                await self._pause(self._wait())

    def _wait(self) -> float:
        """Twice as long each time, never the same for two agents: a gateway that starts again is not overrun."""
        longest = min(self._longest, FIRST_WAIT * 2.0 ** min(self._tries, 16))
        self._tries += 1
        return longest * (0.5 + 0.5 * self._chance())

    async def _attach(self) -> Attachment:
        attachment = await Attaching(self._reactor, self._plan).attach()
        self._attached.add(attachment)
        self.connected = True
        self.log.info("agent {agent} is connected", agent=self._plan.name, gateway=self._plan.uplink().where.authority)
        return attachment

    async def _serve(self, attachment: Attachment) -> float:
        """Until the connection is gone: the seconds it lasted. One that is replaced in time is not waited for."""
        while True:
            looking = Deferred.fromCoroutine(self._keep_proved(attachment))
            self._watch(attachment, looking)
            follower = await self._first_of(attachment, looking)
            if follower is None:
                return float(self._reactor.seconds() - attachment.since)
            attachment = follower

    def _watch(self, attachment: Attachment, looking: Deferred[Any]) -> None:
        def gone(reason: str) -> str:
            self._attached.discard(attachment)
            self.connected = bool(self._attached)
            looking.cancel()
            self.log.info("the connection to the gateway is gone: {why}", why=reason)
            return reason

        attachment.ended.addCallback(gone)

    def _first_of(self, attachment: Attachment, looking: Deferred[Any]) -> Deferred[Attachment | None]:
        done: Deferred[Attachment | None] = Deferred()

        def settle(found: Attachment | None) -> None:
            if not done.called:
                done.callback(found)

        def kept(found: Any) -> None:
            if isinstance(found, Attachment):
                settle(found)

        def ended(reason: str) -> str:
            settle(None)
            return reason

        looking.addCallbacks(kept, self._failed)
        attachment.ended.addCallback(ended)
        return done

    # -- being believed -------------------------------------------------------------------------------------------

    async def _keep_proved(self, attachment: Attachment) -> Attachment:
        """Renew the certificate in time; who has only tokens connects anew with the next, and so does
        whose TLS is worn: that connection, then."""
        credentials = self._plan.credentials
        while True:
            await self._sleep(LOOK_EVERY)
            due = credentials.renew_at()
            if not attachment.worn and (due is None or self._now() < due):
                continue
            try:
                if credentials.public_key() and not attachment.worn:
                    await renew(credentials, attachment.connection)
                    continue
                follower = await self._attach()
            except HoopError as why:
                self.log.warn("agent {agent} could not renew its proof: {why}", agent=self._plan.name, why=str(why))
                await self._sleep(AFTER_FAILED_RENEWAL)
            else:
                self._retire(attachment)
                return follower

    def _retire(self, attachment: Attachment) -> None:
        """The streams it has may go on; new ones come by the follower."""
        attachment.serving.leave()

        def look() -> None:
            if attachment not in self._attached:
                return
            if attachment.serving.streams:
                self._reactor.callLater(LOOK_EVERY, look)
            else:
                attachment.close()

        look()

    # -- leaving --------------------------------------------------------------------------------------------------

    async def stop(self, patience: float) -> None:
        """No new streams; those there are may go on for `patience` seconds; then every connection ends."""
        self._stopping = True
        if self._pausing is not None:
            self._pausing.cancel()
        for each in list(self._attached):
            each.serving.leave()
        until = self._reactor.seconds() + patience
        while self.streams and self._reactor.seconds() < until:
            await self._sleep(0.05)
        left = [each.ended for each in self._attached]
        for each in list(self._attached):
            each.close()
        if left:
            await gatherResults(left)
        if self._work is not None:
            self._work.cancel()

    async def _pause(self, seconds: float) -> None:
        self._pausing = self._sleep(seconds)
        try:
            await self._pausing
        except CancelledError:
            if not self._stopping:
                raise
        finally:
            self._pausing = None

    def _sleep(self, seconds: float) -> Deferred[None]:
        call: Any = None
        slept: Deferred[None] = Deferred(lambda _: call.cancel() if call.active() else None)
        call = self._reactor.callLater(seconds, slept.callback, None)
        return slept
