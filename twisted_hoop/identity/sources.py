"""Where a credential may be used from: CIDR ranges (I10). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Union

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.model import Peer

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_REMEMBERED = 4096
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class SourceRanges:
    """The ranges of one issuer or account; none means anywhere. ConfigurationError for what is no range."""

    def __init__(self, ranges: Sequence[str], where: str) -> None:
        try:
            self._networks = [_network(text) for text in ranges]
        except ValueError as error:
            raise ConfigurationError([f"{where}: sources: {error}"]) from None
        self._inside: set[str] = set()

    def check(self, peer: Peer) -> None:
        """AuthenticationFailed when the peer is outside, or when its address is none (a unix socket, say)."""
        if not self._networks or peer.address in self._inside:
            return
        address = _address(peer.address)
        if address is None or not any(address in network for network in self._networks):
            raise AuthenticationFailed(f"not accepted from {peer.address} (I10)")
        if len(self._inside) < _REMEMBERED:  # reading an address costs more than the rest of a known token's check
            self._inside.add(peer.address)


def _address(text: str) -> Address | None:
    """An address; IPv4 mapped into IPv6 is the IPv4 it stands for, or a range could be evaded or missed."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def _network(text: str) -> Network:
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        inner = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network((str(inner), network.prefixlen - 96))
    return network
