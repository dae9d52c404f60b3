"""What is counted, as Prometheus reads it."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import CollectorRegistry

from tests.support.recordings import command, recorder, session
from twisted_hoop.model import Decision, Effect
from twisted_hoop.observability.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_sessions() -> None:
    metrics = Metrics()
    metrics.session_opened("shop")
    metrics.session_opened("shop")
    metrics.session_ended("shop", "client-lost")
    found = samples(metrics)
    assert found["hoop_sessions_open", (("target", "shop"),)] == 1
    assert found["hoop_sessions_total", (("outcome", "client-lost"), ("target", "shop"))] == 1


def test_decisions_are_counted_and_timed() -> None:
    metrics = Metrics()
    for seconds in (0.000001, 0.00003, 0.5):
        metrics.decisions.decided("shop", Decision(Effect.ALLOW, "any"), seconds)
    found = samples(metrics)
    assert found["hoop_commands_total", (("decision", "allow"), ("target", "shop"))] == 3
    assert found["hoop_decision_seconds_bucket", (("le", "1e-05"),)] == 1
    assert found["hoop_decision_seconds_bucket", (("le", "5e-05"),)] == 2
    assert found["hoop_decision_seconds_bucket", (("le", "+Inf"),)] == 3
    assert found["hoop_decision_seconds_count", ()] == 3
    assert abs(found["hoop_decision_seconds_sum", ()] - 0.500031) < 1e-9


def test_everything_else() -> None:
    metrics = Metrics()
    metrics.login("failed")
    metrics.approval("pending")
    metrics.token_looked_up(hit=True)
    metrics.token_looked_up(hit=False)
    metrics.decisions.answered("shop", 12, 4096)
    metrics.notice("chat", "dead")
    metrics.watch("hoop_pending", "Waiting.", lambda: 3)
    found = samples(metrics)
    assert found["hoop_logins_total", (("result", "failed"),)] == 1
    assert found["hoop_approvals_total", (("event", "pending"),)] == 1
    assert found["hoop_token_cache_total", (("result", "hit"),)] == 1
    assert found["hoop_masked_values_total", (("target", "shop"),)] == 12
    assert found["hoop_row_bytes_total", (("target", "shop"),)] == 4096
    assert found["hoop_notices_total", (("channel", "chat"), ("result", "dead"))] == 1
    assert found["hoop_pending", ()] == 3


def test_a_recorder_is_read_when_asked(tmp_path: Path) -> None:
    metrics, place = Metrics(), recorder(tmp_path)
    metrics.watch_recorder(place.counts)
    recording = place.open(session())
    recording.write(command())
    found = samples(metrics)
    assert found["hoop_recordings_open", ()] == 1
    assert found["hoop_recording_entries_total", ()] == 1
    assert found["hoop_recording_bytes_total", ()] > 100
    assert found["hoop_recording_failures_total", ()] == 0


def test_registries_do_not_share(tmp_path: Path) -> None:
    one, two = Metrics(), Metrics()
    one.login("ok")
    assert isinstance(one.registry, CollectorRegistry)
    assert b'hoop_logins_total{result="ok"}' in one.render()
    assert b'hoop_logins_total{result="ok"}' not in two.render()
