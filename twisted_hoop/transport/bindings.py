"""Where listening sockets come from: a TCP address, a path, or somebody who listens for us."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from twisted.internet.error import CannotListenError
from twisted.python.lockfile import FilesystemLock

BACKLOG = 511
"""Connections the kernel keeps waiting (net.core.somaxconn may be less)."""


@dataclass(frozen=True, slots=True)
class TcpBinding:
    """An address and a port; port 0 lets the kernel choose. `reuse_port` lets several processes share it."""

    port: int
    interface: str = ""
    backlog: int = BACKLOG
    reuse_port: bool = False

    def open(self) -> socket.socket:
        """See `Binding`."""
        family = socket.AF_INET6 if ":" in self.interface else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._bind(sock)
        except (OSError, OverflowError, TypeError, UnicodeError) as why:
            sock.close()
            raise CannotListenError(self.interface, self.port, why) from why
        return sock

    def _bind(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sock.family == socket.AF_INET6:
            # Otherwise IPv4 clients appear as ::ffff:a.b.c.d and pass by rules about their address (S11, I10).
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((self.interface, self.port))
        sock.listen(self.backlog)

    def close(self, sock: socket.socket) -> None:
        """See `Binding`."""
        sock.close()


class UnixBinding:
    """A path. A socket left by a process that died is removed; `lock` tells it from one that is in use."""

    __slots__ = ("_backlog", "_lock", "_mode", "_path")

    def __init__(self, path: str, mode: int = 0o666, backlog: int = BACKLOG, lock: bool = True) -> None:
        self._path = path
        self._mode = mode
        self._backlog = backlog
        self._lock = FilesystemLock(path + ".lock") if lock else None

    def open(self) -> socket.socket:
        """See `Binding`."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._bind(sock)
        except (OSError, TypeError, ValueError) as why:
            sock.close()
            raise CannotListenError(None, self._path, why) from why
        return sock

    def _bind(self, sock: socket.socket) -> None:
        if self._lock is not None:
            if not self._lock.lock():
                raise OSError("another process has locked it")
            if not self._lock.clean and Path(self._path).is_socket():
                Path(self._path).unlink()
        try:
            self._listen(sock)
        except BaseException:
            self._unlock()
            raise

    def _listen(self, sock: socket.socket) -> None:
        sock.bind(self._path)
        Path(self._path).chmod(self._mode)  # before `listen`, so that nobody connects under another mode
        sock.listen(self._backlog)

    def close(self, sock: socket.socket) -> None:
        """See `Binding`."""
        sock.close()
        with suppress(OSError):
            Path(self._path).unlink()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None and self._lock.locked:
            self._lock.unlock()


@dataclass(frozen=True, slots=True)
class AdoptedBinding:
    """A descriptor somebody else made us heir to, listening already: systemd, as a rule (sd_listen_fds(3))."""

    descriptor: int
    family: int

    def open(self) -> socket.socket:
        """See `Binding`. The descriptor itself stays open, so that we may listen again later."""
        try:
            sock = socket.socket(fileno=os.dup(self.descriptor))
        except OSError as why:
            raise CannotListenError(None, f"descriptor {self.descriptor}", why) from why
        listens = sock.type == socket.SOCK_STREAM and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if sock.family != self.family or not listens:
            sock.close()
            unfit = OSError("not a listening socket of that domain")
            raise CannotListenError(None, f"descriptor {self.descriptor}", unfit)
        return sock

    def close(self, sock: socket.socket) -> None:
        """See `Binding`."""
        sock.close()
