"""Names of resources in rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.policy import patterns
from twisted_hoop.policy.resources import ForbiddenResources, PermittedResources


@pytest.mark.parametrize(
    ("pattern", "resource", "permits", "forbids"),
    [
        ("pods", "pods", True, True),
        ("pods", "pods/exec", False, True),
        ("pods", "pods.metrics.k8s.io", True, True),
        ("pods/exec", "pods/exec", True, True),
        ("pods/exec", "pods", False, False),
        ("deployments", "deployments.apps", True, True),
        ("deployments/scale", "deployments.apps/scale", True, True),
        ("deployments.apps", "deployments.apps", True, True),
        ("deployments.apps", "deployments.apps/scale", False, True),
        ("secrets", "secrets.example.com", False, True),
        ("secrets.example.com", "secrets.example.com", True, True),
        ("secrets.example.com", "secrets", False, False),
        (".*", "things.example.com/status", True, True),
        ("pod", "pods", False, False),
    ],
)
def test_names(pattern: str, resource: str, permits: bool, forbids: bool) -> None:
    assert PermittedResources([pattern], False).matches(resource) is permits
    assert ForbiddenResources([pattern]).matches(resource) is forbids


def test_a_rule_with_groups_needs_no_group_in_the_name() -> None:
    assert PermittedResources(["certificates"], True).matches("certificates.cert-manager.io")
    assert not PermittedResources(["certificates"], True).matches("certificates.cert-manager.io/status")


@given(patterns, st.text(st.sampled_from("pods./ae"), max_size=12))
def test_what_a_rule_permits_the_same_rule_forbids(pattern: str, resource: str) -> None:
    if PermittedResources([pattern], True).matches(resource):
        assert ForbiddenResources([pattern]).matches(resource)
