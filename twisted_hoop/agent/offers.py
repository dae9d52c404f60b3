"""Whether what an agent says of its allow-list names a place: read back from the lines people are shown. Pure.

An agent may say anything, so this is advice and nothing is let through by it: the agent itself checks what it dials.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from twisted_hoop.agent.allow import AllowList, canonical, entry_of, real_address
from twisted_hoop.agent.settings import AllowSection
from twisted_hoop.transport.connect import TcpPlace, UnixPlace

Offer = Literal["yes", "perhaps", "no"]


def offer_of(offered: Iterable[str], where: TcpPlace | UnixPlace) -> Offer:
    """Whether the lines name a place; "perhaps" for a name whose address may be in a network they name."""
    sections = list(_sections(offered))
    listed = AllowList(sections)
    if isinstance(where, UnixPlace):
        return "yes" if listed.has_socket(where.path) else "no"
    if real_address(where.host) is not None:
        return "yes" if listed.admits(where.host, where.port, where.host) else "no"
    entries = [entry_of(each) for each in sections if not each.unix]
    if any(entry.has(where.port) and entry.names(canonical(where.host)) for entry in entries):
        return "yes"
    return "perhaps" if listed.may_look_up(where.host, where.port) else "no"


def _sections(offered: Iterable[str]) -> Iterator[AllowSection]:
    """Those that can be read; a line that was cut, or made up, names nothing."""
    for line in offered:
        host, _, ports = line.rpartition(":")
        if line.startswith("unix:"):
            yield AllowSection(unix=line.removeprefix("unix:"))
            continue
        try:
            section = AllowSection(host=host, ports=list(ports.split(",")))
            entry_of(section)
        except ValueError:
            continue
        yield section
