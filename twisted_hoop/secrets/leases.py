"""The life of log-ins that Vault makes: written down, renewed while somebody is logged in with them, then revoked.

One is made for each session, or shared by those of a target. A lease is written down before it is used, so that what a
crash leaves behind is revoked by the next start or by another replica; it is no more renewed then, and ends by itself
at the latest when its time is over. A session whose lease cannot be renewed any more is ended before the lease is.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_hoop.errors import HoopError, SecretUnavailable, StoreUnavailable
from twisted_hoop.model import TargetLease
from twisted_hoop.secrets.kept import Flights
from twisted_hoop.secrets.secret import Login
from twisted_hoop.secrets.vault_logins import Lease, VaultLogins

SWEEP = 15.0
"""Seconds between looks at what is still to be revoked."""
MOST_ATTEMPTS = 20
"""After so many that failed, an operator is told, and the lease is left to end by itself."""
LONGEST_PAUSE = 300.0
MARGIN = 5.0
"""Seconds before its end at which a lease is given up."""
IDLE = 600.0
"""Seconds after which a shared log-in that nobody used is given back."""
_LEAST = 1.0


class LeaseBook(Protocol):
    """Where leases are written down (`store/secret_leases.py`). Everything may fail with StoreUnavailable."""

    def put(self, lease: TargetLease) -> Awaitable[None]:
        """About to be used."""

    def extended(self, name: str, until: float) -> Awaitable[None]:
        """Renewed until (POSIX)."""

    def owing(self, name: str, later: float = 0.0) -> Awaitable[None]:
        """To be revoked, in so many seconds."""

    def done(self, name: str) -> Awaitable[None]:
        """Revoked, or over."""

    def interrupted(self, sessions: Iterable[str]) -> Awaitable[None]:
        """Those of these sessions are to be revoked."""

    def due(self) -> Awaitable[list[TargetLease]]:
        """Take what is to be revoked now."""


@dataclass(slots=True)
class _Held:
    """A lease in use. `until` is of the reactor's clock; `users` are sessions; `capped`: it grows no more."""

    lease: Lease
    reference: str
    until: float
    shared: bool
    users: set[str] = field(default_factory=set)
    asked: float = 0.0
    capped: bool = False
    timer: Any = None


class Leases:
    """See the module. `lost` is called with a session whose log-in is about to end, and why; `now` is POSIX time."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        logins: VaultLogins,
        book: LeaseBook,
        lost: Callable[[str, str], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._reactor, self._logins, self._book, self._lost, self._now = reactor, logins, book, lost, now
        self._held: dict[str, _Held] = {}
        self._shared: dict[str, _Held] = {}
        self._flights: Flights[_Held] = Flights()
        self._making: dict[str, int] = {}
        self._gone: set[str] = set()
        self._working: set[Deferred[None]] = set()
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor
        self._stopped = False
        self.unrevoked = 0
        """How many were left to end by themselves."""

    def __len__(self) -> int:
        return len(self._held)

    # -- logging in -----------------------------------------------------------------------------------------------

    async def login(self, reference: str, session: str, shared: bool) -> Login:
        """A log-in for a session; `session` "" is the gateway itself, which always shares. Raises SecretUnavailable."""
        if self._stopped:
            raise SecretUnavailable("the gateway stops")
        if shared or not session:
            held = await self._share(reference, session)
        else:
            held = await self._flights.join(f"{session} {reference}", lambda: self._make(reference, session, False))
        return held.lease.login

    async def rehearse(self, reference: str) -> None:
        """Make a log-in, renew it, end it: whether Vault lets us. Raises SecretUnavailable."""
        lease = await self._logins.make(reference)
        if not lease.name:
            return
        try:
            if lease.renewable:
                await self._logins.renew(lease.name, lease.seconds)
        finally:
            await self._logins.revoke(lease.name)

    def distrust(self, reference: str, login: Login) -> bool:
        """The target refused a log-in. Whether another may be had: a shared one is given up, one just made is not."""
        held = self._shared.get(reference)
        if held is None or held.lease.login != login:
            return False
        del self._shared[reference]
        if not held.users:
            self._give_back(held)
        return True

    async def _share(self, reference: str, session: str) -> _Held:
        held = self._shared.get(reference)
        if held is None or held.capped:
            made = self._flights.join(reference, lambda: self._make(reference, "", True))
            held, gone = await self._present(session, made)
            if gone:  # it would hold the lease for ever
                raise SecretUnavailable("the session ended before it was logged in")
        held.asked = self._reactor.seconds()
        if session and held.lease.name:
            held.users.add(session)
        return held

    async def _make(self, reference: str, session: str, shared: bool) -> _Held:
        """Make one and write it down. Whoever waits may have gone meanwhile: it is given back then."""
        held, gone = await self._present(session, self._made(reference, session, shared))
        if held.lease.name:
            self._keep(held, session, gone)
        return held

    async def _present(self, session: str, work: Awaitable[_Held]) -> tuple[_Held, bool]:
        """What is worked on, and whether the session ended meanwhile."""
        self._making[session] = self._making.get(session, 0) + 1
        gone = False
        try:
            held = await work
        finally:
            self._making[session] -= 1
            gone = session in self._gone
            if not self._making[session]:
                del self._making[session]
                self._gone.discard(session)
        return held, gone

    async def _made(self, reference: str, session: str, shared: bool) -> _Held:
        lease = await self._logins.make(reference)
        held = _Held(lease, reference, self._reactor.seconds() + lease.seconds, shared)
        if lease.name:
            await self._written(held, session)
        return held

    async def _written(self, held: _Held, session: str) -> None:
        until = self._now() + held.lease.seconds
        try:
            await self._book.put(TargetLease(held.lease.name, held.reference, session, until))
        except StoreUnavailable:
            # Fail closed: what nobody would know of after a crash is not used.
            await self._revoke(held.lease.name, written=False)
            raise SecretUnavailable("the lease of a log-in could not be written down", passing=True) from None

    def _keep(self, held: _Held, session: str, gone: bool) -> None:
        self._held[held.lease.name] = held
        if self._stopped or gone:
            self._give_back(held)
            raise SecretUnavailable("the session ended before it was logged in")
        if session:
            held.users.add(session)
        if held.shared:
            self._shared[held.reference] = held
            held.asked = self._reactor.seconds()
        self._renew_later(held)

    # -- renewing -------------------------------------------------------------------------------------------------

    def _renew_later(self, held: _Held) -> None:
        left = held.until - self._reactor.seconds()
        if held.capped or not held.lease.renewable:
            held.capped = True
            held.timer = self._reactor.callLater(max(left - _margin(held), 0.0), self._over, held, "its time is over")
        else:
            held.timer = self._reactor.callLater(max(left * 2 / 3, _LEAST), self._renew, held)

    def _renew(self, held: _Held) -> None:
        held.timer = None
        idle = held.shared and not held.users and self._reactor.seconds() - held.asked > IDLE
        if idle:
            self._give_back(held)
        else:
            self._spawn(self._renewed(held))

    async def _renewed(self, held: _Held) -> None:
        before = held.until
        try:
            seconds = await self._logins.renew(held.lease.name, held.lease.seconds)
        except SecretUnavailable as error:
            self._not_renewed(held, error)
            return
        if held.lease.name not in self._held:
            return
        held.until = self._reactor.seconds() + seconds
        held.capped = held.until < before + _LEAST or seconds < held.lease.seconds / 2
        self._renew_later(held)
        try:
            await self._book.extended(held.lease.name, self._now() + seconds)
        except StoreUnavailable as error:
            self.log.warn("a renewed lease was not written down: {why}", why=str(error))

    def _not_renewed(self, held: _Held, error: SecretUnavailable) -> None:
        if held.lease.name not in self._held:
            return
        left = held.until - self._reactor.seconds() - _margin(held)
        self.log.warn("a log-in of {reference} was not renewed: {why}", reference=held.reference, why=str(error))
        if error.passing and left > _LEAST:
            held.timer = self._reactor.callLater(min(MARGIN, left / 2), self._renew, held)
        else:
            self._over(held, str(error))

    def _over(self, held: _Held, why: str) -> None:
        """It ends soon: whoever uses it is ended first, and the next gets another."""
        held.timer = None
        users = list(held.users)
        self._give_back(held)
        for session in users:
            self._lost(session, f"the log-in at the target ended ({why})")

    # -- giving back ----------------------------------------------------------------------------------------------

    def release(self, session: str) -> None:
        """The session is over: what was its own is revoked."""
        if session in self._making:
            self._gone.add(session)
        for held in list(self._held.values()):
            if session in held.users:
                held.users.discard(session)
                if not held.users and self._shared.get(held.reference) is not held:
                    self._give_back(held)

    def _give_back(self, held: _Held) -> None:
        self._held.pop(held.lease.name, None)
        if self._shared.get(held.reference) is held:
            del self._shared[held.reference]
        if held.timer is not None and held.timer.active():
            held.timer.cancel()
        held.timer = None
        self._spawn(self._revoke(held.lease.name))

    async def _revoke(self, name: str, written: bool = True, attempts: int = 0) -> None:
        """First that it is owed, then the revoking: a crash between the two leaves the row."""
        if written:
            await self._noted(self._book.owing(name, _pause(attempts)))
        try:
            await self._logins.revoke(name)
        except SecretUnavailable as error:
            self.log.warn("a lease was not revoked, it is tried again: {why}", why=str(error), attempts=attempts + 1)
            return
        if written:
            await self._noted(self._book.done(name))

    async def _noted(self, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreUnavailable as error:
            self.log.warn("what became of a lease was not written down: {why}", why=str(error))

    def _spawn(self, work: Any) -> None:
        done: Deferred[None] = Deferred.fromCoroutine(work)
        self._working.add(done)
        done.addErrback(lambda f: self.log.failure("work on a lease failed", failure=f))
        done.addBoth(lambda _: self._working.discard(done))

    # -- what is still to be revoked ------------------------------------------------------------------------------

    async def start(self, interrupted: Iterable[str] = ()) -> None:
        """Revoke what a crash left behind, of these sessions at once; look again and again. Raises StoreUnavailable."""
        await self._book.interrupted(interrupted)
        self._loop.start(SWEEP).addErrback(lambda f: self.log.failure("the leases are not looked at", failure=f))

    async def sweep(self) -> None:
        """One look. Raises StoreUnavailable."""
        for lease in await self._book.due():
            if lease.attempts >= MOST_ATTEMPTS or self._now() > lease.until + MARGIN:
                self._give_up(lease)
                await self._book.done(lease.name)
            else:
                await self._revoke(lease.name, attempts=lease.attempts)

    def _give_up(self, lease: TargetLease) -> None:
        self.unrevoked += 1
        text = "the lease {name} was not revoked in {attempts} attempts: it ends by itself"
        self.log.error(text, name=lease.name, attempts=lease.attempts, reference=lease.reference)

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.sweep()).addErrback(self._not_looked)

    def _not_looked(self, failure: Any) -> None:
        if failure.check(HoopError):
            self.log.warn("leases could not be looked at: {why}", why=str(failure.value))
        else:
            self.log.failure("looking at leases failed", failure=failure)

    async def stop(self) -> None:
        """Give everything back, as far as Vault answers; what it does not take the next start does."""
        self._stopped = True
        if self._loop.running:
            self._loop.stop()
        for held in list(self._held.values()):
            self._give_back(held)
        await gatherResults(list(self._working))


def _margin(held: _Held) -> float:
    return min(MARGIN, held.lease.seconds / 10)


def _pause(attempts: int) -> float:
    """Seconds until the next try: 5, 10, 20 …, five minutes at most."""
    return min(LONGEST_PAUSE, MARGIN * float(2 ** min(attempts, 10)))
