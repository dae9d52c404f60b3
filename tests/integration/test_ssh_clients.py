"""Real OpenSSH programs through a live gateway to a real sshd: what goes in and comes out is what there is without it.

Every test runs by user name (`ssh ACCOUNT%web-1@gateway`) and behind a jump (`ssh -J gateway ACCOUNT@web-1`).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import paramiko
import pytest

from tests.support.ssh_gateway import ssh_gateway
from tests.support.ssh_house import SshHouse
from tests.support.sshd import ACCOUNT

BIG = os.urandom(3_000_000)
DIGEST = hashlib.sha256(BIG).hexdigest()
JUMP = pytest.mark.parametrize("jump", [False, True], ids=["direct", "jump"])


def host_of(jump: bool) -> str:
    """The name in ssh_config."""
    return "web-1" if jump else "direct"


@JUMP
@pytest.mark.parametrize("status", [0, 3, 255])
def test_S23_exit_statuses(house_of_ssh: SshHouse, jump: bool, status: int) -> None:
    done = house_of_ssh.run(f"echo out; echo err >&2; exit {status}", jump=jump)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"out\n", b"err\n")


@JUMP
def test_S23_signals(house_of_ssh: SshHouse, jump: bool) -> None:
    done = house_of_ssh.run("kill -TERM $$", jump=jump, options=["-v"])
    assert done.returncode == 255 and b"exit-signal" in done.stderr


@JUMP
def test_S23_both_streams_to_the_last_byte(house_of_ssh: SshHouse, tmp_path: Path, jump: bool) -> None:
    (tmp_path / "big").write_bytes(BIG)
    done = house_of_ssh.run("sha256sum; cat >/dev/null", stdin=BIG, jump=jump)
    assert done.stdout.split()[0].decode() == DIGEST
    done = house_of_ssh.run(f"cat {tmp_path}/big; cat {tmp_path}/big >&2", jump=jump)
    assert done.stdout == BIG and done.stderr == BIG


@JUMP
@pytest.mark.parametrize("mode", ["-O", "-s"], ids=["scp", "sftp"])
def test_scp(house_of_ssh: SshHouse, tmp_path: Path, jump: bool, mode: str) -> None:
    (tmp_path / "from").write_bytes(BIG)
    scp = ["scp", mode, "-p", *house_of_ssh.options()]
    up = house_of_ssh.do([*scp, str(tmp_path / "from"), f"{host_of(jump)}:{tmp_path}/there"])
    down = house_of_ssh.do([*scp, f"{host_of(jump)}:{tmp_path}/there", str(tmp_path / "back")])
    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    assert (tmp_path / "there").read_bytes() == BIG == (tmp_path / "back").read_bytes()


@JUMP
def test_sftp(house_of_ssh: SshHouse, tmp_path: Path, jump: bool) -> None:
    (tmp_path / "from").write_bytes(BIG)
    script = (
        f"put {tmp_path}/from {tmp_path}/there\nrename {tmp_path}/there {tmp_path}/moved\nmkdir {tmp_path}/new\n"
        f"ls {tmp_path}\nget {tmp_path}/moved {tmp_path}/back\nrm {tmp_path}/moved\n"
    )
    done = house_of_ssh.do(["sftp", *house_of_ssh.options(), "-b", "-", host_of(jump)], script.encode())
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "back").read_bytes() == BIG and not (tmp_path / "moved").exists()
    assert (tmp_path / "new").is_dir()


@JUMP
def test_rsync(house_of_ssh: SshHouse, tmp_path: Path, jump: bool) -> None:
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "big").write_bytes(BIG)
    shell = f"ssh -F {house_of_ssh.config()}"
    rsync = ["rsync", "-a", "-e", shell]
    up = house_of_ssh.do([*rsync, f"{tmp_path}/tree", f"{host_of(jump)}:{tmp_path}/there"])
    down = house_of_ssh.do([*rsync, f"{host_of(jump)}:{tmp_path}/there/tree", f"{tmp_path}/back"])
    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    assert (tmp_path / "back" / "tree" / "deep" / "big").read_bytes() == BIG


@JUMP
def test_git(house_of_ssh: SshHouse, tmp_path: Path, jump: bool) -> None:
    git = ["git", "-c", f"core.sshCommand=ssh -F {house_of_ssh.config()}", "-c", "user.name=s", "-c", "user.email=s@t"]
    house_of_ssh.do(["git", "init", "-q", "--bare", str(tmp_path / "there.git")])
    house_of_ssh.do(["git", "init", "-q", "-b", "main", str(tmp_path / "here")])
    (tmp_path / "here" / "big").write_bytes(BIG)
    for command in (
        ["add", "."],
        ["commit", "-q", "-m", "x"],
        ["push", f"{host_of(jump)}:{tmp_path}/there.git", "main"],
    ):
        done = house_of_ssh.do([*git, "-C", str(tmp_path / "here"), *command])
        assert done.returncode == 0, done.stderr
    done = house_of_ssh.do(
        [*git, "clone", "-q", "-b", "main", f"{host_of(jump)}:{tmp_path}/there.git", str(tmp_path / "back")]
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "back" / "big").read_bytes() == BIG


@JUMP
def test_a_shell_on_a_terminal(house_of_ssh: SshHouse, jump: bool) -> None:
    command = house_of_ssh.command(options=["-tt", "-oSetEnv=LC_NAME=here"], jump=jump)
    done = house_of_ssh.do(command, b"stty size; echo $((6*7)) $LC_NAME\nexit 7\n")
    assert done.returncode == 7 and b"24 80" in done.stdout and b"42 here" in done.stdout


def test_S10_behind_a_jump_the_host_key_is_a_certificate_for_the_name_that_was_typed(house_of_ssh: SshHouse) -> None:
    """StrictHostKeyChecking=yes with one @cert-authority line: by the target's name, and by another of its names."""
    for name in ("web-1", "web-1.internal"):
        done = house_of_ssh.do(["ssh", *house_of_ssh.options(), name, "echo here"])
        assert done.stdout == b"here\n", done.stderr


def test_two_inner_connections_over_one_outer(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    """ControlMaster on the jump: the inner connections live and die apart."""
    control = f"{tmp_path}/c"
    master = house_of_ssh.start(
        ["ssh", *house_of_ssh.options(), "-oControlMaster=yes", f"-oControlPath={control}", "-N", "gw"]
    )
    try:
        _until(lambda: Path(control).exists())
        proxy = f"-oProxyCommand=ssh -F {house_of_ssh.config()} -oControlPath={control} -W %h:%p gw"
        with ThreadPoolExecutor(2) as pool:
            both = list(
                pool.map(lambda n: house_of_ssh.run(f"sleep 0.2; echo {n}", jump=True, options=[proxy]), range(2))
            )
        assert [done.stdout for done in both] == [b"0\n", b"1\n"], [done.stderr for done in both]
    finally:
        master.terminate()
        master.wait(30)


def test_S23_sixty_multiplexed_exits(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    """The close race: both streams closed before the exit, stdin at EOF; every exit status arrives."""
    options = ["-oControlMaster=auto", f"-oControlPath={tmp_path}/c", "-oControlPersist=30"]
    assert house_of_ssh.run("true", options=options).returncode == 0
    command = house_of_ssh.command("exec >&- 2>&-; exit 3", options=options)
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda _: subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60).returncode, range(60))
        )
    house_of_ssh.do(["ssh", *house_of_ssh.options(), *options, "-O", "exit", "direct"])
    assert found == [3] * 60


def test_rekeying_under_way(house_of_ssh: SshHouse) -> None:
    done = house_of_ssh.run("sha256sum", stdin=BIG * 2, options=["-oRekeyLimit=1M"])
    assert done.stdout.split()[0].decode() == hashlib.sha256(BIG * 2).hexdigest()


def _until(look: object) -> None:
    deadline = time.monotonic() + 30
    while not look():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@JUMP
def test_under_fsync_every_byte_arrives_too(tmp_path: Path, jump: bool) -> None:
    """Commands wait for the disk, and what is recorded before them with them."""
    with ssh_gateway(tmp_path / "gw", more='[recording]\ndurability = "fsync-per-command"\n') as place:
        done = place.run("sha256sum; exit 3", stdin=BIG, jump=jump)
        assert (done.returncode, done.stdout.split()[0].decode()) == (3, DIGEST)
        (tmp_path / "from").write_bytes(BIG)
        copied = place.do(["scp", *place.options(), str(tmp_path / "from"), f"{host_of(jump)}:{tmp_path}/there"])
        assert copied.returncode == 0 and (tmp_path / "there").read_bytes() == BIG, copied.stderr


def test_paramiko(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.MissingHostKeyPolicy())
    client.connect(
        "127.0.0.1",
        house_of_ssh.port,
        username=f"{ACCOUNT}%web-1",
        key_filename=str(house_of_ssh.folder / "key-sue"),
        allow_agent=False,
        look_for_keys=False,
        timeout=60,
    )
    with client:
        stdin, stdout, stderr = client.exec_command("cat; echo err >&2; exit 4", timeout=60)
        stdin.write("hello")
        stdin.channel.shutdown_write()
        assert (stdout.read(), stderr.read(), stdout.channel.recv_exit_status()) == (b"hello", b"err\n", 4)
        _, _, refused = client.exec_command("rm x", timeout=60)
        assert b"nothing is removed" in refused.read() and refused.channel.recv_exit_status() == 126
        (tmp_path / "from").write_bytes(BIG)
        with client.open_sftp() as sftp:
            sftp.put(str(tmp_path / "from"), str(tmp_path / "there"))
            sftp.get(str(tmp_path / "there"), str(tmp_path / "back"))
            with pytest.raises(OSError, match="refused by rule no secrets"):
                sftp.open("/etc/shadow")
    assert (tmp_path / "back").read_bytes() == BIG


def test_asyncssh(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    (tmp_path / "from").write_bytes(BIG)

    async def work() -> None:
        async with asyncssh.connect(
            "127.0.0.1",
            house_of_ssh.port,
            username=f"{ACCOUNT}%web-1",
            client_keys=[str(house_of_ssh.folder / "key-sue")],
            known_hosts=None,
            agent_path=None,
            config=None,
        ) as client:
            done = await client.run("cat; exit 4", input="hello")
            assert (done.stdout, done.exit_status) == ("hello", 4)
            killed = await client.run("kill -TERM $$")
            assert killed.exit_signal is not None and killed.exit_signal[0] == "TERM"
            async with client.start_sftp_client() as sftp:
                await sftp.put(tmp_path / "from", str(tmp_path / "there"))
                await sftp.get(str(tmp_path / "there"), tmp_path / "back")

    asyncio.run(asyncio.wait_for(work(), 60))
    assert (tmp_path / "back").read_bytes() == BIG
