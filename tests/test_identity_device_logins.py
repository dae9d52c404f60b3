"""Logins by device code: how many at once, what is shown, whom they prove."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.support.ssh_identity import ALICE
from tests.support.tokens import PEER
from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable
from twisted_hoop.identity.device import DeviceCode
from twisted_hoop.identity.device_logins import PER_ADDRESS, TOTAL, DeviceLogins, issuer_for_devices
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import IssuerSection, Settings
from twisted_hoop.testing import run_now

CODE = DeviceCode("d", "ABCD", "https://x.example/go", "https://x.example/go?c=ABCD", 120.0, 5.0)
CORP = IssuerSection(name="corp", issuer="https://x.example", audience=["hoop"], client_id="gateway")


class Flow:
    """Provides what DeviceFlow does."""

    def __init__(self) -> None:
        self.given: Deferred[tuple[str, ...]] = Deferred()
        self.failure: Exception | None = None
        self.code = CODE

    async def start(self) -> DeviceCode:
        if self.failure is not None:
            raise self.failure
        return self.code

    async def tokens(self, code: DeviceCode) -> tuple[str, ...]:
        return await self.given


class Door:
    """Knows one token."""

    async def authenticate(self, credential: str, peer: Peer) -> Principal:
        """See IIdentityProvider."""
        if credential != "good":
            raise AuthenticationFailed(f"{credential} proves nobody")
        return ALICE


class World:
    def __init__(self) -> None:
        self.section: IssuerSection | None = CORP
        self.flows: list[Flow] = []
        self.flow = Flow()
        self.logins = DeviceLogins(lambda: self.section, self._make, Door)

    def _make(self, section: IssuerSection) -> Any:
        self.flows.append(self.flow)
        return self.flow

    def begin(self, peer: Peer = PEER) -> Any:
        return run_now(self.logins.begin(peer))


def test_what_the_person_is_told() -> None:
    text = World().begin().text
    assert "https://x.example/go?c=ABCD" in text and "ABCD" in text and "2 min" in text and text.endswith("\n")
    world = World()
    world.flow.code = DeviceCode("d", "ABCD", "https://x.example/go", "", 5.0, 5.0)
    assert "enter the code" in world.begin().text


@pytest.mark.parametrize("tokens", [("good",), ("opaque", "good"), ("good", "bad")], ids=str)
def test_a_token_that_proves_somebody_is_the_login(tokens: tuple[str, ...]) -> None:
    world = World()
    pending = world.begin()
    found: list[Any] = []
    Deferred.fromCoroutine(pending.wait()).addBoth(found.append)
    assert found == []
    world.flow.given.callback(tokens)
    assert found == [ALICE]
    pending.close()


def test_I8_tokens_that_prove_nobody_are_no_login() -> None:
    world = World()
    pending = world.begin()
    world.flow.given.callback(("one", "two"))
    with pytest.raises(AuthenticationFailed, match="one proves nobody"):
        run_now(pending.wait())


def test_S7_so_many_at_once_and_no_more() -> None:
    world = World()
    mine = [world.begin() for _ in range(PER_ADDRESS)]
    with pytest.raises(AuthenticationFailed, match="too many"):
        world.begin()
    others = [world.begin(Peer(f"198.51.100.{n}")) for n in range(TOTAL - PER_ADDRESS)]
    with pytest.raises(AuthenticationFailed, match="too many"):
        world.begin(Peer("203.0.113.1"))
    mine[0].close()
    mine[0].close()
    assert world.begin()
    for each in (*mine[1:], *others):
        each.close()
    assert world.logins._waiting.total() == 1


def test_a_start_that_fails_leaves_nothing_behind() -> None:
    world = World()
    world.flow.failure = IssuerUnavailable("away")
    for _ in range(TOTAL):
        with pytest.raises(IssuerUnavailable):
            world.begin()
    assert world.logins._waiting.total() == 0


def test_closing_ends_the_questions() -> None:
    world = World()
    pending = world.begin()
    found: list[Any] = []
    Deferred.fromCoroutine(pending.wait()).addBoth(found.append)
    pending.close()
    assert world.flow.given.called and found[0].type.__name__ == "CancelledError"


def test_a_reload_changes_where_people_go() -> None:
    world = World()
    world.begin(), world.begin()
    assert len(world.flows) == 1
    world.section = CORP.model_copy(update={"client_id": "other"})
    world.begin()
    assert len(world.flows) == 2
    world.section = None
    with pytest.raises(AuthenticationFailed, match="no issuer"):
        world.begin()


def test_which_issuer_it_is() -> None:
    plain = IssuerSection(name="plain", issuer="https://p.example", audience=["hoop"])
    other = IssuerSection(name="other", issuer="https://o.example", audience=["hoop"], client_id="x")
    settings = Settings(issuers=[plain, CORP, other])
    assert issuer_for_devices(settings, "") == CORP and issuer_for_devices(settings, "other") == other
    assert issuer_for_devices(settings, "plain") is None and issuer_for_devices(Settings(), "") is None
