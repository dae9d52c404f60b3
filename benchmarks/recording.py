"""What recording costs: CPU per entry, per session, and the speed of verification.

    python benchmarks/recording.py [--quick] [--flood MIB] [--json]

Entries have the size the PostgreSQL relay writes: a command of about 150 characters and its outcome, written lazily.
Each figure is the median of several rounds; CPU is the process's own (user and system), so that a busy machine counts
little. The disk's speed shows in the waiting times only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness  # noqa: F401 - finds this checkout
from twisted.internet.defer import execute
from twisted.internet.task import Clock

from twisted_hoop.model import Entry, Outcome, Peer, Principal, Session, Target
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.recording.recording import Recording
from twisted_hoop.recording.streams import stream_entry
from twisted_hoop.recording.verification import verify
from twisted_hoop.settings import RecordingSection

CHUNK = 1 << 15
"""Bytes of one piece of output."""
COMMAND = Entry(
    "command",
    {
        "command": 1,
        "action": "query",
        "text": "SELECT o.id, o.placed, c.name, c.email FROM orders o JOIN customers c ON c.id = o.customer "
        "WHERE o.placed > $1 AND c.country = $2 ORDER BY o.placed LIMIT 50",
        "parameters": ["2026-01-01", "CH"],
        "decision": "allow",
        "rule": "analysts-read",
        "approval": None,
        "masks": ["e-mail"],
        "tables": ["public.orders", "public.customers"],
    },
)
OUTCOME = Entry("outcome", {"command": 1, "tag": "SELECT 50", "rows": 50, "bytes": 4210, "masked": 50})


class Wall(Clock):
    """A clock that reads the time, as a reactor does; its timers are never run."""

    def seconds(self) -> float:
        """POSIX time."""
        return time.time()


def session(number: int) -> Session:
    """The session with this number."""
    who = Principal("https://issuer.example", "u-1", "alice", frozenset({"analysts", "eu"}))
    return Session(f"bench-{number:08}", who, Target("shop", "postgres", ""), Peer("192.0.2.7", 40001), time.time())


def recorder(state: Path, durability: str = "page-cache") -> Recorder:
    """A recorder that does its slow work at once, so that its CPU is counted."""
    section = RecordingSection(durability=durability, minimum_free=0)  # type: ignore[arg-type]
    return Recorder(section, state, Wall(), "bench", in_thread=execute)


def cpu(rounds: int, times: int, run: Callable[[int], object]) -> float:
    """Median CPU in µs of one of `times` calls."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        run(times)
        found.append((time.process_time() - began) / times * 1e6)
    return statistics.median(found)


def entries(recording: Recording, entry: Entry, lazy: bool) -> Callable[[int], None]:
    """Write one entry many times."""

    def run(times: int) -> None:
        for _ in range(times):
            recording.write(entry, lazy)

    return run


def pairs(recording: Recording) -> Callable[[int], None]:
    """What a query writes: a command, and lazily its outcome."""

    def run(times: int) -> None:
        for _ in range(times):
            recording.write(COMMAND)
            recording.write(OUTCOME, lazy=True)

    return run


def writing(state: Path, rounds: int, times: int) -> dict[str, float]:
    """CPU of writing."""
    place = recorder(state)
    first, second, third = (place.open(session(number)) for number in (1, 2, 3))
    found = {
        "command entry, µs CPU": cpu(rounds, times, entries(first, COMMAND, lazy=False)),
        "lazy outcome entry, µs CPU": cpu(rounds, times, entries(second, OUTCOME, lazy=True)),
        "query (command and outcome), µs CPU": cpu(rounds, times, pairs(third)),
    }
    large = Entry("command", {"text": "x" * (1 << 20)})
    found["1 MiB command, µs CPU"] = cpu(rounds, max(times // 1000, 3), entries(place.open(session(4)), large, False))
    for recording in (first, second, third):
        recording.close(Outcome("closed"))
    return found


def sessions(state: Path, rounds: int, times: int) -> dict[str, float]:
    """CPU of a session: opened, one query, closed, both ledger lines, signed and checked."""
    place, numbers = recorder(state), iter(range(1_000, 1_000_000))

    def run(times: int) -> None:
        for _ in range(times):
            recording = place.open(session(next(numbers)))
            pairs(recording)(1)
            recording.close(Outcome("closed"))

    return {"session (open, query, sign, ledger), µs CPU": cpu(rounds, max(times // 100, 5), run)}


def waiting(state: Path, times: int) -> dict[str, float]:
    """How long the disk takes under "fsync-per-command": wall time, in a thread, while the session waits."""
    recording = recorder(state, "fsync-per-command").open(session(1))
    found = []
    for _ in range(times):
        recording.write(COMMAND)
        began = time.perf_counter()
        recording.barrier()
        found.append((time.perf_counter() - began) * 1e3)
    return {"fsync barrier, ms waiting (this disk)": statistics.median(found)}


def reading(state: Path, rounds: int) -> dict[str, float]:
    """MB/s of CPU time for verifying and for reading entries."""
    keys, library = public_keys(state), Library(state / "recordings")
    path = library.find("bench-00000003")
    size = path.stat().st_size

    def check(_times: int) -> None:
        assert verify(path, keys).ok

    def read(_times: int) -> None:
        assert sum(1 for _ in library.read("bench-00000003")) > 2

    return {
        "verify, MB/s": size / cpu(rounds, 1, check),
        "read, MB/s": size / cpu(rounds, 1, read),
        "list one summary, µs CPU": cpu(rounds, 100, lambda n: [library.summary("bench-00000003") for _ in range(n)]),
    }


def flood(state: Path, mebibytes: int) -> dict[str, float]:
    """Output of a session, as an SSH stream brings it: CPU per GB, what is kept of it, and what memory it took."""
    noise, found = os.urandom(CHUNK), {}
    words = (b"".join(b"%08d some line of a log with a value %d\r\n" % (n, n * 37 % 1001) for n in range(1000)) * 2)[
        :CHUNK
    ]
    for name, chunk in (("text", words), ("random", noise)):
        place = recorder(state / name)
        recording = place.open(session(1))
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        for _ in range((mebibytes << 20) // CHUNK):
            recording.write(stream_entry("output", 0, "stdout", chunk), lazy=True)
        took, size = time.process_time() - began, mebibytes / 1024 * 1.073741824
        recording.close(Outcome("closed"))
        path = place.folder / recording.path
        began = time.process_time()
        assert verify(path, public_keys(state / name)).ok
        found[f"{name}: verify, MB/s"] = path.stat().st_size / (time.process_time() - began) / 1e6
        found[f"{name}: CPU seconds for a GB of output"] = took / size
        found[f"{name}: bytes kept for a byte"] = path.stat().st_size / (mebibytes << 20)
        found[f"{name}: MiB of memory more at the peak"] = (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        ) / 1024
        path.unlink()
    return found


def measure(quick: bool, flooded: int) -> dict[str, float]:
    """Every figure."""
    rounds, times = (3, 2_000) if quick else (7, 20_000)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        found |= writing(state / "a", rounds, times)
        found |= sessions(state / "b", rounds, times)
        found |= waiting(state / "c", 20 if quick else 200)
        found |= reading(state / "a", rounds)
        found |= flood(state / "d", flooded)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few seconds, rougher figures")
    parser.add_argument("--flood", type=int, default=64, help="MiB of output of one session; the full test is 2048")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    found: dict[str, Any] = {name: round(value, 3) for name, value in measure(options.quick, options.flood).items()}
    if options.json:
        print(json.dumps({"cores": os.cpu_count(), **found}))
        return
    for name, value in found.items():
        print(f"{name:<48}{value:>12,.2f}")


if __name__ == "__main__":
    main()
