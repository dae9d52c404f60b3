"""Sockets that listen for workers. The parent holds them all, so that none is lost with a worker.

A TCP address gets one for each worker (SO_REUSEPORT): the kernel spreads connections evenly, and those that wait for a
worker that died are taken on by the one that comes in its place. A path, or what systemd hands over, is one socket that
all workers accept from.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.settings import ListenerSection
from twisted_hoop.transport.bindings import AdoptedBinding, TcpBinding
from twisted_hoop.transport.listen import Binding
from twisted_hoop.transport.names import server_binding


@dataclass(frozen=True, slots=True)
class Listening:
    """One listener's sockets, by the worker's number; the same one for all where there can be only one."""

    name: str
    sockets: tuple[socket.socket, ...]
    binding: Binding

    def close(self) -> None:
        """Let go of them, and of what belongs to them on disk. Idempotent."""
        for sock in dict.fromkeys(self.sockets):
            if sock.fileno() >= 0:
                self.binding.close(sock)


def listen_for(sections: Iterable[ListenerSection], workers: int, reactor: Any) -> list[Listening]:
    """Listen everywhere. ConfigurationError that names the listener which cannot; then nothing is left open."""
    made: list[Listening] = []
    for section in sections:
        try:
            made.append(_listening(section, workers, reactor))
        except Exception as fault:  # whatever endpoints raise, this listener is at fault
            for each in made:
                each.close()
            raise ConfigurationError([f"listeners: {section.name}: cannot listen: {fault}"]) from fault
    return made


def _listening(section: ListenerSection, workers: int, reactor: Any) -> Listening:
    binding = _binding(section.endpoint, reactor)
    if not isinstance(binding, TcpBinding):
        return Listening(section.name, (binding.open(),) * workers, binding)
    shared = dataclasses.replace(binding, reuse_port=True)
    sockets = [shared.open()]
    try:
        # Port 0 lets the kernel choose once; the others share what it chose.
        same = dataclasses.replace(shared, port=sockets[0].getsockname()[1])
        sockets += [same.open() for _ in range(workers - 1)]
    except BaseException:
        with suppress(OSError):
            sockets[0].close()
        raise
    return Listening(section.name, tuple(sockets), binding)


def _binding(description: str, reactor: Any) -> Binding:
    binding = server_binding(description)
    if binding is not None:
        return binding
    other = serverFromString(reactor, description)
    if isinstance(other, AdoptedStreamServerEndpoint):
        return AdoptedBinding(other.fileno, other.addressFamily)
    raise ValueError("with workers, an endpoint is tcp, tcp6, unix or systemd")
