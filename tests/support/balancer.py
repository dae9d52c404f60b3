"""A balancer of TCP connections for tests: whom each connection goes to is said beforehand."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator, Sequence


class Balancer:
    """Connection after connection goes to the next of `ports` on this machine, round and round."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = itertools.cycle(ports)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", next(self._ports)))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=_carry, args=(one, other), daemon=True).start()

    def close(self) -> None:
        """Accept no more; what is connected stays."""
        self._listening.close()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def balanced(*ports: int) -> Iterator[Balancer]:
    """A balancer for the length of a `with` block."""
    made = Balancer(ports)
    try:
        yield made
    finally:
        made.close()
