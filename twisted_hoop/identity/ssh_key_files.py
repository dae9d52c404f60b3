"""The gateway's own SSH keys on disk: those of the configuration, or made once in the state folder.

Blocks: for the start of the program.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.file_modes import open_to_others
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key, parse_private_key
from twisted_hoop.settings import SshSection

_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class GatewayKeys:
    """What the gateway signs with: certificates of users, hosts and agents, and its own proof as an SSH server."""

    user_ca: PrivateKey
    host_ca: PrivateKey
    host_key: PrivateKey
    agent_ca: PrivateKey


def load_gateway_keys(section: SshSection, state: Path) -> GatewayKeys:
    """The four keys, or ConfigurationError with every problem. What is not configured is made in `state` (0600)."""
    problems: list[str] = []
    found: list[PrivateKey] = []
    for name in ("user_ca", "host_ca", "host_key", "agent_ca"):
        configured = getattr(section, name)
        try:
            found.append(_load(Path(configured) if configured else _made(state / f"ssh_{name}")))
        except ValueError as error:
            problems.append(f"ssh.{name}: {error}")
    if not problems and found[2].public.kind != b"ssh-ed25519":
        problems.append("ssh.host_key: must be an Ed25519 key: ssh-keygen -t ed25519")
    if not problems and len({key.public.blob for key in found}) != len(found):
        # One that signs users and hosts, or proves the gateway itself, could be made to do the one by asking the other;
        # one that signs users and agents would let agents log in as users (S6).
        problems.append("ssh: user_ca, host_ca, host_key and agent_ca must be four different keys")
    if problems:
        raise ConfigurationError(problems)
    return GatewayKeys(*found)


def _load(path: Path) -> PrivateKey:
    """R11: others cannot read it. The check is made on the open file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            if open_to_others(os.fstat(descriptor).st_mode, descriptor):
                raise ValueError(f"{path} is open to others: chmod 600 {path}")
            text = os.read(descriptor, _LARGEST)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return parse_private_key(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _made(path: Path) -> Path:
    """The file, made if it is not there: whole or not at all, and never in the place of another (a second process)."""
    if path.exists():
        return path
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(new_private_key().openssh())
            file.flush()
            os.fsync(descriptor)
        _placed(draft, path)
    except OSError as error:
        raise ValueError(f"{path} cannot be made: {error.strerror}") from None
    return path


def _placed(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
