"""The demo's folder, and its ports. Nothing is kept anywhere else, but for root's database (see database.py)."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

HOST = "127.0.0.1"


class DemoFailed(Exception):
    """The demo cannot go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where things listen: the gateway for psql, its API, the issuer of tokens, the database behind. 0: a free one."""

    port: int = 0
    api_port: int = 0
    issuer_port: int = 0
    postgres_port: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Names inside the folder."""

    root: Path

    @property
    def configuration(self) -> Path:
        """The gateway's configuration."""
        return self.root / "demo.toml"

    @property
    def certificates(self) -> Path:
        """The demo's own certificate authority, and the gateway's certificate."""
        return self.root / "pki"

    @property
    def authority(self) -> Path:
        """What clients verify the gateway with."""
        return self.certificates / "ca.pem"

    @property
    def keys(self) -> Path:
        """The issuer's keys."""
        return self.root / "keys"

    @property
    def tokens(self) -> Path:
        """One file for each person and program."""
        return self.root / "tokens"

    @property
    def secrets(self) -> Path:
        """Passwords at the database."""
        return self.root / "secrets"

    @property
    def state(self) -> Path:
        """The gateway's state folder."""
        return self.root / "state"

    @property
    def logs(self) -> Path:
        """What the processes say."""
        return self.root / "logs"

    def make(self) -> None:
        """Make what is missing; only we can look into it."""
        for folder in (self.root, self.certificates, self.tokens, self.secrets, self.state, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def claim(self) -> int:
        """A lock for as long as this process lives, or DemoFailed: two demos in one folder would mix up everything."""
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise DemoFailed(f"a demo runs in {self.root} already: use that one, or choose another --folder") from None
        return descriptor


def write_private(path: Path, text: str) -> None:
    """Write a file only we can read, whole or not at all: whoever reads meanwhile gets the old text."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def choose_ports(place: Place, asked: Ports) -> Ports:
    """Asked-for ports must be free; the others are those of last time when they still are, else any free ones."""
    memory = place.root / "ports.json"
    before = _remembered(memory)
    chosen: dict[str, int] = {}
    for field in fields(Ports):
        wanted = getattr(asked, field.name)
        if wanted and not _free(wanted):
            option = "--" + field.name.replace("_", "-")
            raise DemoFailed(
                f"port {wanted} is in use: stop what listens there, or give {option} another (0: any free)"
            )
        chosen[field.name] = wanted or _any(before.get(field.name, 0), set(chosen.values()))
    ports = replace(asked, **chosen)
    write_private(memory, json.dumps(asdict(ports)))
    return ports


def _remembered(memory: Path) -> Mapping[str, int]:
    try:
        kept = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: value for name, value in kept.items() if isinstance(value, int)} if isinstance(kept, dict) else {}


def _any(before: int, taken: set[int]) -> int:
    if before and before not in taken and _free(before):
        return before
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
