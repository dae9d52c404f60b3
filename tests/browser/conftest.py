"""One gateway, one provider and one browser for the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.integration.conftest import LOGIN, PASSWORD, gateway_database  # noqa: F401  (a fixture)
from tests.integration.plans import house_plan
from tests.support.console import World, chromium, console_world


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The gateway before the shop, with a console."""
    server, database = request.getfixturevalue("postgres"), request.getfixturevalue("gateway_database")
    plan = house_plan(server, database, LOGIN, PASSWORD)
    with console_world(tmp_path_factory.mktemp("console"), plan) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    with chromium() as running:
        yield running
