"""R1, R5, R10: full disks, killed processes, floods."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

from twisted.internet.task import Clock

from tests.support.recordings import command, now, recorder, session
from twisted_hoop.model import Entry, Outcome
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.verification import verify_folder
from twisted_hoop.recording.writer import MAX_PENDING

FULL = """
import json, resource, signal, sys
from pathlib import Path
from tests.support.recordings import command, now, recorder, session
from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Outcome

place = recorder(Path(sys.argv[1]))
recording = place.open(session())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
done, failures, closed = 0, [], "closed"
for _ in range(200):
    try:
        recording.write(command("select 1"))
        done += 1
    except RecordingFailed as error:
        failures.append(str(error))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    now(recording.close(Outcome("closed")))
except RecordingFailed as error:
    closed = str(error)
print(json.dumps([done, failures, closed]))
"""


def fill(state: Path, room: int) -> tuple[int, list[str], str]:
    found = subprocess.run([sys.executable, "-c", FULL, str(state), str(room)], capture_output=True, timeout=60)
    assert found.returncode == 0, found.stderr.decode()
    done, failures, closed = json.loads(found.stdout)
    return done, failures, closed


def test_r1_a_disk_that_fills_up_ends_the_recording_for_good(tmp_path: Path) -> None:
    """R1: the kernel takes half an entry, then none: that write and all later ones fail; the end says so."""
    done, failures, closed = fill(tmp_path, 30_000)
    assert done > 10
    assert done + len(failures) == 200
    assert all("cannot write the recording" in failure for failure in failures)
    assert "cannot write the recording" in closed
    last = list(Library(tmp_path / "recordings").read("session-0001"))[-1]
    assert (last["outcome"], last["count"]) == ("failed", done)
    assert verify_folder(tmp_path / "recordings", public_keys(tmp_path)).ok


def test_r5_a_disk_too_full_for_the_end_is_ended_by_the_next_start(tmp_path: Path) -> None:
    """R5: every acknowledged entry is there, the torn one is put aside, the end says interrupted."""
    done, _failures, closed = fill(tmp_path, 1)
    assert "cannot put the torn end" in closed
    (recovered,) = now(recorder(tmp_path).recover())
    assert (recovered.outcome, recovered.count) == ("interrupted", done)
    assert verify_folder(tmp_path / "recordings", public_keys(tmp_path)).ok


NEVER_BEGUN = """
import resource, signal, sys
from pathlib import Path
from tests.support.recordings import recorder, session
from twisted_hoop.errors import RecordingFailed

place = recorder(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for room in (0, 100, 400):  # bytes of a file: nothing, half a key, half a header
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        place.open(session())
    except RecordingFailed as error:
        print(error)
"""


def test_r1_a_session_that_a_full_disk_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    """R1, R5: neither half a key nor half a header, which would look damaged to whoever verifies."""
    found = subprocess.run([sys.executable, "-c", NEVER_BEGUN, str(tmp_path)], capture_output=True, timeout=60)
    first, second, third = found.stdout.decode().splitlines()
    assert "the key of" in first and "the key of" in second and "cannot write the recording" in third
    assert [path for path in (tmp_path / "recordings").rglob("*") if path.is_file()] == []
    assert verify_folder(tmp_path / "recordings", public_keys(tmp_path)).ok


KILLER = """
import json, os, random, select, signal, sys, time
from pathlib import Path
from tests.support.recordings import command, now, outcome, recorder, session
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.verification import verify_folder

state, report = Path(sys.argv[1]), []

def writes(number, pipe):
    from twisted.internet import reactor
    from twisted_hoop.recording.recorder import Recorder
    from twisted_hoop.settings import RecordingSection
    recording = Recorder(RecordingSection(minimum_free=0), state, reactor, "hoop").open(session(f"session-{number:04}"))
    def some(n=0):
        for n in range(n, n + 20):
            recording.write(command(f"select {n}", filling="x" * (n * 37 % 3000)))
            os.write(pipe, b"%d\\n" % n)
            recording.write(outcome(command=n), lazy=True)
        reactor.callLater(0, some, n + 1)
    reactor.callWhenRunning(some)
    reactor.run(installSignalHandlers=False)

for number in range(50):
    reader, pipe = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            writes(number, pipe)
        finally:
            os._exit(1)
    os.close(pipe)
    select.select([reader], [], [], 20)
    time.sleep(random.random() * 0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    acknowledged = b""
    while part := os.read(reader, 65536):
        acknowledged += part
    os.close(reader)
    whole = [int(each) for each in acknowledged[: acknowledged.rfind(b"\\n") + 1].split()]
    (done,) = now(recorder(state).recover())
    found = [e["text"] for e in Library(state / "recordings").read(f"session-{number:04}") if e["kind"] == "command"]
    report.append([len(whole), len(found), found[: len(whole)] == [f"select {n}" for n in whole], done.outcome])
print(json.dumps([report, verify_folder(state / "recordings", public_keys(state)).ok]))
"""


def test_r5_kill_9_loses_no_acknowledged_entry(tmp_path: Path) -> None:
    """R5: fifty writers killed in the middle of writing; each entry that was acknowledged is read back, in order."""
    shared = Path("/dev/shm")  # in memory where there is such a place: a busy disk makes two hundred syncs slow
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path) as state:
        found = subprocess.run([sys.executable, "-W", "ignore", "-c", KILLER, state], capture_output=True, timeout=400)
    assert found.returncode == 0, found.stderr.decode()
    rounds, well = json.loads(found.stdout)
    assert len(rounds) == 50
    for acknowledged, read, same, outcome in rounds:
        assert acknowledged > 0
        assert read - acknowledged in (0, 1)  # one entry may be on disk whose acknowledgement was not sent yet
        assert same
        assert outcome == "interrupted"
    assert well


def test_r10_a_flood_is_written_whole_within_fixed_memory(tmp_path: Path) -> None:
    """R10: 30 MB of lazy entries: nothing is cut, nothing piles up."""
    clock = Clock()
    recording = recorder(tmp_path, clock).open(session())
    flood = Entry("notice", {"text": "x" * 3000})
    tracemalloc.start()
    for _ in range(10_000):
        recording.write(flood, lazy=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MAX_PENDING
    recording.write(command())
    now(recording.close(Outcome("closed")))
    (report,) = verify_folder(tmp_path / "recordings", public_keys(tmp_path)).recordings
    assert (report.ok, report.count) == (True, 10_001)
    assert (
        sum(len(entry.get("text", "")) for entry in Library(tmp_path / "recordings").read("session-0001")) > 30_000_000
    )
