"""Where a forward leads to: one spelling for each place, and the places that a rule must name itself (S11). Pure.

No name is looked up: the target's own sshd dials, by its own resolver. What an operator lets through by pattern is a
name they know; what stands for the target itself, for its link or for the metadata of its cloud must be written out.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Union

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

UNIX = "unix:"
_INWARD_NAMES = frozenset({
    "", "*", "localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback",
    "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
})  # fmt: skip
_METADATA = frozenset(map(ipaddress.ip_address, ("fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")))
"""Metadata services that have no link-local address: Google, Alibaba, Azure, Oracle."""
_METADATA_NETWORK = ipaddress.ip_network("fd00:ec2::/32")
"""What AWS gives every machine: metadata (::254), credentials of pods (::23)."""
_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "::ffff:0:0:0/96")))
"""IPv4 behind a translator: RFC 8215; RFC 2765, section 2.1. The last four bytes are the address."""


def destination_of(host: str, port: int) -> str:
    """`host:port` in its one spelling: lower case, no dot at the end, addresses in their shortest form."""
    address = _address(host)
    if address is not None:
        host = f"[{address}]" if address.version == 6 else str(address)
    else:
        host = host.lower().rstrip(".")
        host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}"


def socket_of(path: str) -> str:
    """`unix:/path`."""
    return UNIX + path


def is_inward(destination: str) -> bool:
    """Whether a destination is the target itself, its link, or its cloud's metadata, and not merely a host."""
    if destination.startswith(UNIX):
        return True
    host = destination.rpartition(":")[0].strip("[]")
    address = _address(host)
    if address is None:
        return host in _INWARD_NAMES or host.endswith(".localhost") or "%" in host
    inner = _translated(address)
    return _leads_inward(address) or (inner is not None and _leads_inward(inner))


def _leads_inward(address: _Address) -> bool:
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or address in _METADATA
        or address in _METADATA_NETWORK
        or address in ipaddress.ip_network("0.0.0.0/8")
    )


def names_itself(destinations: Collection[str], given: Collection[str]) -> bool:
    """Whether every inward destination is one of those `given` as it stands: no pattern lets one through."""
    return all(destination in given for destination in destinations if is_inward(destination))


def _address(host: str) -> _Address | None:
    """The address a resolver takes a text for, `0x7f.1` and `2130706433` among them; v4-mapped v6 is v4."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return _odd(host)
    if isinstance(address, ipaddress.IPv6Address) and (inner := address.ipv4_mapped or _compatible(address)):
        return inner
    return address


def _translated(address: _Address) -> ipaddress.IPv4Address | None:
    """Where a router on the way may lead an address of v6: 6to4 (RFC 3056), and translators other than NAT64's own."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.sixtofour is not None:
        return address.sixtofour
    found = any(address in network for network in _TRANSLATED)
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if found else None


def _compatible(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """::a.b.c.d (RFC 4291, section 2.5.5.1), and NAT64's 64:ff9b::a.b.c.d (RFC 6052)."""
    number = int(address)
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return ipaddress.IPv4Address(number) if 0xFFFF < number <= 0xFFFFFFFF else None


def _odd(host: str) -> _Address | None:
    """What inet_aton(3) makes of a text that is no address as RFCs write them: `127.1`, `0x7f000001`, `0177.0.0.1`."""
    parts = host.split(".")
    numbers = [_number(part) for part in parts]
    if len(parts) > 4 or any(number is None for number in numbers):
        return None
    *first, last = (number or 0 for number in numbers)
    if any(number > 255 for number in first) or last >= 1 << (8 * (5 - len(parts))):
        return None
    high = sum(number << (24 - 8 * place) for place, number in enumerate(first))
    return ipaddress.IPv4Address(high | last)


def _number(text: str) -> int | None:
    """A number as C has it: decimal, octal behind 0, hexadecimal behind 0x."""
    if not text.isascii() or not text.isalnum() or len(text) > 40:
        return None
    try:
        if text[:2] in ("0x", "0X"):
            return int(text[2:] or "0", 16)
        return int(text, 8) if text[0] == "0" else int(text)
    except ValueError:
        return None
