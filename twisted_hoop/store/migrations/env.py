"""What alembic runs: it is given a connection whose transaction its caller opened, and migrates within it."""

from __future__ import annotations

from alembic import context

from twisted_hoop.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
