"""Sessions of ssh that are ended: by a lock, and by a gateway that stops. Each is told why, in words of SSH."""

from __future__ import annotations

import select
import subprocess
import time
from pathlib import Path

from tests.support.gateway import wait_for
from tests.support.ssh_gateway import SshPlace, ssh_gateway


def running(place: SshPlace, *options: str) -> subprocess.Popen[bytes]:
    """A command at the target that has begun."""
    process = place.start(place.command("echo begun; sleep 120", options=options))
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 90)[0] and process.stdout.readline() == b"begun\n"
    return process


def told(process: subprocess.Popen[bytes]) -> str:
    """What ssh says at its end."""
    _, error = process.communicate(timeout=90)
    assert process.returncode not in (0, None)
    return error.decode()


def test_I9_a_lock_and_then_a_stop(tmp_path: Path) -> None:
    """I9: the session ends within two seconds of the lock, none opens meanwhile; SIGTERM is told as well."""
    with ssh_gateway(tmp_path) as place:
        gateway = place.gateway
        first = running(place)
        assert gateway.command("lock", "--target", "web-1", "--reason", "stand back", who="olga").returncode == 0
        began = time.monotonic()
        error = told(first)
        print(f"ended {time.monotonic() - began:.2f} s after the lock")
        assert "stand back" in error, error
        refused = place.run("true")
        assert refused.returncode != 0
        assert gateway.command("unlock", "--target", "web-1", who="olga").returncode == 0
        wait_for(lambda: place.run("true").returncode == 0, "an open door")
        second = running(place)
        gateway.terminate()
        error = told(second)
        assert "the gateway stops; connect again" in error, error
        gateway.process.wait(90)
        assert {each.outcome for each in gateway.library.list()} >= {"ended"}
