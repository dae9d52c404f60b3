"""Opening a session for a proved principal: target, account, caps, recording. Nothing is connected to (S14)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from twisted_hoop.errors import LimitExceeded, UnknownTarget
from twisted_hoop.model import Effect, Outcome, Peer, Principal, Session
from twisted_hoop.services import Services
from twisted_hoop.sessions import new_session_id
from twisted_hoop.ssh.hall import SshHall
from twisted_hoop.ssh.handlers import IsConnection
from twisted_hoop.ssh.names import login_at
from twisted_hoop.ssh.returning import FromTarget
from twisted_hoop.ssh.session import SshSession


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came, for which account at which target, from where; `host` is the name that was typed for it."""

    principal: Principal
    peer: Peer
    target: str
    login: str
    host: str
    client: str


class SshOpening:
    """See the module. `named` finds the target that a client means by a host and a port behind `ssh -J`; `own` tells
    whether a host and port are the gateway's own, which nothing leads to through it (S11).
    """

    def __init__(
        self,
        services: Services[SshHall],
        named: Callable[[str, int], SshHall],
        own: Callable[[str, int], bool],
    ) -> None:
        self.services = services
        self.named = named
        self.own = own

    def open(self, arrival: Arrival, connection: IsConnection) -> SshSession:
        """A session whose channels the caller makes. Raises HoopError; UnknownTarget tells no more than that."""
        services, principal = self.services, arrival.principal
        hall = services.hall(arrival.target)
        if services.policy().authorize(principal, hall.target).effect is not Effect.ALLOW:
            raise UnknownTarget(f"{principal.label} may not open {arrival.target}")
        login = login_at(hall.section, arrival.login)
        attributes = {"login": login, "host": arrival.host, "client": arrival.client}
        session = Session(new_session_id(), principal, hall.target, arrival.peer, time.time(), attributes)
        if objection := services.objection(session):
            raise UnknownTarget(objection)
        services.sessions.check(principal, hall.target)
        recording = services.recorder.open(session, services.policy().version)
        try:
            return SshSession(services, session, recording, hall, connection, FromTarget)
        except LimitExceeded as error:
            recording.close(Outcome("failed", str(error)))
            raise
