"""What is kept of sessions: recordings and what becomes of them, the list of sessions, who read what, traces."""

from __future__ import annotations

import time

from twisted_hoop.archive.keeper import Keeper
from twisted_hoop.gateway.ground import Ground
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.secrets.transit import transit_of
from twisted_hoop.store.reads import ReadLog
from twisted_hoop.store.sessions import SessionIndex
from twisted_hoop.tracing.tracer import Tracer


class Records:
    """See the module. `traced` is the recorder that sessions are given."""

    def __init__(self, ground: Ground) -> None:
        settings, reactor, metrics, resolve = ground.settings, ground.reactor, ground.metrics, ground.secrets.resolve
        transit = transit_of(settings.recording.transit_key, ground.environ, settings.vault, ground.path.parent)
        self.recorder = Recorder(settings.recording, ground.state, reactor, settings.gateway.name, transit=transit)
        metrics.watch_recorder(self.recorder.counts)
        shared = (ground.database, time.time)
        self.keeper = Keeper(reactor, ground.database, self.recorder, ground.in_force, time.time, ground.ident, resolve)
        self.keeper.watched(metrics.watch)
        self.index = SessionIndex(*shared, reactor, ground.ident)
        metrics.watch("hoop_sessions_unwritten", "Sessions the store has not taken yet.", self.index.unwritten)
        self.reads = ReadLog(*shared)
        self.tracer = Tracer(reactor, settings, ground.ident, resolve, metrics.watch)
        self.traced = self.tracer.over(self.recorder)
