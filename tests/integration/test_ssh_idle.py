"""Sessions of ssh in which nothing happens, under a lock: they end by themselves, and not at the next key."""

from __future__ import annotations

import select
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.gateway import wait_for
from tests.support.ssh_gateway import SshPlace, ssh_gateway

PROMISED = 2.0
"""Seconds, of a machine that does nothing else; here they are measured, and PATIENCE is what fails."""
PATIENCE = 20.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshPlace]:
    """One gateway for all."""
    with ssh_gateway(tmp_path_factory.mktemp("idle")) as running:
        yield running


def idle_shell(place: SshPlace) -> subprocess.Popen[bytes]:
    """A shell on a terminal that waits for somebody to type."""
    process = place.start(place.command(options=["-tt"]))
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"echo here-$((40+2))\n")
    process.stdin.flush()
    seen, until = b"", time.monotonic() + 90
    while b"here-42" not in seen:
        assert select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0], seen
        seen += process.stdout.read1(65536)  # type: ignore[attr-defined]
    return process


@pytest.mark.parametrize(
    ("lock", "words"), [(("--target", "web-1"), b"stand back"), (("--group", "developers"), b"expired or was revoked")]
)
def test_I9_an_idle_shell_ends_by_itself(place: SshPlace, lock: tuple[str, str], words: bytes) -> None:
    """I9: not a byte is sent by either side meanwhile."""
    process, gateway = idle_shell(place), place.gateway
    assert gateway.command("lock", *lock, "--reason", "stand back", who="olga").returncode == 0
    try:
        began = time.monotonic()
        process.wait(90)
        took = time.monotonic() - began
        _, error = process.communicate()
        assert process.returncode != 0 and words in error, error
        print(f"idle shell ended {took:.2f} s after the lock of {lock[0][2:]} (promised: {PROMISED:.0f} s)")
        assert took < PATIENCE
    finally:
        process.kill()
        assert gateway.command("unlock", *lock, who="olga").returncode == 0
    wait_for(lambda: place.run("true").returncode == 0, "an open door")
