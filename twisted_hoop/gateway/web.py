"""What is seen of a gateway: the API and the console over the same parts, events as they happen, how it all is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted_hoop.console.dispatch import Console
from twisted_hoop.console.place import Place
from twisted_hoop.gateway.agents import Agents
from twisted_hoop.gateway.deciding import Deciding
from twisted_hoop.gateway.ground import Ground
from twisted_hoop.gateway.health import Asked, Health
from twisted_hoop.gateway.others import Others
from twisted_hoop.gateway.people import People
from twisted_hoop.gateway.records import Records
from twisted_hoop.identity.current import CurrentIdentity
from twisted_hoop.news.word import INews
from twisted_hoop.web.feed import Feed
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.ways import Ways


class Web:
    """See the module. `listeners` tells where clients connect, once they do."""

    def __init__(
        self,
        ground: Ground,
        people: People,
        records: Records,
        deciding: Deciding,
        others: Others,
        agents: Agents,
        news: INews,
        listeners: Callable[[], list[str]],
    ) -> None:
        self._ground, self._people, self._records, self._deciding = ground, people, records, deciding
        database, reactor = ground.database, ground.reactor
        self.feed = Feed(database, records.index, reactor, time.time, people.still_valid)
        deciding.shelf.told.listen(self.feed.nudge)
        ground.metrics.watch("hoop_watchers", "Who watches events now.", lambda: len(self.feed))
        self.health = Health(self._asked(listeners), database, deciding.telling.deliveries, reactor)
        self.parts = self._parts(others, agents, news)
        place = Place(ground.in_force, reactor, ground.secrets.resolve)
        self.console = Console(self.parts, place, reactor, time.time, ground.masking_key)

    def _asked(self, listeners: Callable[[], list[str]]) -> Asked:
        ground, recorder = self._ground, self._records.recorder

        def recorded() -> dict[str, Any]:
            counts = recorder.counts
            return {"open": counts.opened - counts.closed, "failed": counts.failed, "bytes": counts.bytes}

        return Asked(
            settings=ground.in_force,
            policy=lambda: self._deciding.policy().version,
            sessions=lambda: len(self._people.sessions),
            watchers=lambda: len(self.feed),
            listeners=listeners,
            issuers=lambda: self._people.identity.describe(),
            recorder=recorded,
            recordings=recorder.folder,
            started=ground.started,
        )

    def _parts(self, others: Others, agents: Agents, news: INews) -> Parts:
        ground, people, records, deciding = self._ground, self._people, self._records, self._deciding
        settings, authority, keeper = ground.settings, people.authority, records.keeper
        return Parts(
            identity=CurrentIdentity(people.provider),
            desk=deciding.desk,
            access=deciding.access,
            database=ground.database,
            sessions=records.index,
            reads=records.reads,
            live=people.sessions,
            recordings=keeper.shelves,
            index=keeper.index,
            holds=keeper.holds,
            retention=keeper.job,
            metrics=ground.metrics.render,
            ways=Ways(ground.in_force, deciding.policy),
            settings=ground.in_force,
            policy=deciding.policy,
            locks=others.locking,
            agents=agents.desk,
            feed=self.feed,
            deliveries=deciding.telling.deliveries,
            health=self.health.whole,
            unready=self.health.unready,
            tell=news.tell,
            own=lambda: people.own,
            slack=deciding.telling.slack(deciding.desk, ground.once, people.locks),
            auditors=frozenset(settings.api.auditors),
            operators=frozenset(settings.api.operators),
            authorities=tuple(k.line for k in (authority.user_ca, authority.host_ca, authority.host_key.public)),
        )
