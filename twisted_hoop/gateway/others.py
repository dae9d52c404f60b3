"""What this process shares with the other replicas of its store: news, locks, orders, its lease among them."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted_hoop import __version__
from twisted_hoop.gateway.agents import Agents
from twisted_hoop.gateway.deciding import Deciding
from twisted_hoop.gateway.ground import Ground
from twisted_hoop.gateway.people import People
from twisted_hoop.locking import LockDesk
from twisted_hoop.news.local import LocalNews
from twisted_hoop.news.postgresql import PostgresNews
from twisted_hoop.news.word import LOCKS, Heard, INews, Silence
from twisted_hoop.recording.files import private_folder
from twisted_hoop.replicas.cancels import Cancels
from twisted_hoop.replicas.follower import Follower
from twisted_hoop.replicas.hearing import Hearing, telling
from twisted_hoop.replicas.membership import Membership
from twisted_hoop.store.locks import LockTable
from twisted_hoop.store.replicas import Replica, Replicas


def news_of(ground: Ground, heard: Heard) -> INews:
    """How words get to the others: by a PostgreSQL store, or from worker to worker; who is alone tells nobody."""
    if ground.database.kind == "postgresql":
        return PostgresNews(ground.reactor, ground.database, ground.ident, heard)
    if ground.alone:
        return Silence()
    return LocalNews(ground.reactor, private_folder(ground.state / "news"), ground.ident, heard)


class Others:
    """See the module. `struck` is called when somebody was locked out, `drained` when this process is to stop."""

    def __init__(
        self,
        ground: Ground,
        people: People,
        deciding: Deciding,
        agents: Agents,
        news: INews,
        struck: Callable[[], None],
        drained: Callable[[str], None],
    ) -> None:
        self._ground, self._people, self._deciding, self._agents = ground, people, deciding, agents
        database, sessions, shelf = ground.database, people.sessions, deciding.shelf
        table = LockTable(database, time.time)
        self.locking = LockDesk(table, people.locks, deciding.approver, time.time, struck, lambda: news.tell(LOCKS))
        self.follower = Follower(
            *(ground.reactor, database, shelf, deciding.grants, self.locking, sessions),
            *(ground.ident, ground.settings.store.keep, drained),
        )
        self.membership = Membership(ground.reactor, Replicas(database), shelf, sessions, self._replica)
        self.cancels = Cancels(sessions, news, ground.reactor.seconds)
        shelf.told.listen(telling(news))

    def hearing(self, nudge: Callable[[], None], visit: Callable[[str], None]) -> Hearing:
        """What is done with the others' words. `nudge` is for those who watch events, `visit` for who keeps visits."""
        changed, look = self._deciding.watch.changed, self.follower.look_soon
        return Hearing(changed, look, nudge, self.cancels.heard, visit, self._agents.registry.look_soon)

    def _replica(self) -> Replica:
        """How this process is, for the others."""
        ground, agents = self._ground, self._agents
        policy, live = self._deciding.policy().version, len(self._people.sessions)
        peer = (agents.peer_listening.address, agents.peer_key)
        name, now = ground.settings.gateway.name, time.time()
        return Replica(ground.ident, name, __version__, policy, ground.started, now, live, 0.0, "", *peer)
