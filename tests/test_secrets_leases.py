"""The life of leases: one a session or shared, renewed, given back, and never left behind."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.support.coroutines import now
from twisted_hoop.errors import SecretUnavailable, StoreUnavailable
from twisted_hoop.model import TargetLease
from twisted_hoop.secrets.leases import IDLE, MOST_ATTEMPTS, SWEEP, Leases
from twisted_hoop.secrets.nowhere import Nowhere
from twisted_hoop.secrets.secret import Login, Secret
from twisted_hoop.secrets.vault_logins import Lease

REFERENCE = "vault:database/creds/shop"


class Logins:
    """Provides what VaultLogins does: leases of `seconds`, numbered."""

    def __init__(self, clock: Clock, seconds: float = 60.0) -> None:
        self.clock, self.seconds = clock, seconds
        self.most = float("inf")
        self.made: list[str] = []
        self.renewed: list[str] = []
        self.revoked: list[str] = []
        self.fault: SecretUnavailable | None = None
        self.wait: Deferred[None] | None = None

    async def make(self, reference: str) -> Lease:
        if self.wait is not None:
            await self.wait
        if self.fault is not None:
            raise self.fault
        name = f"lease-{len(self.made) + 1}"
        self.made.append(name)
        return Lease(Login(f"user-{len(self.made)}", Secret("hunter2")), name, self.seconds, True)

    async def renew(self, name: str, seconds: float) -> float:
        if self.fault is not None:
            raise self.fault
        self.renewed.append(name)
        return min(seconds, self.most - self.clock.seconds())

    async def revoke(self, name: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.revoked.append(name)


class Book(Nowhere):
    """Provides LeaseBook: what is written in it, in order, and what is due."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.waiting: list[TargetLease] = []
        self.broken = False

    async def put(self, lease: TargetLease) -> None:
        if self.broken:
            raise StoreUnavailable("away")
        self.lines.append(("put", lease.name))

    async def owing(self, name: str, later: float = 0.0) -> None:
        self.lines.append(("owing", name))

    async def done(self, name: str) -> None:
        self.lines.append(("done", name))

    async def due(self) -> list[TargetLease]:
        found, self.waiting = self.waiting, []
        return found


class House:
    def __init__(self, seconds: float = 60.0) -> None:
        self.clock = Clock()
        self.logins, self.book = Logins(self.clock, seconds), Book()
        self.lost: list[tuple[str, str]] = []
        self.leases = Leases(
            self.clock,
            self.logins,  # type: ignore[arg-type]
            self.book,
            lambda *told: self.lost.append(told),
            self.clock.seconds,
        )

    def login(self, session: str, shared: bool = False) -> Login:
        return now(self.leases.login(REFERENCE, session, shared))  # type: ignore[no-any-return]


def test_each_session_has_its_own_until_it_ends() -> None:
    house = House()
    assert [house.login(name).user for name in ("s1", "s2")] == ["user-1", "user-2"]
    house.leases.release("s1")
    assert house.logins.revoked == ["lease-1"] and len(house.leases) == 1
    assert house.book.lines == [
        ("put", "lease-1"), ("put", "lease-2"), ("owing", "lease-1"), ("done", "lease-1"),
    ]  # fmt: skip
    house.leases.release("s1")
    house.leases.release("nobody")
    assert house.logins.revoked == ["lease-1"]


def test_a_shared_one_serves_all_and_stays() -> None:
    house = House()
    assert {house.login(name, shared=True).user for name in ("s1", "s2", "")} == {"user-1"}
    for name in ("s1", "s2"):
        house.leases.release(name)
    assert house.logins.revoked == []
    for _ in range(40):
        house.clock.advance(20)
    assert house.logins.renewed.count("lease-1") > 10
    assert house.logins.revoked == ["lease-1"], f"nobody used it for {IDLE} seconds"
    assert house.login("s3", shared=True).user == "user-2"


def test_it_is_renewed_while_the_session_lives_and_no_longer() -> None:
    house = House()
    house.login("s1")
    for _ in range(30):
        house.clock.advance(20)
    assert len(house.logins.renewed) >= 14 and house.lost == []
    house.leases.release("s1")
    house.clock.advance(1000)
    assert house.logins.revoked == ["lease-1"] and not house.clock.getDelayedCalls()


def test_a_session_ends_before_its_log_in_does() -> None:
    """The most that Vault allows is reached: the target would go on without rights, or not at all."""
    house = House()
    house.logins.most = 100.0
    house.login("s1")
    house.login("s2", shared=True)
    while not house.lost:
        house.clock.advance(1)
    assert house.clock.seconds() < 100
    house.clock.advance(10)
    assert sorted(session for session, _ in house.lost) == ["s1", "s2"]
    assert sorted(house.logins.revoked) == ["lease-1", "lease-2"]


def test_an_outage_is_waited_for_as_long_as_the_lease_lives() -> None:
    house = House()
    house.login("s1")
    house.logins.fault = SecretUnavailable("away", passing=True)
    house.clock.advance(50)
    house.logins.fault = None
    for _ in range(10):
        house.clock.advance(1)
    assert house.logins.renewed == ["lease-1"] and house.lost == []
    house.logins.fault = SecretUnavailable("away", passing=True)
    for _ in range(70):
        house.clock.advance(1)
    assert [session for session, _ in house.lost] == ["s1"]


def test_a_lease_that_vault_ended_ends_its_session() -> None:
    house = House()
    house.login("s1")
    house.logins.fault = SecretUnavailable("status 400")
    house.clock.advance(41)
    assert [session for session, _ in house.lost] == ["s1"]


def test_what_cannot_be_written_down_is_not_used() -> None:
    house = House()
    house.book.broken = True
    with pytest.raises(SecretUnavailable, match="written down"):
        house.login("s1")
    assert house.logins.revoked == ["lease-1"] and len(house.leases) == 0


def test_who_left_while_it_was_made_leaves_nothing_behind() -> None:
    """A client that gives up, or a time limit, must not orphan what Vault is about to answer."""
    house = House()
    house.logins.wait = Deferred()
    waiting = Deferred.fromCoroutine(house.leases.login(REFERENCE, "s1", False))
    waiting.addErrback(lambda failure: failure.trap(Exception) and None)
    waiting.cancel()
    house.leases.release("s1")
    house.logins.wait.callback(None)
    assert house.logins.revoked == ["lease-1"] and len(house.leases) == 0


def test_many_who_want_the_shared_one_at_once_make_one() -> None:
    house = House()
    house.logins.wait = Deferred()
    given: list[Any] = []
    for number in range(20):
        Deferred.fromCoroutine(house.leases.login(REFERENCE, f"s{number}", True)).addBoth(given.append)
    house.logins.wait.callback(None)
    assert len(given) == 20 and house.logins.made == ["lease-1"]


def test_who_left_while_the_shared_one_was_made_holds_it_no_more() -> None:
    """R11: or nobody would ever give it back, and a session that is over would be told when it ends."""
    house = House()
    house.logins.wait = Deferred()
    given: list[Any] = []
    for name in ("s1", "s2", ""):
        Deferred.fromCoroutine(house.leases.login(REFERENCE, name, True)).addBoth(given.append)
    house.leases.release("s1")
    house.logins.wait.callback(None)
    assert [isinstance(each, Login) for each in given] == [False, True, True]
    assert given[0].check(SecretUnavailable)
    house.leases.release("s2")
    for _ in range(40):
        house.clock.advance(20)
    assert house.logins.revoked == ["lease-1"] and len(house.leases) == 0 and not house.lost


def test_a_shared_one_that_the_target_refuses_is_replaced_once() -> None:
    house = House()
    first = house.login("s1", shared=True)
    house.leases.release("s1")
    assert house.leases.distrust(REFERENCE, first)
    assert not house.leases.distrust(REFERENCE, first)
    assert house.login("s2", shared=True).user == "user-2" and house.logins.revoked == ["lease-1"]
    own = house.login("s3")
    assert not house.leases.distrust(REFERENCE, own)


def test_revoking_that_fails_is_tried_again_and_bounded() -> None:
    house = House()
    house.login("s1")
    house.logins.fault = SecretUnavailable("away", passing=True)
    house.leases.release("s1")
    assert house.book.lines[-1] == ("owing", "lease-1")
    now(house.leases.start(["s0"]))
    house.book.waiting = [TargetLease("lease-1", REFERENCE, "s1", 1000.0, 1)]
    house.clock.advance(SWEEP)
    assert house.book.lines[-1] == ("owing", "lease-1")
    house.logins.fault = None
    house.book.waiting = [TargetLease("lease-1", REFERENCE, "s1", 1000.0, 2)]
    house.clock.advance(SWEEP)
    assert house.logins.revoked == ["lease-1"] and house.book.lines[-1] == ("done", "lease-1")
    tired = TargetLease("lease-2", REFERENCE, "s2", 1000.0, MOST_ATTEMPTS)
    over = TargetLease("lease-3", REFERENCE, "s3", 10.0, 1)
    house.book.waiting = [tired, over]
    house.clock.advance(SWEEP)
    assert house.book.lines[-2:] == [("done", "lease-2"), ("done", "lease-3")]
    assert house.leases.unrevoked == 2 and house.logins.revoked == ["lease-1"]
    now(house.leases.stop())


def test_stopping_gives_everything_back_and_makes_nothing_more() -> None:
    house = House()
    house.login("s1")
    house.login("", shared=True)
    now(house.leases.start())
    now(house.leases.stop())
    assert sorted(house.logins.revoked) == ["lease-1", "lease-2"] and not house.clock.getDelayedCalls()
    with pytest.raises(SecretUnavailable):
        house.login("s2")
