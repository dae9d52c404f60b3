"""The schema's history, run by alembic when the store is opened; see `twisted_hoop.store.migrate`."""
