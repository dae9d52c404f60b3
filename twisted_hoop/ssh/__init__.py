"""SSH: a server for clients, a client for targets, and the pure relays between their channels (RFC 4250 to 4254)."""
