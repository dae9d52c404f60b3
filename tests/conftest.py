"""Fixtures every test may use."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.api import Api, listening_api
from tests.support.approvals import Office, Time, open_office
from tests.support.archive import Archive
from tests.support.loop import Loop, running_loop
from tests.support.moto import Moto, running_moto
from tests.support.postgres import Server, load_shop, start_postgres
from tests.support.s3 import Seaweed, running_seaweed
from tests.support.ssh_house import SshHouse, ssh_house
from tests.support.visitor import ConsoleHouse, console_house
from twisted_hoop.store.database import Database

# Machines are shared: how long one example takes says nothing, and must not fail a test.
# In CI the examples are the same every time: what is new there is the code. By hand they are new each time.
hypothesis.settings.register_profile(
    "shared",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("shared")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so whatever they start: here it counts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL 18 server for the whole test session (one per xdist worker); make databases of your own in it."""
    server = start_postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shop(postgres: Server) -> str:
    """The dsn of the shop database, as superuser. To be read, not changed."""
    dsn = postgres.create_database("shop")
    load_shop(dsn)
    return dsn


@pytest.fixture(scope="session")
def house_of_ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHouse]:
    """A gateway between real ssh and sshd for the whole test session (one per xdist worker)."""
    with ssh_house(tmp_path_factory.mktemp("ssh")) as house:
        yield house


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    """A reactor that runs in a thread of its own, one for each module of tests."""
    with running_loop() as running:
        yield running


@pytest.fixture(scope="session")
def _store_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store: migrating one costs more than copying it."""
    path = tmp_path_factory.mktemp("store") / "hoop.db"
    database = Database(f"sqlite:///{path}", None)
    database.start()
    database.stop()
    return path


@pytest.fixture
def store_url(tmp_path: Path, _store_template: Path) -> str:
    """The URL of an empty SQLite store of one's own."""
    shutil.copy(_store_template, tmp_path / "hoop.db")
    return f"sqlite:///{tmp_path}/hoop.db"


@pytest.fixture
def office(store_url: str, loop: Loop) -> Iterator[Office]:
    """Approver and desk over a store of one's own, with a clock that stands."""
    opened = open_office(store_url, loop.reactor, Time())
    yield opened
    opened.database.stop()


@pytest.fixture
def api(office: Office, loop: Loop, tmp_path: Path) -> Iterator[Api]:
    """The API over that office, on a loopback port."""
    with listening_api(office, loop, tmp_path / "state") as listening:
        yield listening


@pytest.fixture
def console(office: Office, loop: Loop, tmp_path: Path) -> Iterator[ConsoleHouse]:
    """The console over that office, with a provider of its own, on a loopback port."""
    with console_house(office, loop, tmp_path / "state") as house:
        yield house


@pytest.fixture
def archive(office: Office, tmp_path: Path) -> Archive:
    """A folder of recordings and what becomes of them."""
    return Archive(office, tmp_path / "state")


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A real server that speaks S3 for the whole test session (one per xdist worker)."""
    with running_seaweed(tmp_path_factory.mktemp("seaweed")) as running:
        yield running


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """AWS as moto imitates it, for the whole test session (one per xdist worker)."""
    with running_moto(tmp_path_factory.mktemp("moto")) as running:
        yield running
