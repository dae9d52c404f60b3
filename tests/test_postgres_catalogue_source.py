"""What is known of a database is read from it, once for all who ask, and remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults

from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.support.targets import door_of, hall_of, section_of
from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.catalogue_source import CatalogueSource
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.postgres import knowledge_of

CARDS = MaskSection(name="cards", columns=[r".*\.card_number"])


def test_the_catalogue_is_read_and_what_was_bound_is_remembered(
    loop: Loop, postgres: Server, shop: str, tmp_path: Path
) -> None:
    source = hall_of(loop.reactor, postgres, tmp_path / "memory", [CARDS]).source("shop")
    assert source.knowledge.stale
    assert source.old()
    loop.run(source.refresh)
    assert not source.knowledge.stale
    assert not source.old()
    assert source.knowledge.catalogue.candidates("public", "customers")
    [file] = (tmp_path / "memory").iterdir()
    again = CatalogueSource(loop.reactor, door_of(loop.reactor, section_of(postgres), ""), "shop", knowledge_of(), file)
    assert again.knowledge.remembered == source.knowledge.remembered != frozenset()


def test_many_who_ask_at_once_cause_one_reading(loop: Loop, postgres: Server, shop: str, tmp_path: Path) -> None:
    source = hall_of(loop.reactor, postgres, tmp_path).source("shop")
    door: Any = source._door
    opened: list[str] = []
    open_door = door.open

    def counted(database: str, parameters: dict[str, str]) -> Any:
        opened.append(database)
        return open_door(database, parameters)

    door.open = counted
    loop.run(lambda: gatherResults([Deferred.fromCoroutine(source.refresh()) for _ in range(5)]))
    assert opened == ["shop"]


def test_without_a_catalogue_nothing_is_judged(loop: Loop, postgres: Server, tmp_path: Path) -> None:
    """Everybody who waited is told, and the next one tries again."""
    source = hall_of(loop.reactor, postgres, tmp_path).source("nowhere")

    async def both() -> list[Any]:
        works = [Deferred.fromCoroutine(source.refresh()) for _ in range(2)]
        return [await work.addErrback(lambda failure: failure.value) for work in works]

    assert all(isinstance(error, ProtocolError) for error in loop.run(both))
    assert source.knowledge.stale
    with pytest.raises(ProtocolError):
        loop.run(source.refresh)


def test_a_fault_of_any_kind_is_told_to_all_and_forgotten(loop: Loop, postgres: Server, tmp_path: Path) -> None:
    """Were it not, everybody who asks later would wait for ever for a reading that is over."""
    source = hall_of(loop.reactor, postgres, tmp_path).source("nowhere")
    door: Any = source._door

    async def broken(database: str, parameters: dict[str, str]) -> Any:
        raise RuntimeError("not a protocol's")

    door.open = broken
    for _ in range(2):
        with pytest.raises(RuntimeError):
            loop.run(source.refresh)
