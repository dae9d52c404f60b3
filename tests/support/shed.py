"""What a gateway needs to refuse people at: every protocol that has words for it, and one target."""

from __future__ import annotations

PLAN = """
[[listeners]]
name = "ssh"
protocol = "ssh"
endpoint = "tcp:0:interface=127.0.0.1"
[[listeners]]
name = "web"
protocol = "http"
endpoint = "tcp:0:interface=127.0.0.1"
tls = "optional"
[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:127.0.0.1:{port}"
database = "postgres"
login = "turned"
secret = "env:SECRET"
tls = "disable"
groups = ["*"]
[[rules]]
name = "all"
effect = "allow"
"""
