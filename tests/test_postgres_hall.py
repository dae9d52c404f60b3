"""One target as it is offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.support.targets import hall_of, section_of
from twisted_hoop.errors import UnknownTarget
from twisted_hoop.settings import MaskSection
from twisted_hoop.targets import target_of_section


def test_which_databases_are_offered(loop: Loop, postgres: Server, tmp_path: Path) -> None:
    hall = hall_of(loop.reactor, postgres, tmp_path, database="shop", databases=["sales"])
    assert [hall.database(asked) for asked in ("", "shop", "sales")] == ["shop", "shop", "sales"]
    with pytest.raises(UnknownTarget):
        hall.database("template1")
    assert hall_of(loop.reactor, postgres, tmp_path, databases=["*"]).database("any") == "any"
    assert hall_of(loop.reactor, postgres, tmp_path, database="").database("") == "shop"


def test_what_is_known_of_a_database_is_shared(loop: Loop, postgres: Server, tmp_path: Path) -> None:
    hall = hall_of(loop.reactor, postgres, tmp_path)
    assert hall.source("shop") is hall.source("shop")
    assert hall.source("shop") is not hall.source("sales")


def test_a_reload_that_changes_nothing_is_seen(loop: Loop, postgres: Server, tmp_path: Path) -> None:
    mask = MaskSection(name="cards", detect=["card"])
    hall = hall_of(loop.reactor, postgres, tmp_path, [mask])
    assert hall.same(section_of(postgres), [MaskSection(name="cards", detect=["card"])])
    assert not hall.same(section_of(postgres), [])
    assert not hall.same(section_of(postgres, read_only=True), [mask])


def test_the_models_target(postgres: Server) -> None:
    section = section_of(postgres, groups=["dba"], labels={"env": "test"}, limits={"idle": "5m", "sessions": 3})
    target = target_of_section(section)
    assert (target.name, target.groups, target.login) == ("shop", {"dba"}, postgres.user)
    assert (target.limits.idle, target.limits.sessions, target.limits.statements) == (300.0, 3, 1000)
    assert target.options["labels"] == {"env": "test"}
