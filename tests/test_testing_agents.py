"""The fakes keep the promises of the interfaces."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from twisted_hoop.interfaces import IAgentCredentials, IAgentDoor
from twisted_hoop.testing.agents import FakeAgentCredentials, FakeAgentDoor


def test_they_provide_what_they_say() -> None:
    assert verifyObject(IAgentDoor, FakeAgentDoor({}))
    assert verifyObject(IAgentCredentials, FakeAgentCredentials("x"))
