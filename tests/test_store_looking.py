"""A look at a store changes nothing."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import delete

from tests.support.loop import Loop
from tests.support.postgres import Server
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.store.agents import installations
from twisted_hoop.store.database import Database
from twisted_hoop.store.looking import look, read
from twisted_hoop.store.migrate import newest
from twisted_hoop.store.tables import agents


def made(url: str, loop: Loop) -> None:
    database = Database(url, loop.reactor)
    database.start()
    database.stop()


def test_sqlite_before_and_after_its_first_start(tmp_path: Path, loop: Loop) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    assert look(url).revision == "" and look(url).writable and list(tmp_path.iterdir()) == []
    made(url, loop)
    assert look(url).revision == look(url).newest == newest() > "0005"
    (tmp_path / "store.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnavailable):
        look(url)


def test_postgresql_and_a_role_that_may_not_write(postgres: Server, loop: Loop) -> None:
    postgres.create_database("looked")
    postgres.create_login("onlooker", "hunter2")
    address = f"{postgres.host}:{postgres.port}/looked"
    url = f"postgresql://{postgres.user}:{postgres.password}@{address}"
    assert look(url).revision == "" and look(url).writable and look(url).now > 1e9
    with psycopg.connect(postgres.dsn_for("looked")) as connection:
        assert connection.execute("select count(*) from pg_class where relname = 'alembic_version'").fetchone() == (0,)
    made(url, loop)
    postgres.run("grant select on alembic_version to onlooker", "looked")
    assert look(url).revision == newest() and not look(f"postgresql://onlooker:hunter2@{address}").writable


def test_what_is_read_is_read_alone(tmp_path: Path, loop: Loop, postgres: Server) -> None:
    """Of another schema, or before the first start, there is nothing to read; and nothing can be written by it."""
    postgres.create_database("read_alone")
    server = f"postgresql://{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}/read_alone"
    for url in (f"sqlite:///{tmp_path}/store.db", server):
        assert read(url, installations) is None
        made(url, loop)
        assert read(url, installations) == []
    with pytest.raises(StoreUnavailable, match="OperationalError"):
        read(f"sqlite:///{tmp_path}/store.db", lambda connection: connection.execute(delete(agents)))


def test_r11_what_fails_shows_no_part_of_the_url(postgres: Server) -> None:
    for url in (f"postgresql://x:hunter2@{postgres.host}:{postgres.port}/x", "postgresql://x:hunter2@127.0.0.1:1/x"):
        with pytest.raises(StoreUnavailable) as caught:
            look(url)
        assert "hunter2" not in str(caught.value) and caught.value.__cause__ is None
    with pytest.raises(StoreUnavailable):
        look("hunter2")
