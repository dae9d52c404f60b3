"""PostgreSQL: messages and relay are pure, server is Twisted."""
