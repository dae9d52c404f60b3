"""What replicas share: tables, migrations and a database that is worked with in threads of its own."""
