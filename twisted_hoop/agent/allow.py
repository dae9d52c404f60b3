"""What an agent connects to: its allow-list, and the check of the very address it dials (S11). Pure.

A name is looked up once, by who asks here; of its addresses only those come through that are meant. The agent's own
machine, its link and the metadata of its cloud are meant only where somebody wrote just them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Union

from twisted_hoop.agent.settings import AllowSection
from twisted_hoop.policy.destinations import destination_of, is_inward

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_INWARD: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        ("127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8", "224.0.0.0/4", "fe80::/10", "ff00::/8", "fd00:ec2::/32"),
    )
)
"""Networks of which every address is inward."""
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Entry:
    """One of `[[allow]]`, understood: `name` in lower case (with `*.` in front for all below), or `network`."""

    shown: str
    ports: tuple[tuple[int, int], ...]
    name: str = ""
    network: Network | None = None

    def has(self, port: int) -> bool:
        """Whether a port is among its ports."""
        return any(first <= port <= last for first, last in self.ports)

    def names(self, host: str) -> bool:
        """Whether it means a name; `*.svc` means every name below, and not `svc` itself."""
        if self.name.startswith("*."):
            return host.endswith(self.name[1:]) and len(host) > len(self.name) - 1
        return host == self.name

    def covers(self, address: Address) -> bool:
        """Whether it means an address."""
        return self.network is not None and address in self.network

    def means_inward(self) -> bool:
        """Whether nothing but inward addresses is meant: somebody wrote just those (S11)."""
        if self.network is None:
            return is_inward(destination_of(self.name, 0))
        if self.network.num_addresses == 1:
            return is_inward(destination_of(str(self.network.network_address), 0))
        return any(_within(self.network, inward) for inward in _INWARD)


class AllowList:
    """See the module. ValueError from `entry_of` for what cannot be understood."""

    def __init__(self, sections: Iterable[AllowSection]) -> None:
        sections = list(sections)
        self._entries = tuple(entry_of(section) for section in sections if not section.unix)
        self._sockets = frozenset(section.unix for section in sections if section.unix)

    def offered(self) -> tuple[str, ...]:
        """A line for each entry, for people."""
        sockets = tuple(f"unix:{path}" for path in sorted(self._sockets))
        return tuple(entry.shown for entry in self._entries) + sockets

    def has_socket(self, path: str) -> bool:
        """Whether a path is on the list, as it is written there: nothing is looked up."""
        return path in self._sockets

    def may_look_up(self, host: str, port: int) -> bool:
        """Whether anything on the list could mean a host of that name: else it is not even looked up."""
        host = canonical(host)
        return any(entry.has(port) and (entry.network is not None or entry.names(host)) for entry in self._entries)

    def admits(self, host: str, port: int, address: str) -> bool:
        """Whether `address`, found for `host` (or `host` itself), may be dialled at `port`."""
        found = real_address(address)
        if found is None:
            return False
        host = canonical(host)
        literal = real_address(host) is not None
        meant = [
            entry
            for entry in self._entries
            if entry.has(port) and (entry.covers(found) or (not literal and entry.names(host)))
        ]
        if is_inward(destination_of(str(found), 0)):
            return any(entry.means_inward() for entry in meant)
        return bool(meant)


def canonical(host: str) -> str:
    """One spelling for each name."""
    return host.lower().rstrip(".")


def real_address(text: str) -> Address | None:
    """The address behind a text: v4 in v6 is v4, whichever way it is wrapped; None for a name, or one with a zone."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0] if "%" not in text else "")
    except ValueError:
        return None
    inner = destination_of(str(address), 0).rpartition(":")[0].strip("[]")
    return ipaddress.ip_address(inner)


def entry_of(section: AllowSection) -> Entry:
    """One of `[[allow]]`; ValueError with what to do."""
    ports = tuple(_range(port) for port in section.ports)
    if not ports:
        raise ValueError('ports are missing: write [5432], or ["*"] for all')
    host = canonical(section.host)
    told = ",".join(str(port) for port in section.ports)
    shown = f"{host}:{told}"
    network = _network(host)
    if network is not None:
        return Entry(shown, ports, network=network)
    if not _is_name(host):
        raise ValueError("write a name, *.domain, an address or a network")
    return Entry(shown, ports, name=host)


def _within(network: Network, other: Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and network.subnet_of(other)


def _network(host: str) -> Network | None:
    try:
        return ipaddress.ip_network(host)
    except ValueError as error:
        if "/" in host:
            raise ValueError(f"{host} is no network: {error}") from None
        return None


def _is_name(host: str) -> bool:
    labels: Sequence[str] = host.removeprefix("*.").split(".")
    return len(host) <= 253 and all(
        label and len(label) < 64 and label.replace("-", "").replace("_", "").isalnum() and label.isascii()
        for label in labels
    )


def _range(port: int | str) -> tuple[int, int]:
    if port == "*":
        return 1, _LAST_PORT
    first, dash, last = str(port).partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ValueError(f'{port!r} is neither a port nor a range like "8000-8100"')
    low, high = int(first), int(last or first)
    if not 1 <= low <= high <= _LAST_PORT:
        raise ValueError(f"{port!r}: ports are from 1 to 65535, the lower one first")
    return low, high
