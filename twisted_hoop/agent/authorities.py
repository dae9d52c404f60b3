"""Whether all replicas have one authority for agents: who enrolled at one of them must be let in by all.

Each says which it has by its fingerprint, in the comment of the line of its own key, which the others read anyway.
"""

from __future__ import annotations

import re

from twisted.logger import Logger

from twisted_hoop.agent.registry import Registry
from twisted_hoop.identity.ssh_keys import PublicKey

_NAMED = re.compile(r" agent_ca=(SHA256:[A-Za-z0-9+/]{43})$")
TODO = "give all replicas the same [ssh] agent_ca, and restart those whose it was not: their agents join again"


def naming(line: str, authority: PublicKey) -> str:
    """The line of a replica's key that says which authority it has."""
    return f"{line} agent_ca={authority.fingerprint}"


def named_in(line: str) -> str:
    """The fingerprint that such a line says, "" for none: that of an older version, or of anybody else."""
    found = _NAMED.search(line)
    return found[1] if found else ""


def replica_with(registry: Registry, authority: PublicKey) -> str:
    """The id of another replica that lives and has this authority; "" for none."""
    return next((each.id for each in registry.others if named_in(each.key) == authority.fingerprint), "")


class Authorities:
    """See the module. Told once of each replica that has another than `own`; a change is told again."""

    log = Logger()

    def __init__(self, registry: Registry, own: PublicKey) -> None:
        self._registry, self._own = registry, own.fingerprint
        self.differing: frozenset[str] = frozenset()
        """Ids of replicas that live and have another authority, as of the last look."""

    def look(self) -> None:
        """After each look of the registry."""
        found = {each.id: named_in(each.key) for each in self._registry.others}
        differing = frozenset(ident for ident, named in found.items() if named and named != self._own)
        for ident in sorted(differing - self.differing):
            self.log.error(
                "replica {replica} has another authority for agents than this one, so neither lets in the agents of the"
                " other: {todo}",
                replica=ident,
                theirs=found[ident],
                ours=self._own,
                todo=TODO,
            )
        self.differing = differing
