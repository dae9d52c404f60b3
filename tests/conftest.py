"""Fixtures every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Server, load_shop, start_postgres


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
