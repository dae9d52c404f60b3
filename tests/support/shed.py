"""What a gateway needs to refuse people at: every protocol that has words for it, and one target."""

from __future__ import annotations

from tests.support.sections import ALL, listener

PLAN = (
    listener("ssh", "ssh")
    + listener("web", "http", more='tls = "optional"\n')
    + """\
[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:127.0.0.1:{port}"
database = "postgres"
login = "turned"
secret = "env:SECRET"
tls = "disable"
groups = ["*"]
"""
    + ALL
)
