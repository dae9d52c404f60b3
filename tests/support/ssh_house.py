"""The gateway that tests of SSH share: one set of rules with something of everything, and a server to forward to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.ssh_gateway import SshPlace, ssh_gateway

_RULES = """\
[[rules]]
name = "nothing is removed"
effect = "deny"
reason = "files are not removed here"
programs = ["rm"]
[[rules]]
name = "no secrets"
effect = "deny"
reason = "these are secret"
paths = ["/etc/shadow.*"]
[[rules]]
name = "deploys"
effect = "review"
reason = "production"
commands = ["deploy-thing( .*)?"]
approvers = ["dba"]
wait = "60s"
[[rules]]
name = "retried"
effect = "review"
commands = ["retry-thing( .*)?"]
approvers = ["dba"]
wait = "0s"
[[rules]]
name = "echo server"
effect = "allow"
classes = ["forward"]
destinations = ["127.0.0.1:{echo}", "unix:{folder}/echo.sock"]
record_content = true
[[rules]]
name = "hosts by name"
effect = "allow"
classes = ["forward"]
destinations = [".*"]
[[rules]]
name = "listen on a free port"
effect = "allow"
classes = ["listen"]
destinations = ["localhost:0"]
[[rules]]
name = "the rest"
effect = "allow"
classes = ["exec", "shell", "subsystem", "transfer", "file-.*", "dynamic", "unknown"]
"""


@dataclass
class SshHouse(SshPlace):
    """An SshPlace with an echo server beside its sshd: `echo` is its port, `echo.sock` in its folder the same."""

    echo: int = 0


@contextlib.contextmanager
def ssh_house(folder: Path, agent: str = "") -> Iterator[SshHouse]:
    """See the module; `agent` as for `ssh_gateway`."""
    folder.mkdir(parents=True, exist_ok=True)
    with echo_server(folder / "echo.sock") as port:
        rules = _RULES.replace("{echo}", str(port)).replace("{folder}", str(folder))
        with ssh_gateway(folder, rules, agent=agent) as place:
            yield SshHouse(place.folder, place.gateway, place.sshd, place.plan, place.between, port)


@contextlib.contextmanager
def echo_server(path: Path) -> Iterator[int]:
    """Sends back what it gets, on a port of loopback and on a socket at `path`, until EOF."""
    tcp = socket.create_server(("127.0.0.1", 0))
    local = socket.socket(socket.AF_UNIX)
    local.bind(str(path))
    local.listen()
    for server in (tcp, local):
        threading.Thread(target=_accept, args=(server,), daemon=True).start()
    try:
        yield int(tcp.getsockname()[1])
    finally:
        for server in (tcp, local):
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()


def _accept(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        while data := connection.recv(65536):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
