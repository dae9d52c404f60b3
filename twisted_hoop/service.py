"""The composition root: the only module that names concrete classes. `make_service` reads from top to bottom."""

from __future__ import annotations

import os
import secrets as random
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from twisted_hoop import __version__
from twisted_hoop.agents import Agents
from twisted_hoop.approval.access import AccessDesk
from twisted_hoop.approval.approver import Approver
from twisted_hoop.approval.desk import Desk
from twisted_hoop.approval.grants import Grants
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.approval.watch import Watch
from twisted_hoop.archive.keeper import Keeper
from twisted_hoop.config import load, reload
from twisted_hoop.config.files import check_files
from twisted_hoop.console.dispatch import Console
from twisted_hoop.console.place import Place
from twisted_hoop.errors import ConfigurationError, HoopError
from twisted_hoop.gate import Gate
from twisted_hoop.halls import Halls
from twisted_hoop.health import Asked, Health
from twisted_hoop.http.listening import HttpListening
from twisted_hoop.identity.current import CurrentIdentity
from twisted_hoop.identity.locks import Locks
from twisted_hoop.identity.own_issuer import OwnIssuer
from twisted_hoop.identity.own_tokens import own_issuer_of
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_key_files import load_gateway_keys
from twisted_hoop.life import SessionObserving, ended, masking_key, pause, settle_memory
from twisted_hoop.listeners import Listeners
from twisted_hoop.locking import LockDesk
from twisted_hoop.model import Principal, Session
from twisted_hoop.news.local import LocalNews
from twisted_hoop.news.postgresql import PostgresNews
from twisted_hoop.news.word import LOCKS, INews, Silence
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.one_time import OneTime
from twisted_hoop.policies import PolicyInForce
from twisted_hoop.recording.files import private_folder
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.replicas.cancels import Cancels
from twisted_hoop.replicas.follower import Follower
from twisted_hoop.replicas.hearing import Hearing, telling
from twisted_hoop.replicas.membership import Membership
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.secrets.transit import transit_of
from twisted_hoop.services import Services
from twisted_hoop.sessions import Sessions
from twisted_hoop.settings import Settings
from twisted_hoop.ssh.listener import SshListening
from twisted_hoop.store.database import Database
from twisted_hoop.store.locks import LockTable
from twisted_hoop.store.once import Once
from twisted_hoop.store.reads import ReadLog
from twisted_hoop.store.replicas import Replica, Replicas
from twisted_hoop.store.secret_leases import SecretLeases
from twisted_hoop.store.sessions import SessionIndex
from twisted_hoop.telling import Telling
from twisted_hoop.tracing.tracer import Tracer
from twisted_hoop.warden import Warden
from twisted_hoop.web.feed import Feed
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.ways import Ways
from twisted_hoop.workers.in_force import read_settings
from twisted_hoop.workers.place import Worker, worker_of
from twisted_hoop.workers.supervisor import Supervisor
from twisted_hoop.workers.tie import Tie

_HallT = TypeVar("_HallT")


def make_service(
    config: str, reactor: Any, environ: Mapping[str, str], worker: Callable[[int], list[str]] | None = None
) -> IService:
    """The gateway as a Twisted service. Raises ConfigurationError with every problem before anything is opened.

    `worker` gives the command that starts the worker of a number; without it there are none but this process.
    """
    path = Path(config).resolve()
    place = worker_of(environ)
    settings = read_settings(Path(place.settings)) if place is not None and place.settings else load(path)
    problems = check_files(settings, path)
    if problems:
        raise ConfigurationError([f"{path.name}: {problem}" for problem in problems])
    parent = MultiService()
    gateway: Service
    if worker is not None and place is None and settings.gateway.workers > 1:
        paths = {**environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        gateway = Supervisor(path, settings, reactor, paths, worker)
    else:
        gateway = GatewayService(path, settings, reactor, environ, place)
    gateway.setServiceParent(parent)  # type: ignore[no-untyped-call]
    return parent


class GatewayService(Service):
    """Builds everything in `startService`, and lets go of it in `stopService`, sessions last."""

    log = Logger()
    name = "hoop"

    def __init__(
        self,
        path: Path,
        settings: Settings,
        reactor: Any,
        environ: Mapping[str, str],
        worker: Worker | None = None,
    ) -> None:
        self._path = path
        self._settings = settings
        self._reactor = reactor
        self._state = private_folder(Path(settings.gateway.state))
        self._locks = Locks()
        self._replay = OneTime(lambda kind, key, until: self._once.first(kind, key, until))
        keys = load_gateway_keys(settings.ssh, self._state)
        self.authority = SshAuthority(keys, settings.ssh)
        self._grants = Grants()
        self.policy = PolicyInForce(settings, self._granted)
        self._own = own_issuer_of(settings, self._state)
        self.identity = self._identity_of(settings, self._own, None)
        self.sessions = Sessions(lambda principal: self.identity.caps(principal))
        self.metrics = Metrics()
        self.recorder = Recorder(
            settings.recording,
            self._state,
            reactor,
            settings.gateway.name,
            transit=transit_of(settings.recording.transit_key, environ, settings.vault, path.parent),
        )
        self.metrics.watch_recorder(self.recorder.counts)
        url = settings.store.url or f"sqlite:///{self._state / 'store.db'}"
        self.database = Database(url, reactor)
        self._once = Once(self.database, time.time)
        self.ident, self._started = random.token_hex(8), time.time()
        self.keeper = self._keeper_of(reactor)
        self.index = SessionIndex(self.database, time.time, reactor, self.ident)
        self.metrics.watch("hoop_sessions_unwritten", "Sessions the store has not taken yet.", self.index.unwritten)
        self._tie = Tie(reactor, worker, self._orphaned) if worker is not None else None
        self._news = self._news_of()
        self.agents = Agents(
            *(reactor, lambda: self._settings, lambda: self.identity, self.authority, keys.agent_ca),
            *(self.database, self.ident, self._news.tell),
            *(self._state, worker.number if worker is not None else 0),
        )
        self.agents.watched(self.metrics)
        self._compose(settings, environ)

    def _compose(self, settings: Settings, environ: Mapping[str, str]) -> None:
        """What stands on all that: people, sessions, the way in."""
        reactor = self._reactor
        self._telling = Telling(reactor, lambda: self._settings, lambda: self._vault, self.database, self.metrics)
        self._watch = Watch(lambda ids: self._shelf.decided(ids), reactor)
        self._shelf = Shelf(self.database, time.time, lambda principal: self.identity.still_valid(principal))
        self.desk = Desk(self.database, self._shelf, self._watch)
        self.approver = Approver(self._shelf, self._watch, reactor, settings.gateway.url, page=self._telling.page_of)
        self.gate = Gate(self.policy, self.approver)
        self._locking = self._locking_of()
        self.follower = self._follower_of(settings)
        self.membership = Membership(reactor, Replicas(self.database), self._shelf, self.sessions, self._replica)
        self.feed = Feed(self.database, self.index, reactor, time.time, lambda who: self.identity.still_valid(who))
        self._shelf.told.listen(self.feed.nudge)
        self._cancels, self._hearing = self._heard_and_told()
        self.metrics.watch("hoop_watchers", "Who watches events now.", lambda: len(self.feed))
        self._shelf.told.listen(lambda event, request: self.metrics.approval(event))
        self.courier = self._telling.courier
        self._shelf.told.listen(self.courier.heard)
        self.health = Health(self._asked(), self.database, self._telling.deliveries, reactor)
        self._vault = vault = self._secrets_of(settings, environ)
        self._tracer = Tracer(reactor, settings, self.ident, vault.resolve, self.metrics.watch)
        self.courier.replace(self._telling.channels_of(settings))
        memory, by_agent = self._state / "bindings", self.agents.hub.endpoint
        self.halls = Halls(reactor, settings, vault, masking_key(self._state), memory, self.authority, by_agent)
        self.warden = Warden(reactor, self.sessions, lambda: self.identity, self.policy, self._lock_of)
        self.listeners = self._listeners_of(settings, vault)
        self.listeners.watched(self.metrics)

    # -- composing ------------------------------------------------------------------------------------------------

    def _identity_of(
        self, settings: Settings, own: OwnIssuer | None, previous: IdentityProvider | None
    ) -> IdentityProvider:
        return IdentityProvider(
            settings,
            self._reactor,
            locks=self._locks,
            replay=self._replay,
            previous=previous,
            counted=lambda result: self.metrics.login(result),
            looked_up=lambda hit: self.metrics.token_looked_up(hit),
            authority=self.authority,
            own=own,
        )

    def _listeners_of(self, settings: Settings, vault: SecretStore) -> Listeners:
        return Listeners(
            self._reactor,
            settings,
            self._services(self.halls.find),
            lambda: self.identity,
            *self._web(vault),
            self._ssh(vault),
            self._http(),
            self._cancels.cancel,
            self._tie.endpoint if self._tie is not None else None,
            self.agents.listening,
        )

    def _secrets_of(self, settings: Settings, environ: Mapping[str, str]) -> SecretStore:
        store = SecretStore(
            self._reactor,
            environ,
            root=self._path.parent,
            secrets=settings.secrets,
            vault=settings.vault,
            book=SecretLeases(self.database, time.time, self.ident),
            lost=self._login_lost,
        )
        watch, leases = self.metrics.watch, store.leases
        watch("hoop_secret_leases", "Log-ins that Vault made, held now.", lambda: len(leases))
        watch("hoop_secret_leases_unrevoked", "Those left to end by themselves.", lambda: leases.unrevoked)
        return store

    def _login_lost(self, session_id: str, why: str) -> None:
        """What a session logged in with at its target is about to end."""
        live = self.sessions.find(session_id)
        if live is not None:
            live.handle.end("57P01", f"hoop: {why}")

    def _services(self, hall: Callable[[str], _HallT]) -> Services[_HallT]:
        return Services(
            self._reactor,
            self.gate,
            self.policy,
            self.policy.masks,
            hall,
            self._tracer.over(self.recorder),
            self.approver,
            self.sessions,
            SessionObserving(self.metrics, self.index, self.keeper, self._over),
            self.metrics.decisions,
            self._objection,
        )

    def _ssh(self, secrets: SecretStore) -> SshListening:
        return SshListening(
            self._reactor,
            lambda: self._settings,
            self._services(self.halls.find_ssh),
            self.halls.named_ssh,
            lambda: self.identity,
            self.authority,
            secrets,
        )

    def _http(self) -> HttpListening:
        services = self._services(self.halls.find_http)
        return HttpListening(
            self._reactor, lambda: self._settings, services, self.halls.named_http, lambda: self.identity
        )

    def _parts(self) -> Parts:
        settings, authority = self._settings, self.authority
        return Parts(
            identity=CurrentIdentity(lambda: self.identity),
            desk=self.desk,
            access=AccessDesk(self._shelf, lambda: self._settings),
            database=self.database,
            sessions=self.index,
            reads=ReadLog(self.database, time.time),
            live=self.sessions,
            recordings=self.keeper.shelves,
            index=self.keeper.index,
            holds=self.keeper.holds,
            retention=self.keeper.job,
            metrics=self.metrics.render,
            ways=Ways(lambda: self._settings, self.policy),
            settings=lambda: self._settings,
            policy=self.policy,
            locks=self._locking,
            agents=self.agents.desk,
            feed=self.feed,
            deliveries=self._telling.deliveries,
            health=self.health.whole,
            unready=self.health.unready,
            tell=self._news.tell,
            own=lambda: self._own,
            slack=self._telling.slack(self.desk, self._once, self._locks),
            auditors=frozenset(settings.api.auditors),
            operators=frozenset(settings.api.operators),
            authorities=tuple(k.line for k in (authority.user_ca, authority.host_ca, authority.host_key.public)),
        )

    def _locking_of(self) -> LockDesk:
        table, news = LockTable(self.database, time.time), self._news
        calls = (time.time, lambda: self.warden.look(), lambda: news.tell(LOCKS))
        return LockDesk(table, self._locks, self.approver, *calls)

    def _heard_and_told(self) -> tuple[Cancels, Hearing]:
        """What passes between the replicas of a store at once."""
        self._shelf.told.listen(telling(self._news))
        cancels = Cancels(self.sessions, self._news, self._reactor.seconds)
        follow, nudge = self.follower.look_soon, self.feed.nudge
        ways = (self._watch.changed, follow, nudge, cancels.heard)
        forget = lambda digest: self._console.visits.forget(digest)  # noqa: E731
        return cancels, Hearing(*ways, forget, self.agents.registry.look_soon)

    def _replica(self) -> Replica:
        policy, live = self.policy().version, len(self.sessions)
        name = self._settings.gateway.name
        peer = (self.agents.peer_listening.address, self.agents.peer_key)
        return Replica(self.ident, name, __version__, policy, self._started, time.time(), live, 0.0, "", *peer)

    def _follower_of(self, settings: Settings) -> Follower:
        shared = (self.database, self._shelf, self._grants, self._locking, self.sessions)
        return Follower(self._reactor, *shared, self.ident, settings.store.keep, self._drained)

    def _keeper_of(self, reactor: Any) -> Keeper:
        def resolve(reference: str) -> Any:
            return self._vault.resolve(reference)

        keeper = Keeper(reactor, self.database, self.recorder, lambda: self._settings, time.time, self.ident, resolve)
        keeper.watched(self.metrics.watch)
        return keeper

    def _news_of(self) -> INews:
        if self.database.kind == "postgresql":
            return PostgresNews(self._reactor, self.database, self.ident, lambda word: self._hearing.heard(word))
        if self._tie is None:
            return Silence()
        folder = private_folder(self._state / "news")
        return LocalNews(self._reactor, folder, self.ident, lambda word: self._hearing.heard(word))

    def _asked(self) -> Asked:
        counts = self.recorder.counts
        return Asked(
            settings=lambda: self._settings,
            policy=lambda: self.policy().version,
            sessions=lambda: len(self.sessions),
            watchers=lambda: len(self.feed),
            listeners=lambda: self.listeners.describe(),
            issuers=lambda: self.identity.describe(),
            recorder=lambda: {"open": counts.opened - counts.closed, "failed": counts.failed, "bytes": counts.bytes},
            recordings=self.recorder.folder,
            started=time.time(),
        )

    def _granted(self, principal: Principal, target: str, now: float) -> str:
        grant = self._grants.holds(principal, target, now)
        return grant.id if grant is not None else ""

    def _web(self, secrets: SecretStore) -> tuple[Parts, Console]:
        parts = self._parts()
        place = Place(lambda: self._settings, self._reactor, secrets.resolve)
        self._console = Console(parts, place, self._reactor, time.time, masking_key(self._state))
        return parts, self._console

    # -- what sessions tell ---------------------------------------------------------------------------------------

    def _over(self, session: Session) -> None:
        self.policy.forget(session)
        self._vault.release(session.id)

    def _objection(self, session: Session) -> str:
        """Why a session may not open although its log-in, perhaps long ago, succeeded (I9)."""
        if not self.identity.still_valid(session.principal):
            return "the token has expired or was revoked; connect again with a fresh one"
        if self.follower.blind:
            return "the store does not answer: who is locked out is not known (I9)"
        lock = self._lock_of(session)
        return f"locked: {lock}" if lock else ""

    def _lock_of(self, session: Session) -> str:
        lock = self._locks.holds(session.principal, session.target.name)
        return f"{lock.kind} {lock.value} {lock.reason}".strip() if lock is not None else ""

    # -- life -----------------------------------------------------------------------------------------------------

    def startService(self) -> None:
        """Open the store, end what a crash left open, then listen."""
        super().startService()  # type: ignore[no-untyped-call]
        self.database.start()
        started = Deferred.fromCoroutine(self._start())
        started.addErrback(self._could_not_start)

    async def _start(self) -> None:
        recovered = await self.recorder.recover()
        await self.index.interrupted([r.session for r in recovered])
        await self._shelf.interrupted([r.session for r in recovered])
        await self.agents.listen()
        await self.membership.start()
        await self._vault.start([r.session for r in recovered])
        await self.follower.start()
        await self.agents.start()
        await self._news.start()
        self.courier.start()
        self._tracer.start()
        self.keeper.start()
        await self.listeners.start()
        self.warden.start()
        settle_memory()
        self._tell_ready()

    def _tell_ready(self) -> None:
        listeners = self.listeners.describe()
        if self._tie is None:
            self.log.info("hoop is ready", policy=self.policy().version, listeners=listeners)
        else:
            self._tie.start()
            self._tie.ready(listeners)

    def _orphaned(self) -> None:
        self.log.warn("the parent of this worker is gone: it stops")
        self._reactor.stop()

    def _could_not_start(self, failure: Any) -> None:
        self.log.critical("the gateway cannot start: {why}", why=str(failure.value))
        if not isinstance(failure.value, HoopError):
            self.log.failure("why", failure=failure)
        self.exit_code = 1
        if self._reactor.running:
            self._reactor.stop()

    exit_code = 0

    def reload(self) -> None:
        """SIGHUP: the whole new configuration, or the old one stays (R13)."""
        try:
            settings = reload(self._path, self._settings)
            problems = check_files(settings, self._path)
            if problems:
                raise ConfigurationError(problems)
            own = own_issuer_of(settings, self._state)
            identity = self._identity_of(settings, own, self.identity)
            channels = self._telling.channels_of(settings)
            self.policy.replace(settings)
        except Exception as error:  # noqa: BLE001  whatever is wrong, the old configuration stays
            self.log.error("the configuration was not reloaded, the old one stays: {why}", why=str(error))
            return
        self.identity, self._own = identity, own
        self._vault.replace(settings.secrets)
        if settings.vault != self._settings.vault:
            self.log.warn("[vault] has changed: that takes effect with the next start")
        self.courier.replace(channels)
        self.halls.replace(settings)
        self.warden.look()
        self._settings = settings
        self.log.info("the configuration was reloaded", policy=self.policy().version)

    def _drained(self, why: str) -> None:
        """Somebody asked this replica, through the store, to stop."""
        self.log.info("this replica stops: {why}", why=why)
        if self._tie is not None:
            self._tie.leaves()
        self._reactor.stop()

    def stopService(self) -> Deferred[None]:
        """Accept nobody, let commands finish, then end every session with a message."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self.health.stopping = True
        if self._tie is not None:
            self._tie.stop()
        await self.listeners.stop(all_but="api")
        await ended(self.sessions, self._reactor, self._settings.gateway.stop_timeout)
        await self.listeners.stop()
        await self.agents.stop()
        self.warden.stop()
        self.feed.stop()
        self.courier.stop()
        await self._news.stop()
        await self.follower.stop()
        await self.membership.stop()
        await gatherResults([self.recorder.idle()])
        await self.keeper.stop()
        await self._vault.stop()
        await self._tracer.stop()
        await self._stopped_database()

    async def _stopped_database(self) -> None:
        await pause(self._reactor, 0.05)
        await self.index.settle()
        self.database.stop()
