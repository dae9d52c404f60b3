"""Rows S8 to S24 of attacks.md against a live gateway: what an OpenSSH client, or something less polite, may try.

Rows on transport and log-in are in test_s_transport.py and test_s_logins.py; every row's detail is in the tests of the
modules (tests/test_ssh_*.py) and of real clients (tests/integration/test_ssh_*.py). Here they are carried out whole.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.support.gateway import wait_for
from tests.support.ssh_gateway import SshPlace, ssh_gateway
from tests.support.ssh_house import SshHouse
from tests.support.sshd import ACCOUNT


def recorded(house: SshPlace, text: str) -> list[dict[str, Any]]:
    """The entries of the closed recording that has this text."""

    def look() -> list[dict[str, Any]]:
        for each in house.gateway.library.list(limit=500):
            if each.state == "closed":
                found = list(house.gateway.library.read(each.id))
                if text in json.dumps(found):
                    return found
        return []

    found: list[dict[str, Any]] = wait_for(look, f"a closed recording with {text}")
    return found


def test_S8_a_proxy_header_is_no_address(house_of_ssh: SshHouse) -> None:
    """The first bytes are those of SSH, and nothing else is looked for in them."""
    with socket.create_connection(("127.0.0.1", house_of_ssh.port), 30) as client:
        client.sendall(b"PROXY TCP4 10.9.8.7 10.9.8.6 1 2\r\nSSH-2.0-x\r\n")
        got = b"".join(iter(lambda: client.recv(4096), b""))
    assert got.startswith(b"SSH-2.0-"), "our own greeting, and the end"
    assert all(
        "10.9.8.7" not in json.dumps(line) or "PROXY" in json.dumps(line) for line in house_of_ssh.gateway.lines()
    )


@pytest.mark.parametrize("jump", [False, True], ids=["direct", "jump"])
def test_S9_a_stopped_reader_stops_its_writer(house_of_ssh: SshHouse, jump: bool) -> None:
    """`yes` into a client that does not read: the gateway's memory stays where it is, and it rests."""
    pid = house_of_ssh.gateway.process.pid
    running = house_of_ssh.start(house_of_ssh.command("yes", jump=jump))
    try:
        assert running.stdout is not None and running.stdout.read(1) == b"y"
        wait_for(lambda: _is_quiet(pid), "the gateway to rest")
        before = _memory(pid)
        time.sleep(0.5)
        assert _memory(pid) - before < 4 << 20 and house_of_ssh.run("echo fine").stdout == b"fine\n"
    finally:
        running.kill()
        running.communicate()


def _memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _is_quiet(pid: int) -> bool:
    def spent() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = spent()
    time.sleep(0.3)
    return spent() - before <= 6


def test_S10_no_way_round_through_a_jump(house_of_ssh: SshHouse) -> None:
    """-W and -L on the connection that jumps lead to targets, whose SSH is ours: the sshd itself is never reached."""
    before = house_of_ssh.sshd.log().count("Connection from")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    argv = ["ssh", *house_of_ssh.options(), "-v", "-N", "-L", f"127.0.0.1:{port}:web-1:22", "gw"]
    running = house_of_ssh.start(argv, stdin=subprocess.DEVNULL)
    try:
        assert running.stderr is not None
        next(line for line in iter(running.stderr.readline, b"") if b"Entering interactive session" in line)
        with socket.create_connection(("127.0.0.1", port), 30) as tunnel:
            assert tunnel.recv(64).startswith(b"SSH-2.0-")
        inner = house_of_ssh.do(
            ["ssh", *house_of_ssh.options(), "-oProxyJump=none", "-oHostKeyAlias=web-1", f"-p{port}", "-l", ACCOUNT,
             "127.0.0.1", "rm x"]
        )  # fmt: skip
        assert inner.returncode == 126 and b"nothing is removed" in inner.stderr
    finally:
        running.kill()
        running.communicate()
    assert house_of_ssh.sshd.log().count("Connection from") == before


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "169.254.169.254", "0.0.0.0"]
)
def test_S11_forwards_to_the_inside_of_the_target(house_of_ssh: SshHouse, host: str) -> None:
    """However it is spelled; the one place of loopback that a rule names is the one that can be reached."""
    port = house_of_ssh.gateway.ports["api"]
    done = house_of_ssh.do(
        ["ssh", *house_of_ssh.options(), "-W", f"{host}:{port}", "direct"], b"GET / HTTP/1.0\r\n\r\n"
    )
    assert done.stdout == b"" and done.returncode != 0
    assert b"refused" in done.stderr or b"prohibited" in done.stderr


async def _client(house: SshHouse, **more: Any) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        "127.0.0.1",
        house.port,
        username=f"{ACCOUNT}%web-1",
        client_keys=[str(house.folder / "key-sue")],
        known_hosts=None,
        agent_path=None,
        config=None,
        **more,
    )


def _run(house: SshHouse, work: Any) -> Any:
    async def whole() -> Any:
        async with await _client(house) as client:
            return await asyncio.wait_for(work(client), 60)

    return asyncio.run(whole())


def test_S12_channels_and_requests_of_any_name(house_of_ssh: SshHouse) -> None:
    """By an impolite client: every kind of channel and global request that has no class of ours is refused."""

    async def work(client: asyncssh.SSHClientConnection) -> tuple[list[str], list[bool]]:
        refused = []
        for kind in (b"tun@openssh.com", b"x11", b"auth-agent@openssh.com", b"forwarded-tcpip", b"nonsense", b"\xff"):
            channel: Any = asyncssh.SSHTCPChannel(client, asyncio_loop(client), "utf-8", "strict", 65536, 32768)
            try:
                await channel._open(kind)
            except asyncssh.ChannelOpenError as error:
                refused.append(error.reason)
        answers = []
        for name in (b"hostkeys-prove-00@openssh.com", b"nonsense@example.com", b"cancel-tcpip-forward"):
            kind_, _ = await client._make_global_request(name)
            answers.append(kind_ == 81)
        return refused, answers

    refused, answers = _run(house_of_ssh, work)
    assert len(refused) == 6 and answers == [False] * 3


def asyncio_loop(client: Any) -> Any:
    """The loop of an asyncssh connection."""
    return client._loop


def test_S14_nothing_gets_in_beside_a_command_that_waits(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    """ControlMaster: while one channel waits for its approval, others on the connection are judged by themselves."""
    options = ["-oControlMaster=auto", f"-oControlPath={tmp_path}/c", "-oControlPersist=60"]
    mark = f"deploy-thing {uuid.uuid4().hex}"
    before = house_of_ssh.sshd.log().count("Connection from")
    waiting = house_of_ssh.start(house_of_ssh.command(mark, options=options))
    try:
        request = house_of_ssh.gateway.pending(mark)
        assert house_of_ssh.sshd.log().count("Connection from") == before, "nothing opens before the decision"
        assert house_of_ssh.run("rm x", options=options).returncode == 126
        assert house_of_ssh.run("echo fine", options=options).stdout == b"fine\n"
        assert waiting.poll() is None
        house_of_ssh.gateway.decide(request["id"], "deny")
        waiting.communicate(timeout=60)
        assert waiting.returncode == 126
    finally:
        waiting.kill()
        house_of_ssh.do(["ssh", *house_of_ssh.options(), *options, "-O", "exit", "direct"])


WAYS = {
    "exec": ["ssh", "{options}", "direct", "cat /etc/shadow"],
    "scp": ["scp", "-O", "{options}", "direct:/etc/shadow", "{to}"],
    "scp over sftp": ["scp", "-s", "{options}", "direct:/etc/shadow", "{to}"],
    "rsync": ["rsync", "-e", "ssh {options}", "direct:/etc/shadow", "{to}"],
    "tar": ["ssh", "{options}", "direct", "tar cf - /etc/shadow"],
    "git": ["git", "clone", "direct:/etc/shadow", "{to}"],
}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_S15_one_rule_for_every_way(house_of_ssh: SshHouse, tmp_path: Path, way: str) -> None:
    """The parity matrix: what a path's rule refuses to a command, it refuses to every way that names the path."""
    options = f"-F {house_of_ssh.config()}"
    argv: list[str] = []
    for word in WAYS[way]:
        argv += options.split() if word == "{options}" else [word.format(options=options, to=tmp_path / "to")]
    done = subprocess.run(
        argv, capture_output=True, timeout=60, env={**os.environ, "GIT_SSH_COMMAND": f"ssh {options}"}
    )
    assert done.returncode != 0 and not (tmp_path / "to").exists()
    assert b"these are secret" in done.stderr, done.stderr


def test_S16_host_keys_of_the_target_stay_there(house_of_ssh: SshHouse) -> None:
    """sshd announces its host keys to whoever logged in: that is us, and clients hear nothing of it."""
    done = house_of_ssh.run("true", options=["-vvv", "-oUpdateHostKeys=yes"])
    assert done.returncode == 0 and b"hostkeys-00@openssh.com" not in done.stderr
    line = house_of_ssh.sshd.host_keys[0].split()[1]
    assert line.encode() not in done.stderr


def test_S16_keep_alives_are_answered_here(house_of_ssh: SshHouse) -> None:
    done = house_of_ssh.run("sleep 3; echo fine", options=["-oServerAliveInterval=1", "-oServerAliveCountMax=2"])
    assert done.stdout == b"fine\n"


def test_S18_variables_that_a_shell_or_a_linker_obeys(house_of_ssh: SshHouse) -> None:
    bad = {"LD_PRELOAD": "/tmp/x.so", "BASH_ENV": "/tmp/x", "GIT_SSH_COMMAND": "x", "PATH": "/tmp", "LC_X1": "digit"}
    done = house_of_ssh.run("env", **bad, LC_TIME="C", LANG="C")
    lines = done.stdout.decode().splitlines()
    assert "LC_TIME=C" in lines and "LANG=C" in lines
    assert not any(f"{name}={value}" in lines for name, value in bad.items())


def test_S19_bytes_of_a_command_arrive_and_are_shown_escaped(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    command = f"printf '%s' 'a\x1b[31m\udcff{mark}' | od -An -tx1"
    with ssh_gateway(tmp_path) as place:
        done = place.do([os.fsencode(word) for word in place.command(command)])  # type: ignore[misc]
        assert b"61 1b 5b 33 31 6d ff" in done.stdout, (done.stdout, done.stderr)
        entries = recorded(place, mark)
        text = next(e for e in entries if e["kind"] == "command")["text"]
        assert "\\xff" in text and "\x1b" in text
        shown = place.gateway.command("sessions", "show", entries[0]["session"], who="carol")
        assert "\x1b" not in shown.stdout


@pytest.mark.parametrize(
    "user", ["a%b%web-1", f"{ACCOUNT}%web-1%", f"{ACCOUNT}%../web-1", f"{ACCOUNT}:web-1", "%", "x%y"]
)
def test_S20_user_names_that_could_mean_two_things(house_of_ssh: SshHouse, user: str) -> None:
    done = house_of_ssh.do(["ssh", *house_of_ssh.options(), "-l", user, "direct", "echo in"])
    assert done.returncode == 255 and b"in\n" not in done.stdout


def test_S21_windows_of_no_size_and_of_every_size(house_of_ssh: SshHouse) -> None:
    """0x0, 2**32-1, and a thousand resizes in a row: clamped, thinned, and the last one arrives."""

    async def work(client: asyncssh.SSHClientConnection) -> str:
        process = await client.create_process("stty size; read x; stty size", term_type="xterm", term_size=(0, 0, 0, 0))
        first = await process.stdout.readline()
        for size in range(1000):
            process.channel.change_terminal_size(2**32 - 1 - size, 2**32 - 1, 0, 0)
        process.channel.change_terminal_size(132, 43)
        await asyncio.sleep(0.3)
        process.stdin.write("\n")
        rest = await process.stdout.read()
        await process.wait()
        return first + rest

    shown = _run(house_of_ssh, work)
    assert "24 80" in shown and "43 132" in shown


def test_S23_half_closed_streams_signals_and_late_statuses(house_of_ssh: SshHouse) -> None:
    """What a direct sshd does, by a client that looks at each event: the status behind all data, then the end."""

    async def work(client: asyncssh.SSHClientConnection) -> tuple[Any, ...]:
        process = await client.create_process("cat; echo more; sleep 0.2; echo err >&2; exit 9", encoding=None)
        process.stdin.write(b"x" * 300_000)
        process.stdin.write_eof()
        done = await process.wait()
        killed = await client.run("kill -KILL $$")
        return done.stdout, done.stderr, done.exit_status, killed.exit_signal[0] if killed.exit_signal else ""

    assert _run(house_of_ssh, work) == (b"x" * 300_000 + b"more\n", b"err\n", 9, "KILL")


def test_S24_no_agent_without_a_rule(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    agent = house_of_ssh.start(["ssh-agent", "-D", "-a", f"{tmp_path}/a"])
    try:
        wait_for(lambda: (tmp_path / "a").exists(), "the agent")
        for jump in (False, True):
            done = house_of_ssh.run(
                "ssh-add -l; echo =$SSH_AUTH_SOCK=", options=["-A", f"-oIdentityAgent={tmp_path}/a"], jump=jump
            )
            assert b"==" in done.stdout
    finally:
        agent.kill()
        agent.communicate()
