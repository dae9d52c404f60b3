"""The service that keeps a worker's metrics where the others find them."""

from __future__ import annotations

from pathlib import Path

from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.workers import gathering
from twisted_hoop.workers.gathering import Gathering


def test_it_writes_by_itself_and_lets_go(loop: Loop, tmp_path: Path) -> None:
    metrics = [Metrics(), Metrics()]
    services = [Gathering(loop.reactor, each, tmp_path, number) for number, each in enumerate(metrics)]
    for each in services:
        each._loop.interval = 0.05
        loop.run(each.startService)
    for counted in metrics:
        counted.session_opened("shop")
    assert gathering.EVERY > 0
    metrics[1].render()
    told = wait_for(lambda: b'worker="1"' in metrics[0].render(), "the other worker's numbers")
    assert told and b'worker="0"' in metrics[1].render()
    for each in services:
        loop.run(each.stopService)
    assert list((tmp_path / "metrics").iterdir()) == []
    assert metrics[0].render() == metrics[0].own() and b"worker" not in metrics[0].own()


def test_a_folder_that_cannot_be_made_leaves_ones_own(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    metrics = Metrics()
    service = Gathering(loop.reactor, metrics, tmp_path / "file", 0)
    loop.run(service.startService)
    assert metrics.render() == metrics.own()
    loop.run(service.stopService)
