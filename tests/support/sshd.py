"""A real OpenSSH server for tests, on a free port, with keys of its own.

with running_sshd(tmp_path, authorized=["ssh-ed25519 AAAA…"]) as sshd:
    sshd.port, sshd.host_keys      # lines as in known_hosts without the name
    sshd.log()                     # what it wrote (LogLevel VERBOSE)

It lets ACCOUNT (who runs the tests: root, as a rule; PAM is off) in by key, or by certificate of `user_ca`. Logins by
password need an account of their own: `password_account`, which needs root.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 30.0
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
SFTP_SERVER = "/usr/lib/openssh/sftp-server"
ACCOUNT = getpass.getuser()
"""The account tests log in as."""


def make_key(path: Path, kind: str = "ed25519", *options: str) -> Path:
    """A key pair made by ssh-keygen without a passphrase; the public part is beside it with `.pub`."""
    if not path.exists():
        command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", path.name, "-f", str(path), *options]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def public_line(path: Path) -> str:
    """`ssh-ed25519 AAAA…` of a key pair, without its comment."""
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


@dataclass
class Sshd:
    """One that runs."""

    folder: Path
    port: int
    host_keys: list[str]
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        """What it wrote so far."""
        return (self.folder / "sshd.log").read_text(errors="replace")

    def heard(self, text: str) -> bool:
        """Whether it comes to write that."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if text in self.log():
                return True
            time.sleep(0.05)
        return False

    def stop(self) -> None:
        """End it and every session of it."""
        children = _descendants(self.process.pid)
        self.process.terminate()
        self.process.wait(PATIENCE)
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


@contextlib.contextmanager
def running_sshd(
    folder: Path,
    authorized: Sequence[str] = (),
    user_ca: str = "",
    host_kinds: Sequence[str] = ("ed25519",),
    host_ca: Path | None = None,
    principals: Sequence[str] = ("127.0.0.1", "localhost"),
    config: Sequence[str] = (),
    start_path: Sequence[str] = (),
) -> Iterator[Sshd]:
    """A server until the block is left. `config` are further lines, before ours: the first of a keyword counts.

    `host_ca`: a private key that signs host certificates for `principals`. `start_path` is put before PATH of sessions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keys = [make_key(folder / f"host_{kind}", kind) for kind in host_kinds]
    (folder / "authorized").write_text("".join(f"{line}\n" for line in authorized))
    lines = [*config, *_lines(folder, keys, user_ca, host_ca, principals, start_path)]
    server = _start(folder, lines, [public_line(key) for key in keys])
    try:
        yield server
    finally:
        server.stop()


def _lines(
    folder: Path,
    keys: Sequence[Path],
    user_ca: str,
    host_ca: Path | None,
    principals: Sequence[str],
    start_path: Sequence[str],
) -> Iterator[str]:
    for key in keys:
        yield f"HostKey {key}"
        if host_ca is not None:
            name = ["-I", "host", "-h", "-n", ",".join(principals), "-V", "-1m:+1h", f"{key}.pub"]
            subprocess.run(["ssh-keygen", "-q", "-s", str(host_ca), *name], check=True)
            yield f"HostCertificate {key}-cert.pub"
    if user_ca:
        (folder / "user_ca.pub").write_text(user_ca + "\n")
        yield f"TrustedUserCAKeys {folder}/user_ca.pub"
    yield f"AuthorizedKeysFile {folder}/authorized"
    yield from ("UsePAM no", "StrictModes no", "PermitRootLogin yes", "LogLevel VERBOSE", "PidFile none")
    yield from ("MaxStartups 200:30:400", "MaxSessions 100", "PermitUserEnvironment no", "AcceptEnv *", "UseDNS no")
    yield from ("AllowAgentForwarding yes", "AllowTcpForwarding yes", "X11Forwarding no", "PrintMotd no")
    yield f"Subsystem sftp {SFTP_SERVER}"
    if start_path:
        yield f"SetEnv PATH={':'.join([*start_path, os.environ.get('PATH', '/usr/bin:/bin')])}"


def _start(folder: Path, lines: Sequence[str], host_keys: list[str]) -> Sshd:
    """Start it on a port that is free; another try when somebody was faster."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for _ in range(20):
        port = _free_port()
        path = folder / "sshd_config"
        path.write_text("\n".join([f"Port {port}", "ListenAddress 127.0.0.1", *lines]) + "\n")
        (folder / "sshd.log").write_bytes(b"")
        command = [SSHD, "-D", "-f", str(path), "-E", str(folder / "sshd.log")]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        server = Sshd(folder, port, host_keys, process)
        if _listens(server):
            return server
        process.kill()
        process.wait()
    raise AssertionError(f"sshd does not start:\n{server.log()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(server: Sshd) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        if f"Server listening on 127.0.0.1 port {server.port}" in server.log():
            return True
        time.sleep(0.02)
    return False


def _descendants(pid: int) -> list[int]:
    """Processes of sessions, which outlive the listener."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                child = int(stat.parent.name)
                found += [child, *_descendants(child)]
    return found


@contextlib.contextmanager
def password_account(password: str) -> Iterator[str]:
    """An account of this machine with a password, for as long as the block lasts. Needs root."""
    name = f"hoop-{secrets.token_hex(4)}"
    _change_accounts(["useradd", "--no-create-home", "--shell", "/bin/sh", name])
    try:
        _change_accounts(["chpasswd"], f"{name}:{password}")
        yield name
    finally:
        _change_accounts(["userdel", "--force", name])


def _change_accounts(command: Sequence[str], given: str = "") -> None:
    """Another test may hold the lock of /etc/passwd just now."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(command, input=given, capture_output=True, text=True)
        if done.returncode == 0:
            return
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.1)
