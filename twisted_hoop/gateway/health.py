"""How the parts of the gateway are: asked of each when somebody wants to know."""

from __future__ import annotations

import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool

from twisted_hoop import __version__
from twisted_hoop.errors import HoopError, StoreUnavailable
from twisted_hoop.notify.deliveries import DEAD, WAITING, Deliveries
from twisted_hoop.settings import Settings
from twisted_hoop.store.database import Database
from twisted_hoop.store.replicas import Replicas

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, each for itself: numbers and words ready for JSON. `started` is POSIX."""

    settings: Callable[[], Settings]
    policy: Callable[[], str]
    sessions: Callable[[], int]
    watchers: Callable[[], int]
    listeners: Callable[[], list[str]]
    issuers: Callable[[], list[dict[str, Any]]]
    recorder: Callable[[], dict[str, Any]]
    recordings: Path
    started: float


class Health:
    """See the module."""

    def __init__(self, asked: Asked, database: Database, deliveries: Deliveries, reactor: Any) -> None:
        self._asked, self._database, self._reactor = asked, database, reactor
        self._deliveries = deliveries
        self._replicas = Replicas(database)
        self.stopping = False

    async def whole(self) -> dict[str, Any]:
        """Everything: a `web.shapes.Health`."""
        asked, settings = self._asked, self._asked.settings()
        store, free = await self._store(), await self._free()
        channels = await self._channels(settings)
        found = {
            "gateway": settings.gateway.name,
            "version": __version__,
            "policy": asked.policy(),
            "started": asked.started,
            "sessions": asked.sessions(),
            "watchers": asked.watchers(),
            "listeners": asked.listeners(),
            "issuers": asked.issuers(),
            "store": store,
            "recorder": {**asked.recorder(), "free_mib": free, "minimum_free_mib": settings.recording.minimum_free},
            "channels": channels,
            "replicas": await self._others(),
        }
        problems = self._problems(found)
        return {"status": "ok" if not problems else "ailing", **found, "problems": problems}

    async def unready(self) -> list[str]:
        """Why no clients should be sent here; empty when they should."""
        problems = [] if self._asked.listeners() and not self.stopping else ["the gateway starts or stops"]
        if not (await self._store())["ok"]:
            problems.append("the store does not answer")
        if (await self._free()) < self._asked.settings().recording.minimum_free:
            problems.append("there is no space for recordings")
        return problems

    def _problems(self, found: dict[str, Any]) -> list[str]:
        problems = [] if found["store"]["ok"] else ["the store does not answer"]
        recorder = found["recorder"]
        if recorder["free_mib"] < recorder["minimum_free_mib"]:
            problems.append("there is no space for recordings: no session can open")
        problems += [f"issuer {each['name']}: {each['problem']}" for each in found["issuers"] if each["problem"]]
        problems += [f"channel {c['name']}: {c['dead']} dead letters" for c in found["channels"] if c["dead"]]
        policies = {each["policy"] for each in found["replicas"]}
        if len(policies) > 1:
            problems.append(f"replicas have different rules: {', '.join(sorted(policies))}")
        return problems

    async def _store(self) -> dict[str, Any]:
        began = time.perf_counter()
        try:
            await self._database.ping()
        except StoreUnavailable as fault:
            return {"ok": False, "kind": self._database.kind, "seconds": 0.0, "problem": str(fault)}
        seconds = round(time.perf_counter() - began, 6)
        return {"ok": True, "kind": self._database.kind, "seconds": seconds, "problem": ""}

    async def _free(self) -> int:
        """MiB; 0 when the folder cannot be looked at, for then nothing can be written either."""

        def look() -> int:
            try:
                return shutil.disk_usage(self._asked.recordings).free // _MIB
            except OSError:
                return 0

        return await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), look)

    async def _channels(self, settings: Settings) -> list[dict[str, Any]]:
        counts = await _or(self._deliveries.counts(), {})
        return [
            {
                "name": each.name,
                "kind": each.kind,
                "waiting": counts.get((each.name, WAITING), 0),
                "dead": counts.get((each.name, DEAD), 0),
            }
            for each in settings.notify
        ]

    async def _others(self) -> list[dict[str, Any]]:
        return [asdict(each) for each in await _or(self._replicas.all(), [])]


async def _or(work: Awaitable[Any], otherwise: Any) -> Any:
    try:
        return await work
    except HoopError:
        return otherwise
