"""Works in front of Kubernetes: small requests, a long list, exec, watches that say nothing, people with k9s."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

from harness.http_client import Client
from harness.kube_world import LARGE, SMALL, KubeVariant, KubeWorld
from harness.measure import Samples, latency_rows, speed_rows, take_turns, timed
from harness.rows import Row, Work
from tests.support.kube.programs import kubectl_path

_PODS = "/api/v1/namespaces/default/pods"
_MAPS = "/api/v1/namespaces/default/configmaps"
_LOOKS = (_PODS, _MAPS, f"{_PODS}/bench/log", f"{_MAPS}/map-1", "/api/v1/namespaces", f"{_PODS}/bench")
"""What k9s asks for again and again."""
PATIENCE = 300.0
_SETTLED = 1.0


def small(world: KubeWorld, rounds: int, count: int) -> Work:
    """A GET of a kilobyte on one connection."""
    return "small GET", partial(_small, world, rounds, count)


def _small(world: KubeWorld, rounds: int, count: int) -> Iterable[Row]:
    with ExitStack() as stack:
        clients = {each.name: stack.enter_context(closing(Client(each, each.context()))) for each in world.fixed}

        def turn(variant: KubeVariant, samples: Samples) -> None:
            client = clients[variant.name]
            samples.times += [timed(lambda: client.get(SMALL)) for _ in range(count)]
            samples.units += count

        for variant in world.fixed:
            turn(variant, Samples())  # what only the first ones cost
        yield from latency_rows("small GET", take_turns(world.fixed, rounds, turn))  # type: ignore[arg-type]


def large(world: KubeWorld, rounds: int, size: int) -> Work:
    """A list of Secrets, masked by the gateway and by nobody else; CPU is that of a megabyte."""
    return f"list {size // 1_000_000}MB masked", partial(_large, f"list {size // 1_000_000}MB masked", world, rounds)


def _large(name: str, world: KubeWorld, rounds: int) -> Iterable[Row]:
    firsts: dict[str, Samples] = {each.name: Samples() for each in world.fixed}

    def turn(variant: KubeVariant, samples: Samples) -> None:
        with closing(Client(variant, variant.context())) as client:
            began = time.perf_counter()
            client.get(LARGE)
            samples.times.append(time.perf_counter() - began)
            firsts[variant.name].times.append(client.first)
        samples.units += world.list_size // 1_000_000

    yield from speed_rows(name, take_turns(world.fixed, rounds, turn), "MB/s")  # type: ignore[arg-type]
    yield from latency_rows("list first byte", firsts)


def execute(world: KubeWorld, rounds: int, size: int) -> Iterable[Work]:
    """`kubectl exec`: zeros, and lines of a log, recorded by the gateway."""
    zeros = ["head", "-c", str(size), "/dev/zero"]
    yield "exec", partial(_execute, "exec", world, rounds, zeros, size)
    yield "exec text", partial(_execute, "exec text", world, rounds, ["cat", str(world.text)], world.text_size)


def _execute(name: str, world: KubeWorld, rounds: int, command: list[str], size: int) -> Iterable[Row]:
    def turn(variant: KubeVariant, samples: Samples) -> None:
        argv = [kubectl_path(), "--kubeconfig", str(variant.kubeconfig), "exec", "bench", "--", *command]
        environ = {"HOME": str(world.text.parent), "PATH": "/usr/bin:/bin"}
        run = partial(subprocess.run, argv, check=True, env=environ, stdout=subprocess.DEVNULL, timeout=PATIENCE)
        samples.times.append(timed(run))
        samples.units += size

    for row in speed_rows(name, take_turns(world.live, rounds, turn), "B/s"):  # type: ignore[arg-type]
        per_gb = row.cpu_us * 1e3 if row.cpu_us is not None else None  # µs a byte are 1000 s a gigabyte
        yield replace(row, value=row.value / 1e6, unit="MB/s", cpu_us=None, cpu_s_per_gb=per_gb)


def watches(world: KubeWorld, count: int) -> Work:
    """Resident memory for each watch that says nothing."""
    return "watch idle", partial(_watches, world, count)


def _watches(world: KubeWorld, count: int) -> Iterable[Row]:
    for variant in world.live:
        if variant.process is None:
            continue
        with ExitStack() as stack:
            for _ in range(5):  # what the first ones make is everybody's
                stack.enter_context(closing(_watching(variant)))
            time.sleep(_SETTLED)
            before = variant.process.resident_kb()
            for _ in range(count):
                stack.enter_context(closing(_watching(variant)))
            time.sleep(_SETTLED)
            yield Row("watch idle", variant.name, (variant.process.resident_kb() - before) / count, "KB/watch")


def _watching(variant: KubeVariant) -> Client:
    client = Client(variant, variant.context())
    client.begin(f"{_MAPS}?watch=true&allowWatchBookmarks=true")
    return client


def people(world: KubeWorld, count: int, seconds: float) -> Work:
    """So many people with k9s: a watch each, lists and logs in turn. An answer that is no 200 ends the run."""
    return "k9s load", partial(_people, world, count, seconds)


def _people(world: KubeWorld, count: int, seconds: float) -> Iterable[Row]:
    def turn(variant: KubeVariant, samples: Samples) -> None:
        crowd = [_Person(variant, seconds) for _ in range(count)]
        for each in crowd:
            each.start()
        for each in crowd:
            each.join(seconds + PATIENCE)
        failed = [each.failed for each in crowd if each.failed is not None]
        if failed:
            raise RuntimeError(f"{len(failed)} of {count} people were let down") from failed[0]
        samples.times += [took for each in crowd for took in each.times]
        samples.units += sum(len(each.times) for each in crowd)

    yield from latency_rows("k9s load", take_turns(world.live, 1, turn))  # type: ignore[arg-type]


class _Person(threading.Thread):
    """One of them."""

    def __init__(self, variant: KubeVariant, seconds: float) -> None:
        super().__init__(daemon=True)
        self.times: list[float] = []
        self.failed: Exception | None = None
        self._variant = variant
        self._seconds = seconds

    def run(self) -> None:
        """Ask until the time is over."""
        try:
            with closing(_watching(self._variant)), closing(Client(self._variant, self._variant.context())) as client:
                until = time.monotonic() + self._seconds
                while time.monotonic() < until:
                    for path in _LOOKS:
                        self.times.append(timed(partial(client.get, path)))
                    time.sleep(0.2)
        except Exception as error:  # noqa: BLE001  told to who waits
            self.failed = error
