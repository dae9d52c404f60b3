"""From what epoll says to our own transports by the shortest way. Compiled; `reactor.py` calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted_hoop.transport.stream import EagerTransport

_IN: Final = 1
_OUT: Final = 4
"""EPOLLIN and EPOLLOUT, epoll_ctl(2)."""


def dispatch(
    events: list[tuple[int, int]],
    selectables: dict[int, Any],
    other: Callable[[Any, int, int], object],
    failed: Callable[[EagerTransport, Exception], object],
) -> bool:
    """Let every descriptor do what it is ready for; True when nobody but our transports had something to do.

    What is not plainly readable or writable, and what is not ours, goes to `other` with its descriptor and event. An
    exception that a transport did not catch itself goes to `failed`: it harms no other connection (R15).
    """
    alone = True
    for fd, event in events:
        selectable = selectables.get(fd)
        if selectable is None:  # gone since, by the doing of another one in this list
            continue
        if not isinstance(selectable, EagerTransport) or (event != _IN and event != _OUT):
            alone = False
            other(selectable, fd, event)
            continue
        try:
            if event == _IN:
                selectable.doRead()
            else:
                selectable.doWrite()
        except Exception as error:  # noqa: BLE001  as the reactor does for every descriptor
            failed(selectable, error)
    return alone
