"""One try to connect: what becomes of it when something is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_house import AgentHouse
from tests.support.gateway import wait_for
from twisted_hoop.agent.attachment import Attaching
from twisted_hoop.agent.known import KnownGateway, read_known
from twisted_hoop.errors import AuthenticationFailed, HoopError
from twisted_hoop.testing.agents import FakeAgentCredentials


@pytest.fixture
def house(loop: Any, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path)
    house.open()
    yield house
    house.close()


def attach(house: AgentHouse, **more: Any) -> Any:
    """Try once."""
    plan = house.plan("office", **more)
    return house.loop.run(lambda: Attaching(house.loop.reactor, plan).attach())


def test_the_gateways_keys_are_kept(house: AgentHouse) -> None:
    made = attach(house)
    lines = (house.authority.host_key.public.line, house.authority.host_ca.line)
    assert read_known(house.folder) == lines
    house.loop.run(made.close)
    again = attach(house, known=KnownGateway(lines))
    house.loop.run(again.close)
    assert "leaves" in house.loop.run(lambda: again.ended)


def test_a_token_nobody_knows(house: AgentHouse) -> None:
    with pytest.raises(AuthenticationFailed, match="does not accept what this agent shows"):
        attach(house, credentials=FakeAgentCredentials("wrong"))
    assert read_known(house.folder) == ()


def test_a_first_certificate_that_is_not_given(house: AgentHouse) -> None:
    with pytest.raises(AuthenticationFailed, match="no certificate"):
        attach(house, credentials=FakeAgentCredentials("office-token", "ssh-ed25519 AAAA"))
    wait_for(lambda: house.links("office") == 0, "nothing left")


def test_one_that_is_of_no_use(house: AgentHouse) -> None:
    class Picky(FakeAgentCredentials):
        async def renewed(self, certificate: str) -> None:
            raise ValueError("not for this key")

    house.door.certificates = ["another's"]
    with pytest.raises(AuthenticationFailed, match="not for this key"):
        attach(house, credentials=Picky("office-token", "ssh-ed25519 AAAA"))


def test_nothing_to_show(house: AgentHouse) -> None:
    class Empty(FakeAgentCredentials):
        async def current(self) -> Any:
            raise AuthenticationFailed("no token is left")

    with pytest.raises(HoopError, match="no token is left"):
        attach(house, credentials=Empty(""))
