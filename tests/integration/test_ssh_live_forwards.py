"""Forwards over real ssh: denied by default, each let by rule, recorded: where to, and how much (S10, S11, S12)."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import wait_for
from tests.support.ssh_house import SshHouse, echo_server

BIG = os.urandom(600_000)


@contextlib.contextmanager
def forwarding(house: SshHouse, *options: str, ready: bytes = b"") -> Iterator[bytes]:
    """`ssh -v -N` with these options, once it has said that it is ready: that line."""
    argv = ["ssh", *house.options(), "-v", "-oExitOnForwardFailure=yes", "-N", *options, "direct"]
    running = house.start(argv, stdin=subprocess.DEVNULL)
    try:
        assert running.stderr is not None
        wanted = ready or b"Entering interactive session"
        yield next(line for line in iter(running.stderr.readline, b"") if wanted in line)
    finally:
        running.kill()  # a SIGTERM may be lost between a look at its flag and poll(2)
        running.wait(30)


def talk(where: int | str, data: bytes) -> bytes:
    """What an echo server behind a port or a socket answers, to EOF; b"" when there is none."""
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    place: Any = where if isinstance(where, str) else ("127.0.0.1", where)
    with socket.socket(family) as connection:
        connection.settimeout(40)
        with contextlib.suppress(ConnectionError):
            connection.connect(place)
            sender = _sender(connection, data)
            got = b"".join(iter(lambda: connection.recv(65536), b""))
            sender.join(40)
            return got
    return b""


def _sender(connection: socket.socket, data: bytes) -> Any:
    def send() -> None:
        with contextlib.suppress(OSError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    return sender


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def entries(house: SshHouse, text: str, kind: str) -> list[dict[str, Any]]:
    """Entries of that kind, in any closed recording, that have this text."""

    def look() -> list[dict[str, Any]]:
        found = []
        for each in house.gateway.library.list(limit=500):
            if each.state == "closed":
                found += [e for e in house.gateway.library.read(each.id) if e["kind"] == kind and text in json.dumps(e)]
        return found

    found: list[dict[str, Any]] = wait_for(look, f"a closed recording with {kind} {text}")
    return found


def test_a_local_forward_that_a_rule_names(house_of_ssh: SshHouse) -> None:
    """-L: through the target's own sshd, byte for byte, half-closed; its content is recorded, as the rule says so."""
    port = free_port()
    with forwarding(house_of_ssh, "-L", f"127.0.0.1:{port}:127.0.0.1:{house_of_ssh.echo}"):
        assert talk(port, BIG) == BIG
        assert talk(port, b"again") == b"again"
    command = entries(house_of_ssh, f"forward to 127.0.0.1:{house_of_ssh.echo}", "command")[0]
    assert command["action"] == "forward" and command["rule"] == "echo server"
    outcome = entries(house_of_ssh, f'"to_target": {len(BIG)}', "outcome")[0]
    assert outcome["to_client"] == len(BIG)
    assert entries(house_of_ssh, "again", "input") and entries(house_of_ssh, "again", "output")


def test_forwards_to_sockets(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    with forwarding(house_of_ssh, "-L", f"{tmp_path}/s:{house_of_ssh.folder}/echo.sock"):
        assert talk(f"{tmp_path}/s", b"hello") == b"hello"
    with forwarding(house_of_ssh, "-L", f"{tmp_path}/t:/run/docker.sock"):
        assert talk(f"{tmp_path}/t", b"hello") == b""
    assert entries(house_of_ssh, "forward to unix:/run/docker.sock", "refused")


@pytest.mark.parametrize("place", ["127.0.0.1:{port}", "localhost:{port}", "0x7f000001:{echo}", "169.254.169.254:80"])
def test_S11_what_no_rule_names_itself_is_refused(house_of_ssh: SshHouse, place: str) -> None:
    """Rule "hosts by name" lets `.*` through, and not the target itself or the metadata of its cloud."""
    with echo_server(house_of_ssh.folder / f"other-{os.urandom(4).hex()}.sock") as other:
        wanted = place.format(port=other, echo=other)
        port = free_port()
        with forwarding(house_of_ssh, "-L", f"127.0.0.1:{port}:{wanted}"):
            assert talk(port, b"hello") == b""


def test_S11_the_gateway_does_not_lead_to_itself(house_of_ssh: SshHouse) -> None:
    done = house_of_ssh.do(["ssh", *house_of_ssh.options(), "-W", "HOOP.test:443", "direct"])
    assert done.returncode != 0 and b"the gateway does not lead to itself" in done.stderr


def test_the_targets_own_failure_to_connect_is_told(house_of_ssh: SshHouse) -> None:
    done = house_of_ssh.do(["ssh", *house_of_ssh.options(), "-W", "nowhere.invalid:443", "direct"])
    assert done.returncode != 0 and b"connect failed" in done.stderr


def test_stdio_forward(house_of_ssh: SshHouse) -> None:
    """-W through the target."""
    done = house_of_ssh.do(
        ["ssh", *house_of_ssh.options(), "-W", f"127.0.0.1:{house_of_ssh.echo}", "direct"], b"over stdio"
    )
    assert done.stdout == b"over stdio"


def test_dynamic_forward(house_of_ssh: SshHouse) -> None:
    """-D: each connection is a forward of its own."""
    port = free_port()
    ask = b"\x05\x01\0\x01\x7f\0\0\x01" + house_of_ssh.echo.to_bytes(2, "big")
    running, address = forwarding(house_of_ssh, "-D", f"127.0.0.1:{port}"), ("127.0.0.1", port)
    with running, socket.create_connection(address, 40) as connection:
        for sent, expected in ((b"\x05\x01\0", b"\x05\0"), (ask, b"\x05\0"), (b"socks", b"socks")):
            connection.sendall(sent)
            assert connection.recv(10)[: len(expected)] == expected


def test_remote_forward_on_a_free_port(house_of_ssh: SshHouse) -> None:
    """-R 0: the target listens, tells its port, and leads back to an echo server beside the client."""
    with forwarding(house_of_ssh, "-R", f"0:127.0.0.1:{house_of_ssh.echo}", ready=b"Allocated port") as line:
        assert talk(int(line.split(b"Allocated port ")[1].split()[0]), BIG) == BIG
    assert entries(house_of_ssh, "listen on localhost:0", "command")[0]["action"] == "listen"
    assert entries(house_of_ssh, "the target opens forwarded-tcpip", "notice")
    assert entries(house_of_ssh, f'"to_client": {len(BIG)}', "outcome")


def test_remote_forwards_that_no_rule_allows(house_of_ssh: SshHouse) -> None:
    for listen in (f"127.0.0.1:{free_port()}", f"{house_of_ssh.folder}/r.sock", "*:0"):
        argv = [
            "ssh",
            *house_of_ssh.options(),
            "-oExitOnForwardFailure=yes",
            "-N",
            "-R",
            f"{listen}:127.0.0.1:9",
            "direct",
        ]
        done = house_of_ssh.do(argv)
        assert done.returncode == 255 and b"remote port forwarding failed" in done.stderr, done.stderr


def test_S24_the_agent_stays_at_home(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    """-A without a rule: the target gets no socket; and it may not open a channel to the agent by itself."""
    agent = house_of_ssh.start(["ssh-agent", "-D", "-a", f"{tmp_path}/agent"])
    try:
        wait_for(lambda: (tmp_path / "agent").exists(), "the agent")
        done = house_of_ssh.run('echo "agent:$SSH_AUTH_SOCK"', options=["-A", f"-oIdentityAgent={tmp_path}/agent"])
        assert done.stdout == b"agent:\n"
    finally:
        agent.terminate()
        agent.wait(30)
    assert entries(house_of_ssh, '"action": "agent"', "refused")


def test_S12_tunnels_and_displays_are_refused_by_name(house_of_ssh: SshHouse) -> None:
    done = house_of_ssh.run("echo $DISPLAY", options=["-Y"])
    assert done.stdout == b"\n"
    tun = house_of_ssh.do(
        ["ssh", *house_of_ssh.options(), "-oTunnel=point-to-point", "-w", "any:any", "direct", "true"]
    )
    assert tun.returncode != 0 or b"open failed" in tun.stderr or b"Tunnel" in tun.stderr


def test_S10_a_jump_leads_to_targets_and_nowhere_else(house_of_ssh: SshHouse) -> None:
    for place in (f"127.0.0.1:{house_of_ssh.echo}", f"127.0.0.1:{house_of_ssh.sshd.port}", "web-1:80", "web-2:22"):
        done = house_of_ssh.do(["ssh", *house_of_ssh.options(), "-W", place, "gw"], b"hello")
        assert done.returncode != 0 and done.stdout == b"" and b"no such target" in done.stderr, place
    done = house_of_ssh.do(["ssh", *house_of_ssh.options(), "-W", "web-1:22", "gw"], b"")
    assert done.stdout.startswith(b"SSH-2.0-"), "an SSH server of ours, whoever knocks"
    plain = house_of_ssh.do(["ssh", *house_of_ssh.options(), "gw", "true"])
    assert plain.returncode == 255 and b"name a target" in plain.stderr


def test_what_a_jump_leads_to_ends_with_it(house_of_ssh: SshHouse) -> None:
    """The inner login is only as good as the outer connection: when that is gone, so is this."""
    mark = f"sleep 300 # {uuid.uuid4().hex}"
    running = house_of_ssh.start(house_of_ssh.command(f"echo here; {mark}", jump=True))
    assert running.stdout is not None and running.stdout.readline() == b"here\n"
    children = subprocess.run(["pgrep", "-P", str(running.pid)], capture_output=True, text=True).stdout.split()
    assert children, "the ssh that carries the outer connection"
    for child in children:
        os.kill(int(child), 9)
    running.wait(30)
    assert entries(house_of_ssh, mark, "command"), "the recording is closed"
