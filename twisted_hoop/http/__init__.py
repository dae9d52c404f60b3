"""HTTP/1.1 between clients and targets, request by request (RFC 9110, 9112): engine, and dialect of plain APIs."""
