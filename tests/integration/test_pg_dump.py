"""pg_dump and pg_restore of both versions through the gateway: masked where a mask holds, else intact (M8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.support.programs import psql, run

# pg_dump 17 does not read a server of version 18: its own older server is in test_live_targets.py.
FORMS = (("plain",), ("plain", "--inserts"), ("plain", "--column-inserts", "--rows-per-insert=7"), ("custom",))
SECRETS = ("4111111111111111", "734-10-1000", "5555555555554444")


def dumped(house: House, who: str, file: Path, *arguments: str) -> None:
    run("pg_dump", 18, house.gateway.environ("shop", who), "--no-owner", "-f", str(file), *arguments).well()


def environ_of(house: House, database: str) -> dict[str, str]:
    server = house.server
    return {
        **house.gateway.environ("shop"),
        **{"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": LOGIN},
        **{"PGPASSWORD": PASSWORD, "PGDATABASE": database},
    }


def restored(house: House, name: str, file: Path, form: str) -> None:
    house.server.run(f"create database {name} owner {LOGIN}")
    house.server.run(f"alter schema public owner to {LOGIN}", name)
    environ = environ_of(house, name)
    if form == "custom":
        run("pg_restore", 18, environ, "--no-owner", "-d", name, str(file)).well()
    else:
        run("psql", 18, environ, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file)).well()


def contents(house: House, database: str) -> str:
    script = (
        "table customers order by id; table orders order by id; table api_keys order by id; table events order by id;"
    )
    return psql(18, environ_of(house, database), script.replace("table ", "select * from ")).well()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(form))
def test_a_dump_of_somebody_without_masks_restores_everything(
    house: House, form: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "dump"
    tables = [f"--table={name}" for name in ("customers", "orders", "api_keys", "events", "events_202?")]
    dumped(house, "bob", file, f"--format={form[0]}", *form[1:], *tables)
    name = f"restored_{abs(hash(form)) % 10**8}"
    restored(house, name, file, form[0])
    assert contents(house, name) == contents(house, house.database)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(form))
def test_a_dump_has_masked_values_and_restores(house: House, form: tuple[str, ...], tmp_path: Path) -> None:
    """M8: COPY TO STDOUT and cursors of a masked table."""
    file, text = tmp_path / "dump", tmp_path / "text"
    dumped(house, "ci", file, f"--format={form[0]}", *form[1:], "--table=customers", "--table=orders")
    if form[0] == "custom":
        run("pg_restore", 18, house.gateway.environ("shop"), "-f", str(text), str(file)).well()
    shown = (text if form[0] == "custom" else file).read_text()
    assert not [secret for secret in SECRETS if secret in shown]
    assert "************1111" in shown
    assert "Ada Lovelace" in shown
    name = f"masked_{abs(hash(form)) % 10**8}"
    restored(house, name, file, form[0])
    counted = psql(18, environ_of(house, name), "select count(*), count(card_number), sum(id) from customers").well()
    assert counted == "50|50|1275\n"
    orders = "select * from orders order by id"
    assert (
        psql(18, environ_of(house, name), orders).well() == psql(18, environ_of(house, house.database), orders).well()
    )


def test_a_dump_of_a_closed_table_fails_clearly(house: House, tmp_path: Path) -> None:
    house.server.run("create table forbidden_dump (id int)", house.database)
    house.server.run(f"alter table forbidden_dump owner to {LOGIN}", house.database)
    ran = run("pg_dump", 18, house.gateway.environ("shop"), "-f", str(tmp_path / "d"), "--table=forbidden_dump")
    assert ran.status != 0
    assert "this table is closed" in ran.err
