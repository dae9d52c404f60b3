"""What is decided, and by whom: the rules in force, requests and those who answer them, telling them, the gate."""

from __future__ import annotations

import time

from twisted_hoop.approval.access import AccessDesk
from twisted_hoop.approval.approver import Approver
from twisted_hoop.approval.desk import Desk
from twisted_hoop.approval.grants import Grants
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.approval.watch import Watch
from twisted_hoop.gate import Gate
from twisted_hoop.gateway.ground import Ground
from twisted_hoop.gateway.people import People
from twisted_hoop.gateway.policies import PolicyInForce
from twisted_hoop.gateway.telling import Telling
from twisted_hoop.model import Principal


class Deciding:
    """See the module. Raises ConfigurationError for rules or channels that cannot be."""

    def __init__(self, ground: Ground, people: People) -> None:
        settings, reactor, database = ground.settings, ground.reactor, ground.database
        self.grants = Grants()
        self.policy = PolicyInForce(settings, self._granted)
        self.telling = Telling(reactor, ground.in_force, ground.secrets, database, ground.metrics)
        self.shelf = Shelf(database, time.time, people.still_valid)
        self.watch = Watch(self.shelf.decided, reactor)
        self.desk = Desk(database, self.shelf, self.watch)
        self.access = AccessDesk(self.shelf, ground.in_force)
        self.approver = Approver(self.shelf, self.watch, reactor, settings.gateway.url, page=self.telling.page_of)
        self.gate = Gate(self.policy, self.approver)
        self.telling.courier.replace(self.telling.channels_of(settings))
        self.shelf.told.listen(lambda event, request: ground.metrics.approval(event))
        self.shelf.told.listen(self.telling.courier.heard)

    def _granted(self, principal: Principal, target: str, now: float) -> str:
        grant = self.grants.holds(principal, target, now)
        return grant.id if grant is not None else ""
