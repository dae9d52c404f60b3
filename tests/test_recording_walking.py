"""Walking over segments says the same as reading them one by one."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.recordings import command, recorded, split
from twisted_hoop.model import Entry
from twisted_hoop.recording import framing
from twisted_hoop.recording.walking import Walk


def start(data: bytes) -> tuple[Walk, bytes]:
    """A walk behind the header of a recording, and the bytes that follow."""
    parts = split(data)
    return Walk(parts[1][-framing.CHAIN :], 0, 0), b"".join(parts[2:])


def test_it_ends_at_the_final_frame(tmp_path: Path) -> None:
    data = recorded(tmp_path, *[command(f"select {n}") for n in range(50)]).read_bytes()
    walk, rest = start(data)
    assert rest[walk.over(rest) + 4] == framing.FINAL
    assert (walk.frames, walk.segments, walk.count) == (50, 50, 50)
    assert walk.chain == split(data)[-2][-framing.CHAIN :]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_it_never_passes_over_what_was_changed_or_cut(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "recordings/2026/11/22/session-0001.hoop"
    entries = [command(), Entry("output", {"channel": 0, "stream": "stdout", "raw": bytes(5000)})] * 4
    whole = path.read_bytes() if path.exists() else recorded(tmp_path, *entries).read_bytes()
    walk, rest = start(whole)
    at = data.draw(st.integers(0, len(rest) - 1))
    ends = [0]
    for part in split(whole)[2:-1]:
        ends.append(ends[-1] + len(part))
    good = max(end for end in ends if end <= at)
    changed = rest[:at] + bytes([rest[at] ^ 0x10]) + rest[at + 1 :]
    assert walk.over(changed if data.draw(st.booleans()) else rest[:at]) == good


@given(st.binary(max_size=300))
def test_any_bytes_are_walked_over_or_not(data: bytes) -> None:
    assert Walk(bytes(32), 0, 0).over(data) == 0
