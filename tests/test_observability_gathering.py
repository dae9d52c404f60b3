"""Metrics of several workers as one text."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from twisted_hoop.observability.gathering import STALE, Gathered, labelled, merged
from twisted_hoop.observability.metrics import Metrics


def metrics_of(sessions: int) -> Metrics:
    found = Metrics()
    for _ in range(sessions):
        found.session_opened("shop")
    return found


def values(text: bytes, name: str) -> dict[str, float]:
    families = text_string_to_metric_families(text.decode())
    return {s.labels["worker"]: s.value for family in families for s in family.samples if s.name == name}


def test_any_worker_tells_of_all(tmp_path: Path) -> None:
    workers = [Gathered(tmp_path, number, metrics_of(number + 1).own) for number in range(3)]
    for each in workers:
        each.write()
    for each in workers:
        text = each.all()
        assert values(text, "hoop_sessions_open") == {"0": 1, "1": 2, "2": 3}
        names = [line.split(" ")[2] for line in text.decode().splitlines() if line.startswith("# TYPE")]
        assert len(names) == len(set(names)), "each family stands there once"
    workers[1].remove()
    workers[1].write()  # too late
    assert values(workers[0].all(), "hoop_sessions_open") == {"0": 1, "2": 3}
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_counter_never_goes_back_whoever_is_asked(tmp_path: Path) -> None:
    metrics = metrics_of(1)
    one, two = Gathered(tmp_path, 0, metrics.own), Gathered(tmp_path, 1, metrics_of(1).own)
    seen = []
    for _ in range(5):
        metrics.session_opened("shop")
        for each in (one, two):
            seen.append(values(each.all(), "hoop_sessions_open")["0"])
    assert seen == sorted(seen) and seen[-1] == 6


def test_of_one_number_the_later_counts_and_what_is_stale_goes(tmp_path: Path) -> None:
    now = time.time()
    drains = Gathered(tmp_path, 0, metrics_of(7).own, lambda: now - 5)
    drains.write()
    fresh = Gathered(tmp_path, 0, metrics_of(2).own, lambda: now)
    assert values(fresh.all(), "hoop_sessions_open") == {"0": 2}
    for path in tmp_path.iterdir():
        os.utime(path, (now - STALE - 1, now - STALE - 1))
    other = Gathered(tmp_path, 1, metrics_of(1).own, lambda: now)
    assert values(other.all(), "hoop_sessions_open") == {"1": 1}
    assert [path.name[:2] for path in tmp_path.iterdir()] == ["1-"]


def test_a_folder_that_is_gone_leaves_ones_own(tmp_path: Path) -> None:
    metrics = metrics_of(1)
    assert Gathered(tmp_path / "nowhere", 0, metrics.own).all() == metrics.own()


def test_many_threads_write_and_read(tmp_path: Path) -> None:
    workers = [Gathered(tmp_path, number, metrics_of(1).own) for number in range(2)]
    for each in workers:
        each.write()
    wrong: list[bytes] = []

    def scrape(each: Gathered) -> None:
        for _ in range(20):
            text = each.all()
            if set(values(text, "hoop_sessions_open")) != {"0", "1"}:
                wrong.append(text)

    threads = [threading.Thread(target=scrape, args=(each,)) for each in workers * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_a_sample_gets_its_label() -> None:
    assert labelled('a{b="c d{e"} 1.0', "0") == 'a{worker="0",b="c d{e"} 1.0'
    assert labelled("a 1.0", "12") == 'a{worker="12"} 1.0'


@given(st.lists(st.tuples(st.sampled_from("01"), st.binary()), max_size=3))
def test_garbage_is_text_at_worst(texts: list[tuple[str, bytes]]) -> None:
    assert isinstance(merged(texts), bytes)
