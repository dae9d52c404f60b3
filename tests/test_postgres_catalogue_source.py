"""The catalogue of a real server, read when it is needed and again when its time has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop
from tests.support.postgres import Server, load_shop
from twisted_hoop.identity.scram_keys import SaltedPasswords
from twisted_hoop.policy.sql import SqlReader
from twisted_hoop.postgres.catalogue_source import CatalogueSource
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.target import TargetDoor
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.settings import MaskSection, TargetSection
from twisted_hoop.transport import client_endpoint

DATABASE = "catalogue_source"


@dataclass
class Place:
    """A database of the module's own, and how sources for it are made."""

    server: Server
    loop: Loop
    folder: Path

    def source(self, interval: float) -> CatalogueSource:
        section = TargetSection(
            name="shop",
            protocol="postgres",
            endpoint=f"tcp:{self.server.host}:{self.server.port}",
            login=self.server.user,
            secret="env:PASSWORD",
            tls="disable",
        )
        reactor = self.loop.reactor
        vault = SecretStore(reactor, {"PASSWORD": self.server.password}, root=self.folder)
        endpoint = client_endpoint(reactor, section.endpoint)
        door = TargetDoor(reactor, section, endpoint, vault, None, SaltedPasswords())
        masks = [MaskSection(name="ssn", columns=[r".*\.ssn"])]
        knowledge = Knowledge(SqlReader(), masks, b"k" * 32)
        return CatalogueSource(reactor, door, DATABASE, knowledge, self.folder / "bindings.json", interval)

    def names(self, source: CatalogueSource) -> set[str]:
        return {r.name for r in source.knowledge.catalogue.relations.values()}


@pytest.fixture
def place(postgres: Server, loop: Loop, tmp_path: Path) -> Iterator[Place]:
    load_shop(postgres.create_database(DATABASE))
    yield Place(postgres, loop, tmp_path)
    postgres.run(f"drop database {DATABASE} with (force)")


def wait_for(look: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_read_when_asked(place: Place) -> None:
    source = place.source(60)
    assert source.knowledge.stale
    place.loop.run(source.refresh)
    assert not source.knowledge.stale
    assert {"customers", "orders"} <= place.names(source)


def test_what_is_as_it_was_is_not_learnt_again(place: Place) -> None:
    source = place.source(60)
    place.loop.run(source.refresh)
    catalogue = source.knowledge.catalogue
    reading = source.knowledge.reading("select id, ssn from customers", ("public",))
    source.knowledge.invalidate()
    place.loop.run(source.refresh)
    assert not source.knowledge.stale
    assert source.knowledge.catalogue is catalogue
    assert source.knowledge.reading("select id, ssn from customers", ("public",)) is reading


def test_a_change_past_the_gateway_is_noticed_while_it_is_used(place: Place) -> None:
    """M1: names that were swapped at the server are not trusted for longer than the interval."""
    source = place.source(0.2)
    place.loop.run(source.refresh)
    place.server.run("alter table customers rename to clients", DATABASE)

    def noticed() -> bool:
        source.knowledge.reading("select 1", None)
        return "clients" in place.names(source)

    wait_for(noticed)
    assert not source.knowledge.stale


def test_what_nobody_uses_is_read_before_it_is_used_again(place: Place) -> None:
    source = place.source(0.2)
    place.loop.run(source.refresh)
    assert not source.knowledge.stale
    wait_for(lambda: source.knowledge.stale)


def test_a_server_that_cannot_be_read_makes_it_stale(place: Place) -> None:
    source = place.source(0.2)
    place.loop.run(source.refresh)
    source.knowledge.used = True
    place.server.run(f"alter database {DATABASE} rename to elsewhere")
    try:
        wait_for(lambda: source.knowledge.stale)
    finally:
        place.server.run(f"alter database elsewhere rename to {DATABASE}")
