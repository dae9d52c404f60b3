"""Where sessions come in and where they go: listeners, the targets that are offered, and what is between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.interfaces import IStreamServerEndpoint

from twisted_hoop.gateway.agents import Agents
from twisted_hoop.gateway.deciding import Deciding
from twisted_hoop.gateway.ground import Ground
from twisted_hoop.gateway.listeners import Listeners
from twisted_hoop.gateway.observing import SessionObserving
from twisted_hoop.gateway.others import Others
from twisted_hoop.gateway.people import People
from twisted_hoop.gateway.records import Records
from twisted_hoop.gateway.web import Web
from twisted_hoop.halls import Halls
from twisted_hoop.http.listening import HttpListening
from twisted_hoop.model import Session
from twisted_hoop.services import Services
from twisted_hoop.settings import ListenerSection
from twisted_hoop.ssh.listener import SshListening

_HallT = TypeVar("_HallT")


class Doors:
    """See the module. `endpoint` makes the one to listen at, when it is not what the settings say."""

    def __init__(
        self,
        ground: Ground,
        people: People,
        records: Records,
        deciding: Deciding,
        others: Others,
        web: Web,
        agents: Agents,
        endpoint: Callable[[ListenerSection], IStreamServerEndpoint] | None,
    ) -> None:
        self._ground, self._people, self._records, self._deciding = ground, people, records, deciding
        self._others = others
        shared = (ground.reactor, ground.settings, ground.secrets, ground.masking_key, ground.state / "bindings")
        self.halls = Halls(*shared, people.authority, agents.hub.endpoint)
        self.listeners = Listeners(
            *(ground.reactor, ground.settings, self._services(self.halls.find), people.provider),
            *(web.parts, web.console, self._ssh(), self._http()),
            *(others.cancels.cancel, endpoint, agents.listening),
        )
        self.listeners.watched(ground.metrics)

    def objection(self, session: Session) -> str:
        """Why a session may not open although its log-in, perhaps long ago, succeeded; "" when it may (I9)."""
        if not self._people.still_valid(session.principal):
            return "the token has expired or was revoked; connect again with a fresh one"
        if self._others.follower.blind:
            return "the store does not answer: who is locked out is not known (I9)"
        lock = self._people.lock_of(session)
        return f"locked: {lock}" if lock else ""

    def _services(self, hall: Callable[[str], _HallT]) -> Services[_HallT]:
        ground, records, deciding = self._ground, self._records, self._deciding
        return Services(
            ground.reactor,
            deciding.gate,
            deciding.policy,
            deciding.policy.masks,
            hall,
            records.traced,
            deciding.approver,
            self._people.sessions,
            SessionObserving(ground.metrics, records.index, records.keeper, self._over),
            ground.metrics.decisions,
            self.objection,
        )

    def _over(self, session: Session) -> None:
        self._deciding.policy.forget(session)
        self._ground.secrets.release(session.id)

    def _ssh(self) -> SshListening:
        ground, people, halls = self._ground, self._people, self.halls
        offered = (self._services(halls.find_ssh), halls.named_ssh)
        return SshListening(
            ground.reactor, ground.in_force, *offered, people.provider, people.authority, ground.secrets
        )

    def _http(self) -> HttpListening:
        ground, halls = self._ground, self.halls
        offered = (self._services(halls.find_http), halls.named_http)
        return HttpListening(ground.reactor, ground.in_force, *offered, self._people.provider)
