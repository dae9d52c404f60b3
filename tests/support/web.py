"""A small web server for tests: paths to answers, every request counted, on a free loopback port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from tests.support.loop import Loop

Answer = bytes | tuple[int, bytes] | Callable[[Request], bytes | int]


@dataclass
class Web:
    """`answers` maps a path to a body, (status, body), or a function of the request; `hits` counts requests."""

    answers: dict[str, Answer] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    url: str = ""


class _Everything(Resource):
    isLeaf = True

    def __init__(self, web: Web) -> None:
        Resource.__init__(self)
        self._web = web

    def render(self, request: Request) -> bytes | int:
        path = request.path.decode()
        self._web.hits[path] += 1
        answer = self._web.answers.get(path, (404, b"no"))
        if callable(answer):
            return answer(request)
        if isinstance(answer, tuple):
            request.setResponseCode(answer[0])
            return answer[1]
        return answer


@contextmanager
def running_web(loop: Loop, tls: tuple[Path, Path] | None = None, host: str = "127.0.0.1") -> Iterator[Web]:
    """Serve until the block is left; `tls` is (certificate, key)."""
    web = Web()
    kind = f"ssl:0:certKey={tls[0]}:privateKey={tls[1]}" if tls else "tcp:0"
    site = Site(_Everything(web))
    port: Any = loop.run(lambda: serverFromString(loop.reactor, f"{kind}:interface=127.0.0.1").listen(site))
    web.url = f"{'https' if tls else 'http'}://{host}:{port.getHost().port}"
    try:
        yield web
    finally:
        loop.run(port.stopListening)


def never(request: Request) -> int:
    """Accept the request and say nothing."""
    return NOT_DONE_YET
