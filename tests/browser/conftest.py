"""One gateway, one provider and one browser for the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from tests.integration.conftest import LOGIN, PASSWORD, make_shop
from tests.integration.plans import house_plan
from tests.support.console import World, chromium, console_world
from tests.support.postgres import Server
from tests.support.ssh_gateway import ALLOW, SshPlace
from tests.support.ssh_gateway import _plan as ssh_plan
from tests.support.sshd import make_key, public_line, running_sshd


@pytest.fixture(scope="session")
def world(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The gateway before the shop, with a console."""
    plan = house_plan(postgres, make_shop(postgres, "seen"), LOGIN, PASSWORD)
    folder = tmp_path_factory.mktemp("console")
    with (
        running_sshd(folder / "sshd", [public_line(make_key(folder / "login"))]) as sshd,
        console_world(folder / "world", replace(plan, text=plan.text + ssh_plan(folder, sshd, ALLOW, ""))) as running,
    ):
        running.ssh = SshPlace(folder, running.gateway, sshd, plan)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium. It makes this thread count as running an event loop, which other modules must not see."""
    with chromium() as running:
        yield running
