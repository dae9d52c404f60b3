"""A Docker engine without an image registry or an init system: Debian's own, in a tree that debootstrap makes.

Nothing of the machine is touched: the engine has a mount namespace and processes of its own, builds with the machine's
network and without bridge or packet filter, and runs what was built in a network namespace with both.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.containers.machine import BASE, ONCE, PATIENCE, CannotRun, Failed, Machine

PROGRAMS = ("debootstrap", "unshare", "nsenter", "chroot", "ip", "ssh")
PACKAGES = ("docker.io", "docker-cli", "docker-compose", "docker-buildx", "iptables")
BUILT = ("setup", "gateway", "shop", "web-1", "store", "storage")
_SOCKET = "unix:///docker.sock"
_WITHOUT_NETWORKS = ("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false")
_INSTALL = """set -e
printf '#!/bin/sh\\nexit 101\\n' > usr/sbin/policy-rc.d
chmod 0755 usr/sbin/policy-rc.d
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends {packages}
"""
_START = """set -e
mount --make-rprivate /
mount --bind {tree} {tree}
cd {tree}
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 none sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p .{root}
mount --bind {root} .{root}
mount -o remount,bind,ro .{root}
mkdir -p before
pivot_root . before
umount -l before
exec dockerd -H {socket} --storage-driver=overlay2 --exec-opt native.cgroupdriver=cgroupfs {more}
"""


class DockerMachine(Machine):
    """One house of compose.yaml, with Docker and its Compose. See Machine."""

    def __init__(self, root: Path, scratch: Path) -> None:
        super().__init__(root, scratch)
        self._tree = scratch / "engine"
        self._engine: subprocess.Popen[bytes] | None = None
        self._inside: list[str] = []
        self._files = ["-f", str(root / "docker/compose.yaml")]
        self._environment |= {"DOCKER_HOST": _SOCKET, "HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def prepare(self) -> None:
        """The engine, and the base image in it."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        base = self.scratch / "base.tar"
        if not (self._tree / "usr/sbin/dockerd").exists() or not base.exists():
            self._make(base)
        self._start(_WITHOUT_NETWORKS)
        with base.open("rb") as packed:
            command = [*self._inside, "docker", "import", "-", BASE]
            if subprocess.run(command, stdin=packed, env=self._environment, capture_output=True).returncode:
                raise CannotRun("docker import does not take the base image")

    def try_out(self) -> None:
        """CannotRun unless a container runs here."""
        done = self._docker("run", "--rm", "--network=none", "--read-only", "--user=10001", BASE, "id")
        if done.returncode:
            raise CannotRun(f"docker run: {done.stdout[-800:]}")

    @property
    def compose_line(self) -> str:
        """See Machine."""
        return " ".join([*self._inside, "docker", "compose", *self._files])

    @property
    def exec_line(self) -> str:
        """See Machine."""
        return " ".join([*self._inside, "docker", "exec", "-i", '"hoop-${one}-1"'])

    def compose(self, *words: str, must: bool = True) -> str:
        """docker compose; what it said. Images are built with the machine's network."""
        more: list[str] = []
        if words[0] == "build":
            lines = "".join(f"  {name}:\n    build:\n      network: host\n" for name in BUILT)
            (self._tree / "building.yaml").write_text(f"services:\n{lines}")
            more = ["-f", "/building.yaml"]
        done = self._docker("compose", *self._files, *more, *words)
        if must and done.returncode:
            raise Failed(f"docker compose {' '.join(words)}: {done.returncode}\n{done.stdout[-6000:]}")
        return done.stdout

    def leave(self) -> None:
        """Go on in a network of our own, with an engine that makes bridges and rules there."""
        self._end()
        self.leave_network()
        self._start(())
        done = self._docker("run", "--rm", BASE, "true")
        if done.returncode:
            raise CannotRun(f"docker makes no networks here: {done.stdout[-800:]}")

    def up(self) -> None:
        """The command of docs/compose.md, and nothing beside it."""
        self.compose("up", "--no-build", "--wait", "--wait-timeout", str(round(PATIENCE)))
        for name in ONCE:
            if self._docker("wait", self.name(name)).stdout.strip() != "0":
                raise Failed(f"{name} failed\n{self.logs()}")

    def healthy(self, services: list[str]) -> None:
        """Until the engine says so of each."""
        until = time.monotonic() + PATIENCE
        waiting = services
        while waiting:
            waiting = [name for name in waiting if self._health(name) != "healthy"]
            if waiting and time.monotonic() > until:
                raise Failed(f"not healthy: {', '.join(waiting)}\n{self.logs()}")
            time.sleep(0.5 if waiting else 0)

    def engine(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """docker itself."""
        return self._docker(*words, given=given)

    def name(self, service: str) -> str:
        """Of its container."""
        return f"hoop-{service}-1"

    def stop(self) -> None:
        """Stop and remove everything, and the engine."""
        if self._engine is not None:
            self.compose("down", "-v", "-t", "5", must=False)
            self._end()

    def _docker(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return self._call([*self._inside, "docker", *words], given)

    def _health(self, service: str) -> str:
        return self._docker("inspect", "-f", "{{.State.Health.Status}}", self.name(service)).stdout.strip()

    def _make(self, base: Path) -> None:
        shutil.rmtree(self._tree, ignore_errors=True)
        tree = self.base_tree()
        for command in (["tar", "-C", str(tree), "-cf", str(base), "."], ["mv", str(tree), str(self._tree)]):
            if self._call(command).returncode:
                raise CannotRun(f"{command[0]} of the base image failed")
        shutil.copyfile("/etc/resolv.conf", self._tree / "etc/resolv.conf")
        script = _INSTALL.format(packages=" ".join(PACKAGES))
        made = self._call(["chroot", str(self._tree), "sh", "-c", script])
        if made.returncode:
            raise CannotRun(f"apt-get install {' '.join(PACKAGES)}: {made.stdout[-500:]}")

    def _start(self, more: Sequence[str]) -> None:
        """dockerd, first of its own processes: whatever it started ends with it."""
        script = _START.format(tree=self._tree, root=self._root, socket=_SOCKET, more=" ".join(more))
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script]
        log = (self.scratch / "dockerd.log").open("ab")
        with log:
            self._engine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._engine.poll() is None:
            inside = _first_of(self._engine.pid)
            self._inside = ["nsenter", "-t", inside, "-m", "-r", "--"]
            if inside and (self._tree / "docker.sock").exists() and not self._docker("info").returncode:
                return
            time.sleep(0.2)
        said = (self.scratch / "dockerd.log").read_text(errors="replace")
        self._end()
        raise CannotRun(f"dockerd does not start: {said[-800:]}")

    def _end(self) -> None:
        engine, self._engine = self._engine, None
        if engine is None:
            return
        with contextlib.suppress(OSError, ValueError):  # it ends by itself
            os.kill(int(_first_of(engine.pid)), signal.SIGTERM)
        try:
            engine.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            engine.kill()
            engine.wait()


def _first_of(pid: int) -> str:
    """The one child of unshare, which is dockerd; "" while there is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split(" ")[0]
    return ""
