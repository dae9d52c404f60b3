"""Agents: programs in private networks that dial out to the gateway and reach targets for it."""

from __future__ import annotations

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section


class AgentSection(Section):
    """[[agents]]: an agent that may connect. One whose name is not here does not exist."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")
    """What endpoints of targets say: `agent:NAME:tcp:db.internal:5432`. Several may share a name, and its load."""
    join_tokens: bool = True
    """Whether it may enrol with a one-time token of `hoop agents join-token`, and have certificates from then on."""
    issuer: str = ""
    """Name of one of [[issuers]], whose tokens prove workloads to be this agent; `subjects` or `groups` say which."""
    subjects: list[str] = Field(default_factory=list)
    """Patterns (plain text or RE2) of the subjects that are this agent: `system:serviceaccount:hoop:agent`."""
    groups: list[str] = Field(default_factory=list)
    """Groups of which the workload must have one, when any are named."""
    sources: list[str] = Field(default_factory=list)
    """CIDR ranges it may connect from; empty means any (I10)."""
    connections: int = Field(default=32, ge=1, le=10000)
    """Most connections of one installation at a time, at all replicas together; further ones are refused (S7, I10).
    An agent has one, and two while a workload shows its next token; workloads of one subject are one installation."""
    certificate_lifetime: Duration = Field(default=3600.0, ge=60)
    """Life of its certificates. A connection that lives has its own renewed in time."""
    grace: Duration = 0.0
    """How long after its proof ended (a certificate, or a workload's token) it may go on, and come back."""
