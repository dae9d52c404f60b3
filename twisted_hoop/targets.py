"""From a configured target to the model's."""

from __future__ import annotations

from twisted_hoop.model import Limits, Target
from twisted_hoop.settings import TargetSection


def target_of_section(section: TargetSection) -> Target:
    """The model's Target of a configured one."""
    limits = section.limits
    return Target(
        section.name,
        section.protocol,
        section.endpoint,
        frozenset(section.groups),
        section.login,
        Limits(
            limits.idle,
            limits.transaction,
            limits.session,
            limits.sessions,
            limits.sessions_per_principal,
            limits.statements,
        ),
        {"labels": dict(section.labels)},
    )
