"""Podman without an image registry, systemd or cgroups: Debian's podman, crun and netavark, as root."""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROGRAMS = ("podman", "crun", "debootstrap", "unshare", "ip", "iptables", "ssh")
HELPERS = ("/usr/lib/podman/netavark", "/usr/lib/podman/aardvark-dns")
COMPOSE = "podman-compose (PyPI)"
BASE = "localhost/hoop-base"
SUITE = "trixie"
PATIENCE = 120.0
WAVES = (("setup",), ("shop", "store", "storage", "web-1"), ("gateway", "issuer"), ("enrol",), ("agent",))
"""Podman of Debian 12 does not wait for `service_healthy`: each of these is started once those before it are well."""
ONCE = ("setup", "enrol")
"""Services that do their work and end."""
_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of sched.h."""
_INSIDE = "HOOP_CONTAINERS_INSIDE"
_CONTAINERS = """[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
cgroups = "disabled"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
runtime = "crun"
events_logger = "file"
helper_binaries_dir = ["/usr/lib/podman"]
[network]
network_backend = "netavark"
network_config_dir = "{scratch}/networks"
"""
_STORAGE = """[storage]
driver = "overlay"
graphroot = "{scratch}/images"
runroot = "{scratch}/running"
"""


_UNWAITED = """services:
  agent:
    depends_on: !reset null
"""
"""Podman 4.3 finds no way through agent, enrol, gateway and what that needs; the order is ours anyway (WAVES)."""


class CannotRun(Exception):
    """This machine cannot; the text says why."""


def why_not(programs: Sequence[str] = PROGRAMS, helpers: Sequence[str] = (*HELPERS, COMPOSE)) -> str:
    """What is missing here, or "". Helpers are files."""
    if os.geteuid() != 0:
        return "it takes root"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in programs if shutil.which(name, path=path) is None]
    missing += [name for name in helpers if name != COMPOSE and not Path(name).exists()]
    if COMPOSE in helpers and compose_program() is None:
        missing.append(COMPOSE)
    return f"{', '.join(missing)} missing" if missing else ""


def compose_program() -> str | None:
    """podman-compose of the environment we run in: Debian's is too old for `depends_on` with conditions."""
    return shutil.which("podman-compose", path=str(Path(sys.executable).parent))


def inside(script: str, words: list[str]) -> None:
    """Start again in a mount namespace with cgroup v2 alone, which crun asks for; return once we are in there.

    In it as well: what podman mounts is gone with us, whatever happens.
    """
    if os.environ.get(_INSIDE) != "1":
        os.environ[_INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, script, *words])
    subprocess.run(["umount", "-R", "/sys/fs/cgroup"], check=False, capture_output=True)
    subprocess.run(["mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"], check=False, capture_output=True)
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what podman leaves behind is ours to end


class Failed(Exception):
    """compose.yaml does not do what it should; the text says what."""


class Machine:
    """One house of compose.yaml. `scratch` holds images, volumes, everything."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self.scratch = scratch
        self._files = ["-f", str(root / "docker/compose.yaml"), "-f", str(scratch / "unwaited.yaml")]
        self._root = root
        names = ("HOOP_POSTGRES_PORT", "HOOP_SSH_PORT", "HOOP_CONSOLE_PORT", "HOOP_ISSUER_PORT")
        self.ports = dict(zip(names, map(str, _free_ports(len(names))), strict=True))
        self._environment = {
            **os.environ,
            **self.ports,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOOP_BASE": BASE,
            "CONTAINERS_CONF": str(scratch / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(scratch / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",  # RUN needs no limits that only the whole machine's root may set
            "BUILDAH_FORMAT": "docker",  # OCI's has no HEALTHCHECK
        }

    def prepare(self) -> None:
        """The base image, made of the machine's own mirror, with the machine's own authorities and pip settings."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        files = {"containers.conf": _CONTAINERS, "storage.conf": _STORAGE, "unwaited.yaml": _UNWAITED}
        for name, text in files.items():
            (self.scratch / name).write_text(text.format(scratch=self.scratch))
        (self.scratch / "networks").mkdir(exist_ok=True)
        (self.scratch / "running").mkdir(exist_ok=True)
        if self._call(["podman", "image", "exists", BASE]).returncode == 0:
            return
        tree = self.base_tree()
        packed = self._call(["sh", "-c", f"tar -C {tree} -c . | podman import -q - {BASE}"])
        shutil.rmtree(tree)
        if packed.returncode:
            raise CannotRun(f"podman import: {packed.stdout[-500:]}")

    def base_tree(self) -> Path:
        """A folder with the base's files, made anew."""
        tree = self.scratch / "base"
        shutil.rmtree(tree, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(tree), _mirror()]
        made = self._call(command)
        if made.returncode:
            raise CannotRun(f"debootstrap: {made.stdout[-500:]}")
        _as_this_machine(tree)
        return tree

    def try_out(self) -> None:
        """CannotRun unless an image can be built here that reaches the machine's mirrors, and a container runs of it.

        What fails afterwards is compose.yaml's fault, or an image's.
        """
        recipe = self.scratch / "probe"
        recipe.write_text(f"FROM {BASE}\nRUN apt-get update -qq && apt-get install -yqq --no-install-recommends tini\n")
        for command in (
            ["podman", "build", "-q", "-t", f"{BASE}-probe", "-f", str(recipe), str(self.scratch / "networks")],
            ["podman", "run", "--rm", "--network=none", "--read-only", "--user=10001", f"{BASE}-probe", "id"],
        ):
            done = self._call(command)
            if done.returncode:
                raise CannotRun(f"{' '.join(command[:2])}: {done.stdout[-800:]}")

    @property
    def exec_line(self) -> str:
        """What a shell runs a command with in the container of service $one."""
        return 'podman exec -i "hoop_${one}_1"'

    @property
    def compose_line(self) -> str:
        """podman-compose with its files, for a shell."""
        return shlex.join([compose_program() or "podman-compose", *self._files])

    def given(self, more: dict[str, str]) -> dict[str, str]:
        """The environment that podman and podman-compose find this house in, and what is added to it."""
        return {**self._environment, **more}

    def compose(self, *words: str, must: bool = True) -> str:
        """podman-compose; what it said."""
        program = compose_program()
        assert program is not None
        done = self._call([program, *self._files, *words])
        if must and done.returncode:
            raise Failed(f"podman-compose {' '.join(words)}: {done.returncode}\n{done.stdout[-6000:]}")
        return done.stdout

    def leave(self) -> None:
        """Go on in a network of our own, which ends with us: no bridge, rule or port of the machine's is touched.

        What is built before reaches the registries; what runs afterwards reaches itself.
        """
        self.leave_network()
        made = self._call(["podman", "network", "create", "probe"])
        done = self._call(["podman", "run", "--rm", "--network=probe", f"{BASE}-probe", "getent", "hosts", "localhost"])
        if made.returncode or done.returncode:
            raise CannotRun(f"podman makes no networks here: {(made.stdout + done.stdout)[-800:]}")

    def leave_network(self) -> None:
        """Into a network namespace that has a loopback and nothing else."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_NEW_NETWORK) or self._call(["ip", "link", "set", "lo", "up"]).returncode:
            raise CannotRun(f"there is no network namespace to be had: {os.strerror(ctypes.get_errno())}")

    def services(self) -> list[str]:
        """All of them."""
        return self.compose("config", "--services").split()

    def up(self) -> None:
        """Start everything and wait until it is well."""
        self.compose("up", "--no-start", "--no-build")
        for services in WAVES:
            for name in services:
                done = self._call(["podman", "start", self.name(name)])
                if done.returncode:
                    raise Failed(f"{name} does not start: {done.stdout}\n{self.logs()}")
                if name in ONCE:
                    self._call(["podman", "wait", self.name(name)])
            self.healthy([name for name in services if name not in ONCE])

    def healthy(self, services: list[str]) -> None:
        """Until the image's or compose.yaml's own check of each service says yes."""
        until = time.monotonic() + PATIENCE
        waiting = services
        while waiting:
            waiting = [
                name for name in waiting if self._call(["podman", "healthcheck", "run", self.name(name)]).returncode
            ]
            if waiting and time.monotonic() > until:
                raise Failed(f"not healthy: {', '.join(waiting)}\n{self.logs()}")
            time.sleep(0.5 if waiting else 0)

    def run(self, service: str, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command in a service's container."""
        return self.engine("exec", "-i", self.name(service), *words, given=given)

    def engine(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """podman itself."""
        return self._call(["podman", *words], given)

    def name(self, service: str) -> str:
        """Of its container."""
        return f"hoop_{service}_1"

    def inspect(self, service: str) -> dict[str, object]:
        """What the engine knows of a container."""
        found: list[dict[str, object]] = json.loads(self.engine("inspect", self.name(service)).stdout)
        return found[0]

    def host(self, line: str, environment: dict[str, str], patience: float = 60) -> subprocess.CompletedProcess[str]:
        """A line of shell on this machine, as somebody would paste it."""
        return self._call(["sh", "-c", line], environment={**self._environment, **environment}, patience=patience)

    def begin(self, line: str, environment: dict[str, str]) -> subprocess.Popen[str]:
        """The same, without waiting for its end."""
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(["sh", "-c", line], env={**self._environment, **environment}, text=True, **pipes)

    def logs(self) -> str:
        """The end of what every container said."""
        names = self.engine("ps", "-a", "--format", "{{.Names}}").stdout.split()
        return "\n".join(f"--- {name}\n{self.engine('logs', '--tail', '25', name).stdout}" for name in names)

    def stop(self) -> None:
        """Stop and remove everything, networks and volumes too."""
        if (self.scratch / "containers.conf").exists():
            self.compose("down", "-v", "-t", "5", must=False)
            self._call(["podman", "rm", "-f", "-a", "-t", "1"])
            self._call(["podman", "network", "prune", "-f"])
            self._call(["umount", "-l", str(self.scratch / "images/overlay")])  # podman mounts it on itself

    def _call(
        self, command: list[str], given: str = "", environment: dict[str, str] | None = None, patience: float = 900
    ) -> subprocess.CompletedProcess[str]:
        environ = environment or self._environment
        both: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, input=given, env=environ, text=True, timeout=patience, errors="replace", **both)
        done.stdout = "".join(line for line in done.stdout.splitlines(True) if not _is_noise(line))
        return done


def _is_noise(line: str) -> bool:
    """Podman would like systemd to ask for health; we do."""
    return "unable to get systemd connection" in line or "failed to connect to syslog" in line


def _mirror() -> str:
    """The mirror this machine installs from; debootstrap's own default when it says nothing."""
    for file in (*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list")):
        for line in file.read_text().splitlines() if file.exists() else []:
            words = line.split()
            if words[:1] == ["URIs:"] or words[:1] == ["deb"]:
                found = next((word for word in words if word.startswith(("http:", "https:"))), "")
                if "debian" in found and "security" not in found and "node" not in found:
                    return found
    return ""


def _as_this_machine(tree: Path) -> None:
    """Builds reach what this machine reaches, as it does: its authorities, its settings of pip."""
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if bundle.exists():
        shutil.copyfile(bundle, tree / "etc/ssl/certs/ca-certificates.crt")
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    settings = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    wanted = {name.rpartition(".")[2]: value.strip("'\"") for name, value in settings.items()}
    kept = {name: value for name, value in wanted.items() if name in ("index-url", "extra-index-url", "trusted-host")}
    lines = [f"{name} = {value}" for name, value in {**kept, "cert": str(bundle)}.items()]
    (tree / "etc/pip.conf").write_text("\n".join(["[global]", *lines, ""]))
    # As the official images have it: an image is whole or not there, so nothing is synced on the way.
    (tree / "etc/dpkg/dpkg.cfg.d/quick").write_text("force-unsafe-io\n")
    (tree / "etc/apt/apt.conf.d/quick").write_text('Acquire::Languages "none";\n')
    if Path("/etc/apt/apt.conf.d").is_dir():
        for file in Path("/etc/apt/apt.conf.d").glob("*proxy*"):
            shutil.copyfile(file, tree / "etc/apt/apt.conf.d" / file.name)


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
