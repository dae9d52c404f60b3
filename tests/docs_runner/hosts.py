"""The `hoop` command on a machine whose hosts file knows the gateway of the pages.

    HOOP_TEST_HOSTS="hoop.example.com:8443=40001 …" python -m tests.docs_runner.hosts whoami

Names, certificates and addresses are those of the page; only where a connection goes is this machine's. psql is told by
PGHOSTADDR and PGPORT, curl by `connect-to` in its .curlrc, ssh by HostName.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from twisted_hoop.cli.main import main


def routes_of(text: str) -> Mapping[tuple[str, int], int]:
    """(host, port of the page) → port of loopback."""
    found = {}
    for word in text.split():
        where, _, real = word.partition("=")
        host, _, port = where.rpartition(":")
        found[host, int(port)] = int(real)
    return found


def resolve_as(routes: Mapping[tuple[str, int], int]) -> None:
    """Have this process find them; every other name is looked up as ever."""
    usual = socket.getaddrinfo

    def found(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        real = routes.get((host.decode() if isinstance(host, bytes) else host, int(port or 0)))
        return usual("127.0.0.1", real, *arguments, **options) if real else usual(host, port, *arguments, **options)

    socket.getaddrinfo = found


if __name__ == "__main__":
    resolve_as(routes_of(os.environ.get("HOOP_TEST_HOSTS", "")))
    main()
