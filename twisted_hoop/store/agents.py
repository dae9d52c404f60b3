"""Agents in the store: tokens to enrol with, installations, and the connections that live, for every replica.

What must happen once happens by the condition of one UPDATE, which a second replica waits for and then does not meet.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, insert, select, update

from twisted_hoop.model import AgentIdentity, AgentReport
from twisted_hoop.store.database import Database, running
from twisted_hoop.store.tables import agent_links, agent_tokens, agents, replicas

TOKENS_KEPT = 7 * 86400.0
"""Seconds that a join token which is over stays in the store, for those who ask what became of it."""


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One installation. `until` is the end of its newest proof; `revoked` is when it was revoked, 0 while it is not.

    `proof` is "join-token" or "jwt"; `by_key` who let it in: the operator that made the token, or the workload.
    """

    ident: str
    name: str
    proof: str
    public_key: str
    by_key: str
    enrolled: float
    until: float
    address: str
    seen: float
    revoked: float = 0.0
    revoked_by: str = ""
    revoked_reason: str = ""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One connection of an agent, at the replica that has it."""

    ident: str
    name: str
    replica: str
    report: AgentReport


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A replica that lives: where it is reached for streams to its agents, and its key (a line) in this life."""

    id: str
    address: str
    key: str


@dataclass(frozen=True, slots=True)
class Shared:
    """What one look sees: who is revoked, every connection at replicas that live, and those replicas."""

    revoked: frozenset[str]
    links: tuple[LinkRow, ...]
    peers: tuple[PeerRow, ...]


class AgentTable:
    """The tables. Every method answers with an Awaitable that may fail with StoreUnavailable. Times are POSIX."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_token(self, digest: str, name: str, until: float, by_key: str, now: float) -> Awaitable[None]:
        """Remember a token that lets one agent of that name enrol until then."""

        def work(connection: Connection) -> None:
            connection.execute(delete(agent_tokens).where(agent_tokens.c.until < now - TOKENS_KEPT))
            row = {"digest": digest, "name": name, "until": until, "made": now, "by_key": by_key}
            connection.execute(insert(agent_tokens).values(row))

        return self._database.write(work)

    def enrol(self, digest: str, row: AgentRow) -> Awaitable[str]:
        """Use a token for this installation, whose `by_key` becomes the token's; "" or why not. Atomic: once."""

        def work(connection: Connection) -> str:
            known = connection.execute(select(agent_tokens).where(agent_tokens.c.digest == digest)).first()
            if known is None or known.name != row.name:
                return "no such join token for an agent of this name"
            if known.until <= row.enrolled:
                return "the join token has expired"
            free = (agent_tokens.c.digest == digest) & (agent_tokens.c.ident == "")
            if not connection.execute(update(agent_tokens).where(free).values(ident=row.ident)).rowcount:
                return "the join token was used before"
            connection.execute(insert(agents).values({**_values(row), "by_key": known.by_key}))
            return ""

        return self._database.write(work)

    def proved(self, row: AgentRow) -> Awaitable[bool]:
        """A workload showed its token: it is written down, for the first time or again. False: it is revoked."""

        def work(connection: Connection) -> bool:
            mine = agents.c.ident == row.ident
            known = connection.execute(select(agents.c.revoked).where(mine)).first()
            if known is None:
                connection.execute(insert(agents).values(_values(row)))
                return True
            again = {"until": row.until, "seen": row.seen, "address": row.address}
            return connection.execute(update(agents).where(mine, agents.c.revoked == 0).values(again)).rowcount > 0

        return self._database.write(work)

    def certified(self, ident: str, name: str, public_key: str, until: float, now: float) -> Awaitable[bool]:
        """A certificate is about to be given for that key; False when there is no such agent, or it is revoked."""
        mine = (agents.c.ident == ident) & (agents.c.name == name) & (agents.c.revoked == 0)
        change = update(agents).where(mine).values(public_key=public_key, until=until, seen=now)
        return self._database.write(lambda connection: connection.execute(change).rowcount > 0)

    def find(self, ident: str) -> Awaitable[AgentRow | None]:
        """The installation, if there is one of this id."""

        def work(connection: Connection) -> AgentRow | None:
            row = connection.execute(select(agents).where(agents.c.ident == ident)).first()
            return None if row is None else AgentRow(**row._mapping)

        return self._database.read(work)

    def all(self) -> Awaitable[list[AgentRow]]:
        """Every installation, by name, the newest first."""
        return self._database.read(installations)

    def revoke(self, ident: str, by: str, reason: str, now: float) -> Awaitable[bool]:
        """Never again; False when there is no such agent. Of one that is revoked, who did it and why stays."""

        def work(connection: Connection) -> bool:
            mine = agents.c.ident == ident
            change = {"revoked": now, "revoked_by": by, "revoked_reason": reason}
            connection.execute(update(agents).where(mine, agents.c.revoked == 0).values(change))
            return connection.execute(select(agents.c.ident).where(mine)).first() is not None

        return self._database.write(work)

    def write_links(self, replica: str, rows: Iterable[LinkRow], gone: Iterable[str], whole: bool) -> Awaitable[None]:
        """What changed at a replica: connections as they are, and those that are gone. `whole`: there are no others."""
        found, ended = [_link_values(row) for row in rows], list(gone)

        def work(connection: Connection) -> None:
            if whole:
                connection.execute(delete(agent_links).where(agent_links.c.replica == replica))
            for ident in {*ended, *(row["connection"] for row in found)}:
                connection.execute(delete(agent_links).where(agent_links.c.connection == ident))
            if found:
                connection.execute(insert(agent_links), found)
            for row in found:
                mine = (agents.c.ident == row["ident"]) & (agents.c.seen < row["seen"])
                connection.execute(update(agents).where(mine).values(seen=row["seen"], address=row["address"]))

        return self._database.write(work)

    def leave(self, replica: str) -> Awaitable[None]:
        """A replica stops: none of its connections lives."""
        return self._database.write(running(delete(agent_links).where(agent_links.c.replica == replica)))

    def tidy(self, before: float) -> Awaitable[None]:
        """Delete installations nobody can be any more whose proof ended before then, and connections of the dead.

        A workload that was revoked stays: its next token would be a new one.
        """

        def work(connection: Connection) -> None:
            ended = (agents.c.until < before) & (agents.c.seen < before)
            connection.execute(delete(agents).where(ended, (agents.c.revoked == 0) | (agents.c.proof != "jwt")))
            living = select(replicas.c.id)
            connection.execute(delete(agent_links).where(agent_links.c.replica.not_in(living)))

        return self._database.write(work)

    def look(self) -> Awaitable[Shared]:
        """What replicas must know of one another's agents."""
        return self._database.read(shared)


def installations(connection: Connection) -> list[AgentRow]:
    """Every installation, by name, the newest first. Blocks."""
    query = select(agents).order_by(agents.c.name, agents.c.enrolled.desc(), agents.c.ident)
    return [AgentRow(**row._mapping) for row in connection.execute(query)]


def shared(connection: Connection) -> Shared:
    """One look. Blocks."""
    revoked = connection.scalars(select(agents.c.ident).where(agents.c.revoked > 0))
    living = connection.execute(
        select(replicas.c.id, replicas.c.peer, replicas.c.peer_key).where(replicas.c.fenced == 0)
    )
    peers = tuple(PeerRow(*row) for row in living)
    ids = {peer.id for peer in peers}
    links = connection.execute(select(agent_links).order_by(agent_links.c.since, agent_links.c.connection))
    return Shared(frozenset(revoked), tuple(_link(row) for row in links if row.replica in ids), peers)


def link_row(replica: str, identity: AgentIdentity, report: AgentReport) -> LinkRow:
    """A connection as the replica that has it writes it down."""
    return LinkRow(identity.ident, identity.name, replica, report)


def _values(row: AgentRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in AgentRow.__slots__}


def _link_values(row: LinkRow) -> dict[str, object]:
    report = row.report
    return {
        "connection": report.connection,
        "ident": row.ident,
        "name": row.name,
        "replica": row.replica,
        "address": report.address,
        "version": report.version,
        "offered_json": json.dumps(report.offered),
        "since": report.since,
        "seen": report.seen,
        "streams": report.streams,
        "sent": report.sent,
        "received": report.received,
    }


def _link(row: Row[tuple[object, ...]]) -> LinkRow:
    return LinkRow(
        row.ident,
        row.name,
        row.replica,
        AgentReport(
            row.connection,
            row.address,
            row.version,
            tuple(map(str, json.loads(row.offered_json))),
            row.since,
            row.seen,
            row.streams,
            row.sent,
            row.received,
        ),
    )
