"""Who may act for whom: the `[[own_issuer.actors]]` of the configuration; without one, nobody for anybody. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from twisted_hoop.model import Principal
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import ActorSection


@dataclass(frozen=True, slots=True)
class _Permit:
    name: str
    issuers: Patterns | None
    subjects: Patterns | None
    groups: Patterns | None
    for_groups: Patterns | None
    for_kind: str


class Acting:
    """See the module. `names` maps `iss` to the short name of an issuer. ValueError for a pattern that is none."""

    def __init__(self, sections: Iterable[ActorSection], names: Mapping[str, str]) -> None:
        self._names = names
        self._permits = [_permit(section) for section in sections]

    def permit(self, actor: Principal, subject: Principal) -> str:
        """The name of the section that lets one act for the other, or ""."""
        return next((p.name for p in self._permits if self._holds(p, actor, subject)), "")

    def _holds(self, permit: _Permit, actor: Principal, subject: Principal) -> bool:
        issuers = [name for name in (actor.issuer, self._names.get(actor.issuer, "")) if name]
        return (
            _any(permit.issuers, issuers)
            and _any(permit.subjects, [actor.subject])
            and _any(permit.groups, actor.groups)
            and _any(permit.for_groups, subject.groups)
            and permit.for_kind in ("", subject.kind.value)
        )


def _permit(section: ActorSection) -> _Permit:
    def given(texts: list[str]) -> Patterns | None:
        return Patterns(texts) if texts else None

    return _Permit(
        section.name,
        given(section.issuers),
        given(section.subjects),
        given(section.groups),
        given(section.for_groups),
        section.for_kind,
    )


def _any(patterns: Patterns | None, values: Iterable[str]) -> bool:
    return patterns is None or patterns.any_of(values)
