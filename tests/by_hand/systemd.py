"""The units of etc/ under a real systemd, as process 1 of a Debian that debootstrap makes: docs/install.md, done.

    ./dev run python -m tests.by_hand.systemd [--tree DIR]

It takes root, debootstrap and two minutes; `--tree` keeps the Debian for the next time. Mounts, processes, network and
control groups are its own: the machine's systemd, where there is one, knows nothing of it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.containers.machine import Machine, why_not
from tests.support.gateway import wait_for

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ("debootstrap", "unshare", "nsenter", "chroot", "ip")
PACKAGES = "systemd systemd-sysv dbus python3 python3-venv sudo postgresql iproute2 procps"
SOURCES: tuple[str, ...] = ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
SOURCES += ("mypyc.ini", "twisted_hoop", "twisted", "etc")
STEPS = Path(__file__).parent / "systemd_steps.sh"
_INSTALL = """set -e
printf '#!/bin/sh\\nexit 101\\n' > usr/sbin/policy-rc.d
chmod 0755 usr/sbin/policy-rc.d
mkdir -p proc && mount -t proc proc proc
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends {packages}
python3 -m venv /opt/hoop-0.1.0
HOOP_COMPILE=0 /opt/hoop-0.1.0/bin/pip install -q '/src[postgresql]'
/opt/hoop-0.1.0/bin/twistd --help > /dev/null
ln -sfn /opt/hoop-0.1.0 /opt/hoop
ln -sf /opt/hoop/bin/hoop /usr/local/bin/hoop
"""
_BOOT = """set -e
mount --make-rprivate /
mount --bind {tree} {tree}
cd {tree}
mkdir -p before
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 none sys/fs/cgroup
mkdir -p sys/fs/cgroup/hoop-systemd
echo 0 > sys/fs/cgroup/hoop-systemd/cgroup.procs
umount sys/fs/cgroup
exec unshare --cgroup sh -ec '
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o dev tmpfs dev
for device in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do
    mknod -m 0666 dev/${{device% *}} c 1 ${{device#* }}
done
mknod -m 0666 dev/tty c 5 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
ip link set lo up
pivot_root . before
umount -l before
mount --make-rshared /
exec env -i container=hoop PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd'
"""
"""Devices are made, not bound: systemd changes owner and mode of its console, and that must be nobody else's file."""


def make(tree: Path) -> None:
    """A Debian with systemd, PostgreSQL and this checkout, installed as docs/install.md says."""
    with tempfile.TemporaryDirectory() as scratch:
        base = Machine(ROOT, Path(scratch)).base_tree()
        subprocess.run(["mv", str(base), str(tree)], check=True)
    shutil.copyfile("/etc/resolv.conf", tree / "etc/resolv.conf")
    _copy_source(tree)
    command = ["unshare", "--mount", "--pid", "--fork", "chroot", str(tree), "sh", "-c"]
    subprocess.run([*command, _INSTALL.format(packages=PACKAGES)], check=True, stdout=subprocess.DEVNULL)


def _copy_source(tree: Path) -> None:
    """What the wheel is made of, and etc/."""
    shutil.rmtree(tree / "src", ignore_errors=True)
    (tree / "src").mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            left_out = shutil.ignore_patterns("__pycache__", "*.so", "dropin.cache")
            shutil.copytree(ROOT / name, tree / "src" / name, ignore=left_out)
        else:
            shutil.copyfile(ROOT / name, tree / "src" / name)


@contextlib.contextmanager
def booted(tree: Path) -> Iterator[list[str]]:
    """systemd runs; the words that run a command in there. Ended with all it started."""
    apart = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"]
    quiet = subprocess.DEVNULL
    command = ["unshare", *apart, "sh", "-c", _BOOT.format(tree=tree)]
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        first = wait_for(lambda: _child(process.pid), "process 1", process)
        inside = ["nsenter", "-t", first, "--all", "--"]
        wait_for(lambda: _is_up(inside), "systemd", process)
        yield inside
    finally:
        process.kill()
        process.wait()
        time.sleep(1)  # the kernel ends what was in there
        with contextlib.suppress(OSError):
            Path("/sys/fs/cgroup/hoop-systemd").rmdir()


def _child(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()
    return ""


def _is_up(inside: list[str]) -> bool:
    """Degraded will do: a container loads no kernel modules, and has no console."""
    done = subprocess.run([*inside, "systemctl", "is-system-running"], capture_output=True, text=True)
    return done.stdout.strip() in ("running", "degraded")


def main(words: list[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, help="a folder that stays")
    options = parser.parse_args(words)
    missing = why_not(PROGRAMS, ())
    if missing:
        print(missing)
        return 1
    with contextlib.ExitStack() as stack:
        tree = options.tree or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoop-systemd-"))) / "debian"
        if (tree / "opt/hoop").is_symlink():
            _copy_source(tree)
        else:
            make(tree.resolve())
        shutil.copyfile(STEPS, tree / "src/steps.sh")
        inside = stack.enter_context(booted(tree.resolve()))
        return subprocess.run([*inside, "bash", "/src/steps.sh"], env=_environment()).returncode


def _environment() -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "TERM": os.environ.get("TERM", "dumb"),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
