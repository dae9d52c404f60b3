"""Words between the workers of one machine: a datagram socket for each, in a folder only they may enter.

What is sent is delivered or lost, never late: a worker that does not take its words in time misses some, and finds
what they were about in the store. A socket nobody has open any more refuses, and is removed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_hoop.news.word import LONGEST, Heard, Word, decode

AT_ONCE = 64
"""Words taken before others have their turn."""
_SUFFIX = ".news"


@implementer(IReadDescriptor)
class LocalNews:
    """See the module and INews. `folder` is private and there; `ident` is this worker's, fit for a file name."""

    _log = Logger()

    def __init__(self, reactor: Any, folder: Path, ident: str, heard: Heard) -> None:
        self._reactor, self._folder, self._ident, self._heard = reactor, folder, ident, heard
        self._socket: socket.socket | None = None
        self._descriptor = -1

    async def start(self) -> None:
        """See INews. OSError when the folder cannot be used: then there is no gateway either."""
        # By its descriptor: the address of a unix socket has at most 107 bytes (unix(7)), a folder's may have more.
        self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(FileNotFoundError):
            (self._folder / self._name).unlink()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._socket.bind(self._address(self._name))
        self._reactor.addReader(self)

    @property
    def _name(self) -> str:
        return self._ident + _SUFFIX

    def _address(self, name: str) -> str:
        return f"/proc/self/fd/{self._descriptor}/{name}"

    async def stop(self) -> None:
        """See INews."""
        self.connectionLost(Failure(ConnectionAbortedError("stop")))

    def tell(self, kind: str, value: str = "") -> None:
        """See INews."""
        if self._socket is None:
            return
        data = Word(kind, value, self._ident).encode().encode("ascii")
        for name in os.listdir(self._descriptor):  # noqa: PTH208  by the descriptor we hold
            if name.endswith(_SUFFIX) and name != self._name:
                self._send(self._socket, name, data)

    def _send(self, sock: socket.socket, name: str, data: bytes) -> None:
        try:
            sock.sendto(data, self._address(name))
        except ConnectionRefusedError:  # its worker was killed
            with suppress(OSError):
                os.unlink(name, dir_fd=self._descriptor)
        except OSError as fault:  # its queue is full, or it went meanwhile
            self._log.debug("a word was lost: {why}", why=fault.strerror)

    def doRead(self) -> None:
        """Words have come."""
        for _ in range(AT_ONCE):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(LONGEST + 1)
            except BlockingIOError:
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        word = decode(data)
        if word is not None:
            told(self._heard, word, self._log)

    def fileno(self) -> int:
        """The descriptor; -1 when nothing is heard."""
        return self._socket.fileno() if self._socket is not None else -1

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "news"

    def connectionLost(self, reason: Failure) -> None:
        """The end, once."""
        if self._socket is None:
            return
        self._reactor.removeReader(self)
        sock, self._socket = self._socket, None
        sock.close()
        with suppress(OSError):
            os.unlink(self._name, dir_fd=self._descriptor)
        os.close(self._descriptor)


def told(heard: Callable[[Word], None], word: Word, log: Logger) -> None:
    """Pass a word on; whoever fails at it harms no other word (R15)."""
    try:
        heard(word)
    except Exception:  # noqa: BLE001  the boundary between who tells and who hears
        log.failure("a word was not understood: {kind}", kind=word.kind)
