"""Pieces of a gateway's configuration that many tests need, as TOML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ALL = """
[[rules]]
name = "all"
effect = "allow"
"""
"""A rule that lets through what may be let through in general."""


def listener(name: str, protocol: str, certified: Path | None = None, more: str = "") -> str:
    """One on a free port of loopback; `certified` is the folder of a gateway, whose certificate it shows."""
    files = (
        f'certificate = "{certified}/tls/localhost.pem"\nkey = "{certified}/tls/localhost.key"\n' if certified else ""
    )
    head = f'name = "{name}"\nprotocol = "{protocol}"\nendpoint = "tcp:0:interface=127.0.0.1"\n'
    return f"[[listeners]]\n{head}{files}{more}"


def ssh_target(endpoint: str, host_keys: Sequence[str], login: str, how: str, groups: Sequence[str] = ("*",)) -> str:
    """The target `web-1`; `how` are the lines that say with what the gateway logs in as `login`. Ends open to more."""
    lines = (
        "[[targets]]",
        'name = "web-1"',
        'protocol = "ssh"',
        f'endpoint = "{endpoint}"',
        f'login = "{login}"',
        how,
        f"host_keys = {list(host_keys)!r}",
        f"groups = {list(groups)!r}",
    )
    return "".join(f"{line}\n" for line in lines)
