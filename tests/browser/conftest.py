"""One gateway, one provider and one browser for the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from tests.integration.conftest import LOGIN, PASSWORD, gateway_database  # noqa: F401  (a fixture)
from tests.integration.plans import house_plan
from tests.support.console import World, chromium, console_world
from tests.support.ssh_gateway import ALLOW, SshPlace
from tests.support.ssh_gateway import _plan as ssh_plan
from tests.support.sshd import make_key, public_line, running_sshd


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The gateway before the shop, with a console."""
    server, database = request.getfixturevalue("postgres"), request.getfixturevalue("gateway_database")
    plan = house_plan(server, database, LOGIN, PASSWORD)
    folder = tmp_path_factory.mktemp("console")
    with (
        running_sshd(folder / "sshd", [public_line(make_key(folder / "login"))]) as sshd,
        console_world(folder / "world", replace(plan, text=plan.text + ssh_plan(folder, sshd, ALLOW, ""))) as running,
    ):
        running.ssh = SshPlace(folder, running.gateway, sshd, plan)
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    with chromium() as running:
        yield running
