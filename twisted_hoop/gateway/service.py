"""A gateway as a Twisted service: what it is made of, in order, how it starts, what a reload replaces, how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from twisted_hoop.config import load, reload
from twisted_hoop.config.files import check_files
from twisted_hoop.errors import ConfigurationError, HoopError
from twisted_hoop.gateway.agents import Agents
from twisted_hoop.gateway.deciding import Deciding
from twisted_hoop.gateway.doors import Doors
from twisted_hoop.gateway.ground import Ground
from twisted_hoop.gateway.life import ended, pause, settle_memory
from twisted_hoop.gateway.others import Others, news_of
from twisted_hoop.gateway.people import People
from twisted_hoop.gateway.records import Records
from twisted_hoop.gateway.warden import Warden
from twisted_hoop.gateway.web import Web
from twisted_hoop.replicas.hearing import Hearing
from twisted_hoop.settings import Settings
from twisted_hoop.workers.in_force import read_settings
from twisted_hoop.workers.place import Worker, worker_of
from twisted_hoop.workers.supervisor import Supervisor
from twisted_hoop.workers.tie import Tie


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
    """One gateway, or one worker of it. Each part is given those it stands on, and none that is made after it.

    Nothing is opened before `startService`; `stopService` lets go of everything, sessions last.
    """

    log = Logger()
    name = "hoop"
    exit_code = 0
    doors: Doors
    _hearing: Hearing

    def __init__(
        self,
        path: Path,
        settings: Settings,
        reactor: Any,
        environ: Mapping[str, str],
        worker: Worker | None = None,
    ) -> None:
        self._reactor = reactor
        self._tie = Tie(reactor, worker, self._orphaned) if worker is not None else None
        number = worker.number if worker is not None else None
        ground = self.ground = Ground(path, settings, reactor, environ, self._login_lost, number)
        people = self.people = People(ground)
        records = self.records = Records(ground)
        deciding = self.deciding = Deciding(ground, people)
        # Asked late: what hears news, and where clients connect, stands on those who tell news and those who look.
        news = self.news = news_of(ground, lambda word: self._hearing.heard(word))
        agents = self.agents = Agents(
            *(reactor, ground.in_force, people.provider, people.authority, people.keys.agent_ca),
            *(ground.database, ground.ident, news.tell, ground.state, ground.number),
        )
        agents.watched(ground.metrics)
        self.warden = Warden(reactor, people.sessions, people.provider, deciding.policy, people.lock_of)
        others = self.others = Others(ground, people, deciding, agents, news, self.warden.look, self._drained)
        web = self.web = Web(
            *(ground, people, records, deciding, others, agents, news),
            lambda: self.doors.listeners.describe(),
        )
        endpoint = self._tie.endpoint if self._tie is not None else None
        self.doors = Doors(ground, people, records, deciding, others, web, agents, endpoint)
        self._hearing = others.hearing(web.feed.nudge, web.console.visits.forget)

    def startService(self) -> None:
        """Open the store, end what a crash left open, then listen."""
        super().startService()  # type: ignore[no-untyped-call]
        self.ground.database.start()
        started = Deferred.fromCoroutine(self._start())
        started.addErrback(self._could_not_start)

    async def _start(self) -> None:
        left = [each.session for each in await self.records.recorder.recover()]
        await self.records.index.interrupted(left)
        await self.deciding.shelf.interrupted(left)
        await self.agents.listen()
        await self.others.membership.start()
        await self.ground.secrets.start(left)
        await self.others.follower.start()
        await self.agents.start()
        await self.news.start()
        self.deciding.telling.courier.start()
        self.records.tracer.start()
        self.records.keeper.start()
        await self.doors.listeners.start()
        self.warden.start()
        settle_memory()
        self._tell_ready()

    def _tell_ready(self) -> None:
        listeners = self.doors.listeners.describe()
        if self._tie is None:
            self.log.info("hoop is ready", policy=self.deciding.policy().version, listeners=listeners)
        else:
            self._tie.start()
            self._tie.ready(listeners)

    def _could_not_start(self, failure: Any) -> None:
        self.log.critical("the gateway cannot start: {why}", why=str(failure.value))
        if not isinstance(failure.value, HoopError):
            self.log.failure("why", failure=failure)
        self.exit_code = 1
        if self._reactor.running:
            self._reactor.stop()

    def reload(self) -> None:
        """SIGHUP: the whole new configuration, or the old one stays (R13)."""
        before, path = self.ground.settings, self.ground.path
        try:
            settings = reload(path, before)
            problems = check_files(settings, path)
            if problems:
                raise ConfigurationError(problems)
            replace_people = self.people.replacing(settings)
            channels = self.deciding.telling.channels_of(settings)
            self.deciding.policy.replace(settings)
        except Exception as error:  # noqa: BLE001  whatever is wrong, the old configuration stays
            self.log.error("the configuration was not reloaded, the old one stays: {why}", why=str(error))
            return
        replace_people()
        if settings.vault != before.vault:
            self.log.warn("[vault] has changed: that takes effect with the next start")
        self.ground.replace(settings)
        self.deciding.telling.courier.replace(channels)
        self.doors.halls.replace(settings)
        self.warden.look()
        self.log.info("the configuration was reloaded", policy=self.deciding.policy().version)

    def _orphaned(self) -> None:
        self.log.warn("the parent of this worker is gone: it stops")
        self._reactor.stop()

    def _login_lost(self, session_id: str, why: str) -> None:
        live = self.people.sessions.find(session_id)
        if live is not None:
            live.handle.end("57P01", f"hoop: {why}")

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
        self.web.health.stopping = True
        if self._tie is not None:
            self._tie.stop()
        await self.doors.listeners.stop(all_but="api")
        await ended(self.people.sessions, self._reactor, self.ground.settings.gateway.stop_timeout)
        await self.doors.listeners.stop()
        await self.agents.stop()
        self.warden.stop()
        self.web.feed.stop()
        self.deciding.telling.courier.stop()
        await self.news.stop()
        await self.others.follower.stop()
        await self.others.membership.stop()
        await gatherResults([self.records.recorder.idle()])
        await self.records.keeper.stop()
        await self.ground.secrets.stop()
        await self.records.tracer.stop()
        await self._stopped_database()

    async def _stopped_database(self) -> None:
        await pause(self._reactor, 0.05)
        await self.records.index.settle()
        self.ground.database.stop()
