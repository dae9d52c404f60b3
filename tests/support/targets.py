"""A real PostgreSQL server as the gateway sees its targets: sections, doors, halls and what sessions need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.postgres import Server
from twisted_hoop.identity.scram_keys import SaltedPasswords
from twisted_hoop.model import Outcome, Session
from twisted_hoop.postgres.hall import Hall
from twisted_hoop.postgres.target import TargetDoor
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.services import Services
from twisted_hoop.sessions import Sessions
from twisted_hoop.settings import MaskSection, TargetSection
from twisted_hoop.sql.reader import SqlReader
from twisted_hoop.testing import FakeApprover, FakeGate, FakePolicy, FakeRecorder
from twisted_hoop.transport import client_endpoint


def section_of(server: Server, **more: Any) -> TargetSection:
    """The target `shop`, whose secret is `env:PW`."""
    given = {
        "name": "shop",
        "protocol": "postgres",
        "endpoint": f"tcp:{server.host}:{server.port}",
        "database": "postgres",
        "login": server.user,
        "secret": "env:PW",
        "tls": "disable",
        "groups": ["*"],
        **more,
    }
    return TargetSection.model_validate(given)


def door_of(reactor: Any, section: TargetSection, password: str) -> TargetDoor:
    """A door that knows this password."""
    secrets = SecretStore(reactor, {"PW": password})
    return TargetDoor(reactor, section, client_endpoint(reactor, section.endpoint), secrets, None, SaltedPasswords())


def hall_of(reactor: Any, server: Server, folder: Path, masks: Sequence[MaskSection] = (), **more: Any) -> Hall:
    """A hall over the server."""
    section = section_of(server, **more)
    return Hall(reactor, section, door_of(reactor, section, server.password), SqlReader(), masks, b"k" * 32, folder)


class House:
    """Services for sessions on one hall, with fakes in all other places; `told` is what the observer was told."""

    def __init__(self, reactor: Any, hall: Hall) -> None:
        self.policy = FakePolicy()
        self.gate = FakeGate()
        self.recorder = FakeRecorder()
        self.approver = FakeApprover()
        self.sessions = Sessions()
        self.told: list[tuple[str, int]] = []
        self.services = Services(
            reactor,
            self.gate,
            lambda: self.policy,
            lambda session: frozenset(),
            lambda name: hall,
            self.recorder,
            self.approver,
            self.sessions,
            self._observe,
        )

    def _observe(self, session: Session, outcome: Outcome | None, commands: int) -> None:
        self.told.append((outcome.code if outcome is not None else "opened", commands))
