"""Patterns on resources of Kubernetes: `pods`, `pods/exec`, `deployments.apps`, `deployments.apps/scale`. Pure.

* To permit, a name without a group stands for resources of Kubernetes itself (`deployments`, `networkpolicies`);
  what others add must be named with its group (`certificates.cert-manager.io`), or the rule says `api_groups`, for
  anybody may define a resource that is called `secrets`. `pods` does not stand for `pods/exec`.
* To forbid or to ask for review, `pods` is met by its subresources too, in any group.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_hoop.policy.patterns import Patterns


def _split(resource: str) -> tuple[str, str, str]:
    """(name, group, "/subresource" or "")."""
    whole, slash, subresource = resource.partition("/")
    name, _, group = whole.partition(".")
    return name, group, slash + subresource


def _is_own(group: str) -> bool:
    """Whether a group is one of Kubernetes' own: `apps`, `batch`, `networking.k8s.io`."""
    return "." not in group or group.endswith(".k8s.io")


class PermittedResources:
    """Resources an allow rule covers; `grouped` when it says api_groups."""

    __slots__ = ("_grouped", "_patterns")

    def __init__(self, patterns: Iterable[str], grouped: bool) -> None:
        self._patterns = Patterns(patterns, odd=False)
        self._grouped = grouped

    def matches(self, resource: str) -> bool:
        """Whether the resource is covered."""
        if self._patterns.matches(resource):
            return True
        name, group, subresource = _split(resource)
        return bool(group) and (self._grouped or _is_own(group)) and self._patterns.matches(name + subresource)


class ForbiddenResources:
    """Resources a deny or review rule is about."""

    __slots__ = ("_patterns",)

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = Patterns(patterns, odd=True)

    def matches(self, resource: str) -> bool:
        """Whether the resource is meant."""
        name, _, subresource = _split(resource)
        forms = {resource, resource.partition("/")[0], name, name + subresource}
        return self._patterns.any_of(forms)
