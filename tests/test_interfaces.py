"""Interfaces and those who provide them: every method is there, with the arguments that callers use."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from zope.interface import Interface
from zope.interface.verify import verifyClass

from twisted_hoop import interfaces
from twisted_hoop.approval.approver import Approver
from twisted_hoop.gate import Gate
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.replay import ReplayGuard
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.postgres.relay import PostgresRelay
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.recording.recording import Recording
from twisted_hoop.secrets.store import SecretStore

PROVIDERS = {
    interfaces.IIdentityProvider: IdentityProvider,
    interfaces.IScramProvider: IdentityProvider,
    interfaces.ISshIdentityProvider: IdentityProvider,
    interfaces.IReplayGuard: ReplayGuard,
    interfaces.ISecretStore: SecretStore,
    interfaces.IPolicy: RulePolicy,
    interfaces.IApprover: Approver,
    interfaces.IGate: Gate,
    interfaces.IRelay: PostgresRelay,
    interfaces.IRecorder: Recorder,
    interfaces.IRecording: Recording,
}


@pytest.mark.parametrize(("interface", "provider"), PROVIDERS.items(), ids=[p.__name__ for p in PROVIDERS.values()])
def test_a_provider_keeps_its_contract(interface: Any, provider: type) -> None:
    assert verifyClass(interface, provider)


def test_every_method_says_what_it_promises() -> None:
    for _, interface in inspect.getmembers(interfaces, lambda found: isinstance(found, type(Interface))):
        if interface is Interface:
            continue
        assert interface.__doc__, interface
        for name in interface.names():
            assert interface[name].__doc__, f"{interface.__name__}.{name}"


def test_they_stand_in_one_file() -> None:
    """Read that one and you know the program."""
    package = Path(interfaces.__file__).parent
    others = [
        path for path in package.rglob("*.py") if "(Interface)" in path.read_text() and path.name != "interfaces.py"
    ]
    assert [path.name for path in others] == ["start.py"], "how transports offer TLS is theirs alone"
