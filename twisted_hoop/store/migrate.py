"""Bring a database to the newest schema. Safe to run at every start, and by several processes at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x686F6F70  # "hoop": any number does that other users of the database do not use


def upgrade(connection: Connection) -> None:
    """Run what is missing, inside the connection's open transaction, which must already exclude other writers.

    On SQLite the caller's BEGIN IMMEDIATE does that; on PostgreSQL the advisory lock, held to the transaction's end.
    """
    # Imported here: alembic costs a tenth of a second, and only a start needs it.
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def newest() -> str:
    """The revision that `upgrade` leads to."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(_SCRIPTS)).get_current_head() or ""
