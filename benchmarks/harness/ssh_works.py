"""Works over SSH: bulk both ways, through jumps, masked; answers of one byte; logins; memory; a stopped neighbour."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from harness.measure import Samples, latency_rows, percentile, speed_rows, take_turns, timed
from harness.rows import Row, Work
from harness.ssh_world import SshWorld, Variant

Run = Callable[[Variant], object]
PATIENCE = 300.0
_NOWHERE: dict[str, int] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
WARM = 200
"""Answers of an echo that are not counted."""


def bulk(world: SshWorld, rounds: int, size: int) -> Iterable[Work]:
    """Bytes a second, and CPU seconds of the relay for a gigabyte. Zeros, as `head -c` gives them, but for `text`."""
    zeros = f"head -c {size} /dev/zero"
    yield download("download", world.named("direct", "hoop", "asyncssh", "stock conch"), rounds, zeros, size)
    yield _upload(world.named("direct", "hoop", "asyncssh"), rounds, size)  # Conch ends a stream before its own buffer
    yield download("jump", world.named("direct", "hoop -J", "openssh -J"), rounds, zeros, size)
    text = f"cat {world.text}"
    yield download("text", world.named("direct", "hoop", "asyncssh"), rounds, text, world.text_size)
    yield download("masked", world.named("direct", "hoop masked"), rounds, text, world.text_size)


def download(name: str, variants: Sequence[Variant], rounds: int, command: str, size: int) -> Work:
    """What the command prints, so many bytes of it."""
    return name, partial(_speed, name, variants, rounds, partial(_download, command), size)


def _upload(variants: Sequence[Variant], rounds: int, size: int) -> Work:
    return "upload", partial(_speed, "upload", variants, rounds, partial(_give, size), size)


def _speed(name: str, variants: Sequence[Variant], rounds: int, run: Run, size: int) -> Iterable[Row]:
    def turn(variant: Variant, samples: Samples) -> None:
        samples.times.append(timed(lambda: run(variant)))
        samples.units += size

    for row in speed_rows(name, take_turns(variants, rounds, turn), "B/s"):
        per_gb = row.cpu_us * 1e3 if row.cpu_us is not None else None  # µs a byte are 1000 s a gigabyte
        yield replace(row, value=row.value / 1e6, unit="MB/s", cpu_us=None, cpu_s_per_gb=per_gb)


def _download(command: str, variant: Variant) -> None:
    subprocess.run(variant.command(command), check=True, timeout=PATIENCE, **_NOWHERE)


def _give(size: int, variant: Variant) -> None:
    with subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE) as source:
        subprocess.run(variant.command("cat >/dev/null"), check=True, stdin=source.stdout, timeout=PATIENCE)


# -- answers ------------------------------------------------------------------------------------------------------


def echo(world: SshWorld, rounds: int) -> Iterable[Work]:
    """One byte through `cat` and back, on a session that is there."""
    variants = world.named("direct", "hoop", "hoop -J", "openssh -J", "asyncssh", "stock conch")
    yield "echo", lambda: latency_rows("echo", take_turns(variants, 1, partial(_echo, rounds)))


def _echo(rounds: int, variant: Variant, samples: Samples) -> None:
    process = variant.start("cat")
    times = _answers(process, rounds + WARM)
    samples.times += times[WARM:]
    samples.units += len(times)
    _end(process)


def _answers(process: subprocess.Popen[bytes], count: int) -> list[float]:
    assert process.stdin is not None
    assert process.stdout is not None
    times = []
    for _ in range(count):
        began = time.perf_counter()
        process.stdin.write(b"x")
        process.stdout.read(1)
        times.append(time.perf_counter() - began)
    return times


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def setup(world: SshWorld, rounds: int) -> Iterable[Work]:
    """`ssh true`: both handshakes, a login on each leg, one command. CPU is the relay's for each."""
    variants = world.named("direct", "hoop", "hoop -J", "openssh -J", "asyncssh", "stock conch")

    def turn(variant: Variant, samples: Samples) -> None:
        samples.times.append(timed(partial(_download, "true", variant)))
        samples.units += 1

    yield "set-up", lambda: latency_rows("set-up", take_turns(variants, rounds, turn))


# -- memory, and a neighbour --------------------------------------------------------------------------------------


def idle(world: SshWorld, count: int) -> Iterable[Work]:
    """Resident memory for each session with a command that runs and says nothing."""
    yield "idle", partial(_idle, world.named("hoop", "hoop -J", "asyncssh", "stock conch"), count)


def _idle(variants: Sequence[Variant], count: int) -> Iterable[Row]:
    for variant in variants:
        assert variant.process is not None
        warm = [_session(variant) for _ in range(5)]  # what the first ones make is everybody's
        before = variant.process.resident_kb()
        sessions = [_session(variant) for _ in range(count)]
        value = (variant.process.resident_kb() - before) / count
        for each in (*warm, *sessions):
            _end(each)
        yield Row("idle", variant.name, value, "KB/session")


def _session(variant: Variant) -> subprocess.Popen[bytes]:
    process = variant.start("cat")
    _answers(process, 1)
    return process


def neighbour(world: SshWorld, rounds: int) -> Iterable[Work]:
    """The echo of one session while another one reads nothing of `yes`: 99th percentile, and what the relay grew."""
    variants = world.named("hoop", "asyncssh", "stock conch")
    yield "neighbour", partial(_neighbours, variants, rounds)


def _neighbours(variants: Sequence[Variant], rounds: int) -> Iterable[Row]:
    for variant in variants:
        assert variant.process is not None
        session = _session(variant)
        quiet = percentile(_answers(session, rounds + WARM)[WARM:], 0.99)
        flood = variant.start("yes")
        time.sleep(1.0)  # long enough for every buffer between to be full
        variant.process.reset_peak()
        times = _answers(session, rounds + WARM)[WARM:]
        p99 = percentile(times, 0.99)
        _end(flood)
        _end(session)
        ratio = statistics.median(times) and quiet / p99
        yield Row("neighbour", variant.name, p99 * 1e6, "us p99", ratio, peak_mb=variant.process.peak_mb())
