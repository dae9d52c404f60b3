"""A real X display through the gateway, and new keys on both legs under way: real ssh, sshd, Xvfb and xdpyinfo."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import wait_for
from tests.support.ssh_gateway import ALLOW, SshPlace, ssh_gateway

SIZE = "641x479"
"""Of no real screen: who tells it has seen ours."""
SERVER = ["X11Forwarding yes", "X11UseLocalhost yes", "XAuthLocation /usr/bin/xauth", "RekeyLimit 1M"]
DISPLAYS = ALLOW + '[[rules]]\nname = "displays"\neffect = "allow"\ngroups = ["developers"]\nclasses = ["x11"]\n'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshPlace]:
    with ssh_gateway(tmp_path_factory.mktemp("displays"), rules=DISPLAYS, sshd=SERVER) as found:
        yield found


@contextlib.contextmanager
def display(folder: Path) -> Iterator[dict[str, str]]:
    """A screen of SIZE that only who has its cookie may use: variables for a client."""
    authority, cookie = folder / "authority", os.urandom(16).hex()
    subprocess.run(["xauth", "-q", "-f", authority, "add", ":0", ".", cookie], check=True)
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE}x24", "-auth", str(authority)]
    command += ["-nolisten", "tcp"]
    with (folder / "xvfb.log").open("wb") as log:
        server = subprocess.Popen(command, pass_fds=[writing], stderr=log)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        subprocess.run(["xauth", "-q", "-f", authority, "add", f":{number}", ".", cookie], check=True)
        yield {"DISPLAY": f":{number}", "XAUTHORITY": str(authority)}
    finally:
        server.kill()
        server.wait(30)


def show(place: SshPlace, variables: dict[str, str], *options: str) -> subprocess.CompletedProcess[bytes]:
    """What a program at the target sees of the client's display."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(place.folder), "LC_ALL": "C.UTF-8", **variables}
    argv = place.command("xdpyinfo", options=options)
    return subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


def test_a_display_that_a_rule_allows(place: SshPlace, tmp_path: Path) -> None:
    """ssh -X and -Y: a program at the target draws on the client's screen, and the recording says so."""
    with display(tmp_path) as variables:
        for option in ("-X", "-Y"):
            done = show(place, variables, option)
            assert SIZE.encode() in done.stdout, done.stderr
    library = place.gateway.library

    def told() -> bool:
        closed = [each.id for each in library.list() if each.state == "closed"]
        return any(
            entry["kind"] == "command" and entry.get("action") == "x11" and entry["rule"] == "displays"
            for ident in closed
            for entry in library.read(ident)
        )

    wait_for(told, "a closed recording with the display")


def test_S12_a_display_is_denied_by_default(tmp_path: Path) -> None:
    """S12: without a rule that names it nothing at the target reaches the display; the command itself runs."""
    with ssh_gateway(tmp_path / "place", sshd=SERVER) as place, display(tmp_path) as variables:
        done = show(place, variables, "-X")
        assert SIZE.encode() not in done.stdout and done.returncode != 0
        assert b"X11 forwarding request failed" in done.stderr


def test_new_keys_on_both_legs(place: SshPlace) -> None:
    """RekeyLimit 1M at the client and at the target: 12 MB each way arrive as they were sent."""
    data = os.urandom(12_000_000)
    done = place.run("cat", stdin=data, options=["-oRekeyLimit=1M", "-v"])
    assert done.stdout == data and done.stderr.count(b"SSH2_MSG_NEWKEYS received") >= 10
