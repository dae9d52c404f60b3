"""Which session a request belongs to: one that is open already, or a new one."""

from __future__ import annotations

import time

from twisted_hoop.errors import LimitExceeded, UnknownTarget
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.session import HttpSession
from twisted_hoop.model import Effect, Outcome, Peer, Principal, Session
from twisted_hoop.services import Services
from twisted_hoop.sessions import new_session_id

Key = tuple[str, str, str, str]


class Joining:
    """See the module. Sessions are told apart by target, address and proof: another token is another session."""

    def __init__(self, services: Services[HttpHall]) -> None:
        self.services = services
        self._open: dict[Key, HttpSession] = {}

    def session(self, principal: Principal, hall: HttpHall, peer: Peer) -> HttpSession:
        """The session of that principal there. Raises HoopError; UnknownTarget tells no more than that."""
        key = (principal.key, principal.proof_id, hall.target.name, peer.address)
        found = self._open.get(key)
        if found is not None and self.usable(found, principal, hall):
            return found
        self._tidy()
        opened = self._open[key] = self._opened(principal, hall, peer)
        return opened

    def usable(self, session: HttpSession, principal: Principal, hall: HttpHall) -> bool:
        """Whether it may take another request: it lives, and neither settings, person nor rights have changed."""
        if session.over or session.hall is not hall:
            return False
        known = session.session.principal
        if known is not principal and known != principal:
            return False
        decision = self.services.policy().authorize(known, hall.target)
        return decision.effect is Effect.ALLOW and decision.policy_version == session.terms.open.policy_version

    def _tidy(self) -> None:
        for key in [key for key, session in self._open.items() if session.over]:
            del self._open[key]

    def _opened(self, principal: Principal, hall: HttpHall, peer: Peer) -> HttpSession:
        services = self.services
        decision = services.policy().authorize(principal, hall.target)
        if decision.effect is not Effect.ALLOW:
            raise UnknownTarget(f"{principal.label} may not open {hall.target.name}")
        session = Session(new_session_id(), principal, hall.target, peer, time.time(), {})
        if objection := services.objection(session):
            raise UnknownTarget(objection)
        services.sessions.check(principal, hall.target)
        recording = services.recorder.open(session, services.policy().version)
        try:
            return HttpSession(services, session, recording, hall, decision)
        except LimitExceeded as error:
            recording.close(Outcome("failed", str(error)))
            raise
