"""The policy in force: one object the whole gateway asks, whose content a reload replaces whole (R13)."""

from __future__ import annotations

from twisted_hoop.model import Session
from twisted_hoop.policy.rules import Access, RulePolicy
from twisted_hoop.settings import Settings


class PolicyInForce:
    """Holds the current rules, and per session the names of the masks that apply by default.

    `access` knows the requests for access that hold, see RulePolicy.
    """

    def __init__(self, settings: Settings, access: Access = lambda who, target, now: "") -> None:
        self._access = access
        self.current = RulePolicy(settings, access=access)
        self._masks: dict[str, tuple[RulePolicy, frozenset[str]]] = {}

    def __call__(self) -> RulePolicy:
        """The rules now."""
        return self.current

    def replace(self, settings: Settings) -> None:
        """New rules, whole; raises before anything changes."""
        policy = RulePolicy(settings, access=self._access)
        self.current = policy
        self._masks.clear()

    def masks(self, session: Session) -> frozenset[str]:
        """Names of the masks that apply to this session by the rules in force."""
        known = self._masks.get(session.id)
        policy = self.current
        if known is not None and known[0] is policy:
            return known[1]
        names = frozenset(m.name for m in policy.masks_for(session.principal, session.target))
        self._masks[session.id] = (policy, names)
        return names

    def forget(self, session: Session) -> None:
        """The session is over."""
        self._masks.pop(session.id, None)
