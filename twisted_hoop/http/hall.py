"""One target of HTTP as the gateway offers it: its connections, its dialect, and what is hidden there."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_hoop.http.dialect import Dialect
from twisted_hoop.http.pool import Pool, host_header
from twisted_hoop.http.reading import Heads
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import MaskSection, TargetSection
from twisted_hoop.targets import target_of_section

_MOST = 256


class HttpHall:
    """See the module. `masks` are those of this target."""

    def __init__(self, section: TargetSection, pool: Pool, dialect: Dialect, masks: Sequence[MaskSection]) -> None:
        self.section = section
        self.pool = pool
        self.dialect = dialect
        self.target = target_of_section(section)
        self.host = host_header(section)
        self.heads = Heads()
        self._masks = tuple(masks)
        self._names = Patterns(section.names)
        self._chosen: dict[frozenset[str], tuple[MaskSection, ...]] = {}

    def same(self, section: TargetSection, masks: Sequence[MaskSection]) -> bool:
        """Whether a reload leaves this target as it is."""
        return section == self.section and tuple(masks) == self._masks

    def answers_to(self, host: str) -> bool:
        """Whether it is served by this host name, in lower case and without a port."""
        return self._names.matches(host)

    def masks(self, names: frozenset[str]) -> tuple[MaskSection, ...]:
        """The masks of those names, in the order of the file."""
        found = self._chosen.get(names)
        if found is None:
            if len(self._chosen) >= _MOST:
                self._chosen.clear()
            found = self._chosen[names] = tuple(mask for mask in self._masks if mask.name in names)
        return found
