"""This process as one of several on one store: its lease, what it follows, what it hears and tells."""
