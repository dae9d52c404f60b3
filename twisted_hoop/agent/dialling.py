"""Connecting to a target, as the agent: on the list, looked up once, and the very address that was checked (S11)."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory, Protocol

from twisted_hoop.agent.allow import AllowList, real_address
from twisted_hoop.agent.words import described
from twisted_hoop.transport.connect import Candidate, EagerClientEndpoint, KnownPlace, TcpPlace, UnixPlace


class NotAllowed(Exception):
    """The allow-list does not name it. `str()` is told to the gateway."""


class Dialler:
    """See the module. `within` is in seconds, over all."""

    def __init__(self, reactor: Any, allow: AllowList, within: float) -> None:
        self._reactor = reactor
        self._allow = allow
        self._within = within

    async def dial(self, place: TcpPlace | UnixPlace, protocol: Protocol) -> None:
        """Connect `protocol` to a place. NotAllowed, or what Twisted's endpoints raise."""
        began = self._reactor.seconds()
        found = await self._found(place)
        left = max(self._within - (self._reactor.seconds() - began), 0.1)
        endpoint = EagerClientEndpoint(self._reactor, found, left)
        await endpoint.connect(_Quiet.forProtocol(lambda: protocol))

    async def _found(self, place: TcpPlace | UnixPlace) -> KnownPlace | UnixPlace:
        refused = NotAllowed(f"{described(place)} is not on its allow-list")
        if isinstance(place, UnixPlace):
            if not self._allow.has_socket(place.path):
                raise refused
            return place
        if not self._allow.may_look_up(place.host, place.port):
            raise refused
        candidates = await place.candidates(self._reactor, self._within)
        admitted = tuple(c for c in candidates if self._allow.admits(place.host, place.port, c.name[0]))
        if not admitted:
            if real_address(place.host) is not None:
                raise refused
            raise NotAllowed(f"{described(place)} leads to {_shown(candidates)}, which is not on its allow-list")
        return KnownPlace(admitted)


class _Quiet(Factory):
    noisy = False


def _shown(candidates: Any) -> str:
    found: list[Candidate] = list(candidates)[:4]
    return ", ".join(str(candidate.name[0]) for candidate in found)
