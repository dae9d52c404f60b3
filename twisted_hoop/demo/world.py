"""Everything the demo runs, started in order and stopped in reverse: database, issuer of tokens, gateway."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool

import twisted_hoop
from twisted_hoop.demo import gateway
from twisted_hoop.demo.checks import Checks
from twisted_hoop.demo.children import Children
from twisted_hoop.demo.database import ShopDatabase
from twisted_hoop.demo.issuer import start_issuer
from twisted_hoop.demo.place import DemoFailed, Place, Ports, choose_ports
from twisted_hoop.demo.tokens import REFRESH, write_tokens
from twisted_hoop.demo.tour import Tour

_Result = TypeVar("_Result")


class World:
    """See the module. `say` gets progress, one line at a time."""

    def __init__(self, reactor: Any, place: Place, asked: Ports, say: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._place = place
        self._asked = asked
        self._say = say
        self._children = Children(_environment())
        self._issuer: IListeningPort | None = None
        self._refresh: LoopingCall | None = None
        self.ports = asked

    async def start(self) -> None:
        """Start all of it, or raise DemoFailed."""
        self._place.make()
        self._lock = self._place.claim()
        self.ports = choose_ports(self._place, self._asked)
        await self._start_database()
        await self._start_issuer()
        self._say("starting the gateway …")
        await self._blocking(lambda: gateway.prepare(self._place, self.ports))
        await self._blocking(lambda: gateway.start(self._place, self.ports, self._children))

    async def _start_database(self) -> None:
        database = ShopDatabase(self._place, self._children, self.ports.postgres_port)
        self._say("making a PostgreSQL with a shop in it …" if database.fresh else "starting PostgreSQL …")
        await self._blocking(database.start)

    async def _start_issuer(self) -> None:
        self._say("starting an OpenID provider for alice, bob, carol, ci-bot and agent-7 …")
        port = self.ports.issuer_port
        issuer, self._issuer = await start_issuer(self._reactor, self._place.keys, port=port)
        self._refresh = LoopingCall(write_tokens, self._place, issuer.ring)
        self._refresh.clock = self._reactor
        failed = self._refresh.start(REFRESH)
        failed.addErrback(lambda failure: self._say(f"tokens are not refreshed any more: {failure.value}"))

    def tour(self) -> Tour:
        """Commands for what runs."""
        return Tour(self._place, self.ports)

    async def check(self) -> bool:
        """Run the tour, and say what came of it."""
        checks = Checks(self.tour(), self._children, self._say)
        return await self._blocking(checks.run)

    def stop(self) -> Deferred[None]:
        """Stop all of it. What does not run is not stopped: it may come at any time."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._refresh is not None and self._refresh.running:
            self._refresh.stop()
        await self._blocking(self._children.stop)
        if self._issuer is not None:
            await _quietly(self._issuer)

    def _blocking(self, work: Callable[[], _Result]) -> Deferred[_Result]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)


async def _quietly(port: IListeningPort) -> None:
    stopped: Any = port.stopListening()
    if isinstance(stopped, Deferred):
        await stopped


def _environment() -> dict[str, str]:
    """Children find this very package, whatever their folder; psql is not bent by somebody's own settings."""
    root = str(Path(twisted_hoop.__file__).parent.parent)
    path = os.environ.get("PYTHONPATH", "")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "HOOP_"))}
    plain = {"PSQLRC": os.devnull, "PAGER": "cat", "COLUMNS": "160"}
    return {**kept, **plain, "PYTHONPATH": f"{root}{os.pathsep}{path}" if path else root}


__all__ = ["DemoFailed", "World"]
