"""One PostgreSQL and one gateway for all tests of a worker. Tests that stop or change a gateway start their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.plans import house_plan
from tests.support.gateway import Gateway, start_gateway
from tests.support.kube.place import KubePlace, kube_place
from tests.support.postgres import Server, load_shop

LOGIN, PASSWORD = "gateway", "password-of-the-gateway"


@dataclass(frozen=True)
class House:
    """A database, and a gateway before it."""

    server: Server
    gateway: Gateway
    database: str

    def direct(self) -> str:
        """The dsn of a connection past the gateway, as the role the gateway logs in as."""
        return self.server.dsn_for(self.database, LOGIN, PASSWORD)

    def dsn(self, who: str = "ci", target: str = "shop", **more: str) -> str:
        """The dsn of a connection through the gateway."""
        return self.gateway.dsn(target, who, **more)


def make_shop(postgres: Server, name: str) -> str:
    """A database with the shop in it, owned by the role the gateway logs in as; its name."""
    postgres.create_login(LOGIN, PASSWORD)
    postgres.run(f"create database {name} owner {LOGIN}")
    postgres.run(f"alter schema public owner to {LOGIN}", name)
    load_shop(postgres.dsn_for(name, LOGIN, PASSWORD))
    for table in ("held_rows", "brief_rows", "retried_rows"):
        postgres.run(f"create table {table} (id int, note text)", name)
        postgres.run(f"alter table {table} owner to {LOGIN}", name)
    return name


@pytest.fixture(scope="session")
def gateway_database(postgres: Server) -> str:
    """The database of the tests here."""
    return make_shop(postgres, "through")


@pytest.fixture(scope="session")
def house(postgres: Server, gateway_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The shared gateway. Tables in it are made by the tests that use them, with names of their own."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    gateway = start_gateway(folder, house_plan(postgres, gateway_database, LOGIN, PASSWORD))
    yield House(postgres, gateway, gateway_database)
    gateway.stop()
    assert any("Server Shut Down" in str(line["message"]) for line in gateway.lines()[-3:])


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubePlace]:
    """The shared gateway before a cluster (HOOP_TEST_KUBECONFIG names a real one); modules take a `fresh` one of it."""
    with kube_place(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running
