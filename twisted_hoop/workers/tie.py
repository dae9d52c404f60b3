"""What ties a worker to its parent: it listens on the parent's sockets, reports to it, and stops when it is gone."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReadDescriptor, IStreamServerEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_hoop.settings import ListenerSection
from twisted_hoop.transport.listen import EagerServerEndpoint
from twisted_hoop.workers.place import PARENT, REPORT, Worker, leaving, report


class Inherited:
    """A binding: a listening socket that the parent made. Closing it leaves the parent's own open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def open(self) -> socket.socket:
        """See `Binding`; once."""
        try:
            sock = socket.socket(fileno=self._descriptor)
        except OSError as why:
            raise CannotListenError(None, f"descriptor {self._descriptor}", why) from why
        sock.set_inheritable(False)
        return sock

    def close(self, sock: socket.socket) -> None:
        """See `Binding`."""
        sock.close()


@implementer(IReadDescriptor)
class Tie:
    """See the module. `orphaned` is called, once, when the parent is gone; `parent` and `to` are the descriptors."""

    def __init__(
        self,
        reactor: Any,
        worker: Worker,
        orphaned: Callable[[], None],
        parent: int = PARENT,
        to: int = REPORT,
    ) -> None:
        self._reactor, self._worker, self._orphaned = reactor, worker, orphaned
        self._parent, self._to = parent, to
        self._over = False

    def start(self) -> None:
        """Notice the parent's end from now on."""
        os.set_inheritable(self._to, False)
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Notice it no more."""
        if not self._over:
            self._over = True
            self._reactor.removeReader(self)

    def ready(self, listeners: list[str]) -> None:
        """Tell the parent that this worker serves."""
        self._say(report(listeners))

    def leaves(self) -> None:
        """Tell the parent that this worker drains: it may start another."""
        self._say(leaving())

    def _say(self, line: bytes) -> None:
        with suppress(OSError):  # a parent that is gone is noticed below
            os.write(self._to, line)

    def endpoint(self, section: ListenerSection) -> IStreamServerEndpoint:
        """Where this worker listens for that listener."""
        return EagerServerEndpoint(self._reactor, Inherited(self._worker.sockets[section.name][0]))

    def fileno(self) -> int:
        """The descriptor whose end is the parent's."""
        return -1 if self._over else self._parent

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "parent"

    def doRead(self) -> None:
        """The parent says nothing, so this is its end."""
        if not os.read(self._parent, 64):
            self._gone()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw it first, or stops."""
        self._gone()

    def _gone(self) -> None:
        if not self._over:
            self.stop()
            self._orphaned()
