"""What is compared over SSH: a real sshd directly, and the same sshd through each relay there is."""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from harness.processes import Measured, free_port
from tests.support.ssh_gateway import ALLOW, SshPlace, ssh_gateway
from tests.support.sshd import ACCOUNT, Sshd

GCM = ("-c", "aes128-gcm@openssh.com")
COUNTER = ("-c", "aes128-ctr", "-m", "hmac-sha2-256")
_PLAIN = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")

_MASKED = """
[[targets]]
name = "masked"
protocol = "ssh"
endpoint = "tcp:127.0.0.1:{port}"
login = "{account}"
login_with = "key"
secret = "file:{folder}/login"
host_keys = {keys}
groups = ["developers"]

[[masks]]
name = "values"
targets = ["masked"]
detect = ["email", "card"]
strategy = "redact"
"""


class Running(Measured):
    """A process that somebody else started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to the sshd: the argv of ssh up to the command. `process` is what stands between, None for nothing."""

    name: str
    argv: tuple[str, ...]
    process: Measured | None = None

    def command(self, command: str) -> list[str]:
        """The whole argv."""
        return [*self.argv, command]

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Run it with pipes."""
        return subprocess.Popen(self.command(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


@dataclass(frozen=True, slots=True)
class SshWorld:
    """Every variant, and a text file of `text_size` bytes at the target."""

    place: SshPlace
    variants: tuple[Variant, ...]
    text: Path
    text_size: int

    def named(self, *names: str) -> list[Variant]:
        """The variants of these names, in this order."""
        found = {variant.name: variant for variant in self.variants}
        return [found[name] for name in names]


@contextlib.contextmanager
def ssh_world(text_size: int) -> Iterator[SshWorld]:
    """Start everything; stop and remove everything at the end."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="hoop-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        place = stack.enter_context(_gateway(folder))
        variants = [*_direct(folder, place.sshd), *_hoop(place), *_relays(folder, place.sshd, stack)]
        yield SshWorld(place, tuple(variants), _text(folder, text_size), text_size)


@contextlib.contextmanager
def _gateway(folder: Path) -> Iterator[SshPlace]:
    """Two targets, the same sshd: its port is known only once it runs, so the second one comes by a reload."""
    with ssh_gateway(folder, ALLOW) as place:
        more = _MASKED.format(port=place.sshd.port, account=ACCOUNT, folder=folder, keys=place.sshd.host_keys)
        place.gateway.reload(replace(place.plan, text=place.plan.text + more))
        yield place


def _direct(folder: Path, sshd: Sshd) -> list[Variant]:
    key = ("-i", str(folder / "login"), "-o", "IdentitiesOnly=yes")
    end = ("-p", str(sshd.port), f"{ACCOUNT}@127.0.0.1")
    through = f"ProxyCommand=ssh {' '.join(_PLAIN)} {' '.join(key)} -W %h:%p {' '.join(end)}"
    return [
        Variant("direct", ("ssh", *_PLAIN, *key, *GCM, *end)),
        Variant("openssh -J", ("ssh", *_PLAIN, *key, *GCM, "-o", through, *end)),
    ]


def _hoop(place: SshPlace) -> list[Variant]:
    process = Running(place.gateway.process.pid)
    options = ("ssh", *place.options(), *GCM)
    return [
        Variant("hoop", (*options, "direct"), process),
        Variant("hoop -J", (*options, "web-1"), process),
        Variant("hoop masked", (*options, "-o", f"User={ACCOUNT}%masked", "direct"), process),
    ]


def _relays(folder: Path, sshd: Sshd, stack: ExitStack) -> list[Variant]:
    return [
        _relay("asyncssh", "asyncssh_relay.py", GCM, folder, sshd, stack),
        _relay("stock conch", "conch_relay.py", COUNTER, folder, sshd, stack),
    ]


def _relay(name: str, script: str, suite: Sequence[str], folder: Path, sshd: Sshd, stack: ExitStack) -> Variant:
    port = free_port()
    path = str(Path(__file__).with_name(script))
    command = [sys.executable, path, str(port), str(sshd.port), ACCOUNT, str(folder / "login")]
    process = Measured(command, folder / f"{script}.log")
    stack.callback(process.stop)
    process.wait_for(port)
    return Variant(name, ("ssh", *_PLAIN, *suite, "-p", str(port), "anybody@127.0.0.1"), process)


def _text(folder: Path, size: int) -> Path:
    """Lines of a log, one in ten with something to mask."""
    dice, path, written = random.Random(7), folder / "log", 0
    with path.open("w") as file:
        while written < size:
            who = f"user{dice.randrange(10**6)}@example.com" if dice.random() < 0.1 else f"user{dice.randrange(10**6)}"
            line = f"2026-11-22T10:{dice.randrange(60):02}:{dice.randrange(60):02} app[{dice.randrange(99999)}]: GET"
            written += file.write(f"{line} /v1/items/{dice.randrange(10**6)} by {who} took {dice.randrange(999)} ms\n")
    return path
