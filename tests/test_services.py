"""What a session is given: frozen, and nothing stands against a session unless somebody says so."""

from __future__ import annotations

import dataclasses

import pytest

from twisted_hoop.services import Services
from twisted_hoop.sessions import Sessions
from twisted_hoop.testing import FakeApprover, FakeGate, FakePolicy, FakeRecorder
from twisted_hoop.testing.fakes import make_session


def test_services_are_frozen_and_object_to_nothing() -> None:
    policy = FakePolicy()
    services: Services[str] = Services(
        None,
        FakeGate(),
        lambda: policy,
        lambda session: frozenset(),
        lambda name: f"hall of {name}",
        FakeRecorder(),
        FakeApprover(),
        Sessions(),
        lambda session, outcome, commands: None,
    )
    assert services.objection(make_session()) == "" and services.meter is None and services.hall("x") == "hall of x"
    with pytest.raises(dataclasses.FrozenInstanceError):
        services.reactor = object()  # type: ignore[misc]
