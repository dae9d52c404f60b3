"""Metrics for Prometheus, in a registry of their own. Counting costs a dictionary entry; the work is done when asked.

Every method is for the reactor's thread. Labels are names from the configuration and closed sets, never what a client
sends: a client must not be able to make time series.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from twisted_hoop.observability.counting import DECISION_BUCKETS, Decisions

Key = tuple[str, ...]


class RecorderCounts(Protocol):
    """What is read from a recorder: its `counts`."""

    opened: int
    closed: int
    failed: int
    entries: int
    bytes: int
    waiting: int
    lag: float


class _Counter(Collector):
    """A family of counters; `values[labels] += n` is all that counting takes."""

    def __init__(self, name: str, text: str, labels: Key) -> None:
        self._name, self._text, self._labels = name, text, labels
        self.values: defaultdict[Key, float] = defaultdict(float)

    def collect(self) -> Iterator[Metric]:
        """Asked by the registry."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        yield family


class _Gauge(_Counter):
    def collect(self) -> Iterator[Metric]:
        """Asked by the registry."""
        family = GaugeMetricFamily(self._name, self._text, labels=self._labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        yield family


class _Decided(Collector):
    """Commands by decision, a histogram of the time it took, and what was answered."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions

    def collect(self) -> Iterator[Metric]:
        """Asked by the registry."""
        commands = CounterMetricFamily("hoop_commands", "Commands judged, by decision.", labels=("target", "decision"))
        for target, effects in self._decisions.counts.items():
            for effect, value in effects.items():
                commands.add_metric((target, effect), value)
        yield commands
        total, buckets = 0, []
        for bound, count in zip((*map(str, DECISION_BUCKETS), "+Inf"), self._decisions.buckets, strict=True):
            total += count
            buckets.append((bound, float(total)))
        times = HistogramMetricFamily("hoop_decision_seconds", "Time the gate takes for a command.")
        times.add_metric([], buckets, self._decisions.total)
        yield times
        for name, text, numbers in (
            ("hoop_masked_values", "Values masked in answers.", self._decisions.masked),
            ("hoop_row_bytes", "Bytes of rows that went to clients.", self._decisions.row_bytes),
        ):
            family = CounterMetricFamily(name, text, labels=("target",))
            for target, value in numbers.items():
                family.add_metric((target,), value)
            yield family


class _Watched(Collector):
    """Numbers somebody else keeps, read when asked: (name, text, is it a counter, read)."""

    def __init__(self) -> None:
        self.watched: list[tuple[str, str, bool, Callable[[], float]]] = []

    def collect(self) -> Iterator[Metric]:
        """Asked by the registry."""
        for name, text, counts, read in self.watched:
            family = CounterMetricFamily if counts else GaugeMetricFamily
            yield family(name, text, value=read())


class _Table(Collector):
    """A family somebody else keeps, with labels, read when asked."""

    def __init__(
        self, name: str, text: str, labels: Key, read: Callable[[], Mapping[Key, float]], counts: bool
    ) -> None:
        self._name, self._text, self._labels, self._read, self._counts = name, text, labels, read, counts

    def collect(self) -> Iterator[Metric]:
        """Asked by the registry."""
        kind = CounterMetricFamily if self._counts else GaugeMetricFamily
        family = kind(self._name, self._text, labels=self._labels)
        for labels, value in self._read().items():
            family.add_metric(labels, value)
        yield family


class Metrics:
    """What the gateway counts. `registry` is a Prometheus CollectorRegistry of its own, `render()` the text of it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._open = self._gauge("hoop_sessions_open", "Sessions open now.", "target")
        self._sessions = self._counter("hoop_sessions", "Sessions ended, by how.", "target", "outcome")
        self._logins = self._counter("hoop_logins", "Authentications, by result.", "result")
        self._approvals = self._counter("hoop_approvals", "Approval requests, by what happened to them.", "event")
        self._tokens = self._counter("hoop_token_cache", "Look-ups of proved tokens, by result.", "result")
        self._notices = self._counter(
            "hoop_notices", "Notices to channels, by what became of them.", "channel", "result"
        )
        self.decisions = Decisions()
        """What bridges tell of every command."""
        self._watched = _Watched()
        self.gathered: Callable[[], bytes] | None = None
        """Gives the text of all workers; None where there is this process alone."""
        self.registry.register(_Decided(self.decisions))
        self.registry.register(self._watched)

    def _counter(self, name: str, text: str, *labels: str) -> defaultdict[Key, float]:
        return self._registered(_Counter(name, text, labels))

    def _gauge(self, name: str, text: str, *labels: str) -> defaultdict[Key, float]:
        return self._registered(_Gauge(name, text, labels))

    def _registered(self, counter: _Counter) -> defaultdict[Key, float]:
        self.registry.register(counter)
        return counter.values

    def session_opened(self, target: str) -> None:
        """A session began."""
        self._open[target,] += 1

    def session_ended(self, target: str, outcome: str) -> None:
        """A session that was opened ended; `outcome` is `model.Outcome.code`."""
        self._open[target,] -= 1
        self._sessions[target, outcome] += 1

    def login(self, result: str) -> None:
        """Somebody tried to authenticate: "ok", "failed", "unavailable" …"""
        self._logins[result,] += 1

    def approval(self, event: str) -> None:
        """Something happened to a request: "requested", "voted", "used", or the state that was reached."""
        self._approvals[event,] += 1

    def notice(self, channel: str, result: str) -> None:
        """An attempt to deliver a notice ended: "sent", "failed" (it is tried again) or "dead"."""
        self._notices[channel, result] += 1

    def token_looked_up(self, hit: bool) -> None:
        """A token was looked for among those already proved."""
        self._tokens["hit" if hit else "miss",] += 1

    def watch(self, name: str, text: str, read: Callable[[], float], counts: bool = False) -> None:
        """Have `read` asked whenever metrics are rendered: a counter if `counts`, else a gauge."""
        self._watched.watched.append((name, text, counts, read))

    def watch_table(
        self, name: str, text: str, labels: Key, read: Callable[[], Mapping[Key, float]], counts: bool = False
    ) -> None:
        """The same for a family with labels: `read` gives values by what the labels are."""
        self.registry.register(_Table(name, text, labels, read, counts))

    def watch_recorder(self, counts: RecorderCounts) -> None:
        """Report a recorder's `counts`."""
        for name, text, read in _recorder(counts):
            self.watch(name, text, read, counts=True)
        self.watch("hoop_recording_waiting", "Commands that wait for the disk now.", lambda: counts.waiting)
        self.watch("hoop_recording_lag_seconds", "How long the last one waited.", lambda: counts.lag)
        self.watch("hoop_recordings_open", "Recordings open now.", lambda: counts.opened - counts.closed)

    def render(self) -> bytes:
        """The Prometheus text format; of all workers where `gathered` is set."""
        gathered = self.gathered
        return self.own() if gathered is None else gathered()

    def own(self) -> bytes:
        """The same of this process alone."""
        return bytes(generate_latest(self.registry))


def _recorder(counts: RecorderCounts) -> Iterable[tuple[str, str, Callable[[], float]]]:
    yield "hoop_recordings", "Recordings opened.", lambda: counts.opened
    yield "hoop_recording_entries", "Entries recorded.", lambda: counts.entries
    yield "hoop_recording_bytes", "Bytes written to recordings.", lambda: counts.bytes
    yield "hoop_recording_failures", "Writes that failed; each ends a session.", lambda: counts.failed
