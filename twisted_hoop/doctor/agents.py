"""Targets behind agents: whether an agent of that name is connected, since when, and whether it offers the address.

Only gateways speak to agents, and a doctor is none: no log-in is tried. What gateways wrote into their store is read,
and nothing else; who is dead by its lease counts as gone, also where nobody runs that would say so. Blocks.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from twisted_hoop.agent.authorities import TODO, named_in
from twisted_hoop.agent.offers import offer_of
from twisted_hoop.agent.words import described
from twisted_hoop.doctor.finding import Finding
from twisted_hoop.errors import HoopError
from twisted_hoop.settings import TargetSection
from twisted_hoop.store.agents import AgentRow, LinkRow, PeerRow, installations, shared
from twisted_hoop.store.looking import read
from twisted_hoop.store.replicas import living
from twisted_hoop.transport.names import Place, client_place

_UNTRIED = "no log-in was tried, as only the gateway speaks by agents"
_AREA = "target"


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has: replicas whose lease holds, connections at them, and every installation."""

    replicas: tuple[PeerRow, ...]
    links: tuple[LinkRow, ...]
    installations: tuple[AgentRow, ...]


def behind(targets: Iterable[TargetSection]) -> list[tuple[str, Place]]:
    """(name, place) of every target that an agent leads to."""
    places = ((section.name, client_place(section.endpoint)) for section in targets)
    return [(name, place) for name, place in places if place is not None and place.agent]


def look_at_agents(url: str, targets: Sequence[tuple[str, Place]], own: str, now: float | None = None) -> list[Finding]:
    """A finding for each target, and one of the authority. `own` is the fingerprint of this machine's, "" for none yet.

    StoreUnavailable is told as the finding of each target, as nothing else can be said of any.
    """
    moment = time.time() if now is None else now
    try:
        known = read(url, lambda connection: _known(connection, moment))
    except HoopError as error:
        todo = "see the finding on the store"
        return [Finding(_AREA, name, "error", f"{_by(place)}; {error}", todo) for name, place in targets]
    found = known or Known((), (), ())
    return [*_authorities(found, own), *(_target(found, name, place, moment) for name, place in targets)]


def _known(connection: Connection, now: float) -> Known:
    alive, seen = living(connection, now), shared(connection)
    links = tuple(each for each in seen.links if each.replica in alive and each.ident not in seen.revoked)
    return Known(tuple(each for each in seen.peers if each.id in alive), links, tuple(installations(connection)))


def _by(place: Place) -> str:
    return f"{described(place.where)} is reached by agent {place.agent}"


def _target(known: Known, name: str, place: Place, now: float) -> Finding:
    if not known.replicas:
        what = f"{_by(place)}, and no gateway of this store runs: whether the agent is there is not known"
        return Finding(_AREA, name, "warning", f"{what}; {_UNTRIED}", "start the gateway, then look again")
    links = [each for each in known.links if each.name == place.agent]
    if not links:
        what, todo = _absent([each for each in known.installations if each.name == place.agent], place.agent, now)
        return Finding(_AREA, name, "error", f"{_by(place)}, which is not connected: {what}", todo)
    return _connected(links, name, place, now)


def _absent(known: list[AgentRow], agent: str, now: float) -> tuple[str, str]:
    """(why, what to do), by what its installations came to; the one that was seen last tells."""
    anew = f"hoop agents join-token {agent}, then start the agent with it"
    usable = [each for each in known if not each.revoked]
    if not known:
        return "none of this name has joined so far", anew
    if not usable:
        return "all that joined were revoked", anew
    last = max(usable, key=lambda each: each.seen)
    what = f"last seen {_span(now - last.seen)} ago from {last.address}"
    if last.until <= now and last.proof != "jwt":
        return f"{what}, and its certificate has ended", anew
    return what, "the agent's own log says why it is not; see that it runs, and that it may reach the gateway"


def _connected(links: list[LinkRow], name: str, place: Place, now: float) -> Finding:
    offers = [offer_of(each.report.offered, place.where) for each in links]
    where, count = described(place.where), len(links)
    since = _span(now - min(each.report.since for each in links))
    what = f"agent {place.agent} is connected ({count} connection{'s' * (count > 1)}, for {since})"
    todo = f"name {where} under [[allow]] of its agent.toml, and start it again"
    if "yes" not in offers and "perhaps" not in offers:
        return Finding(_AREA, name, "error", f"{what}, and its allow-list does not name {where}", todo)
    if "no" in offers:
        some = f"{offers.count('no')} of them do not name {where}, so that others have their share"
        return Finding(_AREA, name, "warning", f"{what}; {some}", todo)
    said = f"offers {where}" if "perhaps" not in offers else f"offers networks that {where} may be in"
    return Finding(_AREA, name, "ok", f"{what} and {said}; {_UNTRIED}")


def _authorities(known: Known, own: str) -> list[Finding]:
    """One line, where at least one replica says which authority it has."""
    named = {each.id: named_in(each.key) for each in known.replicas}
    every = {fingerprint for fingerprint in named.values() if fingerprint}
    if not every:
        return []
    if len(every) > 1:
        told = ", ".join(f"{ident}: {fingerprint}" for ident, fingerprint in sorted(named.items()) if fingerprint)
        return [Finding("agents", "agent_ca", "error", f"replicas have different authorities ({told})", TODO)]
    if own and own not in every:
        what = f"this machine's is {own}, the replicas that run have {every.pop()}"
        return [Finding("agents", "agent_ca", "error", what, TODO)]
    return [Finding("agents", "agent_ca", "ok", "all replicas that run have the same authority")]


def _span(seconds: float) -> str:
    """`3 s`, `12 min`, `5 h`, `9 days`."""
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"
