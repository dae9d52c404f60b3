"""What the API is given."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry, Counter

from tests.support.api import Api
from tests.support.approvals import ALICE, CAROL
from twisted_hoop.web.parts import registry_metrics


def test_roles_are_groups(api: Api) -> None:
    assert api.parts.audits(CAROL) and not api.parts.audits(ALICE)
    assert not api.parts.operates(CAROL)
    assert not replace(api.parts, auditors=frozenset()).audits(replace(CAROL, groups=frozenset()))


def test_a_registry_can_be_rendered() -> None:
    registry = CollectorRegistry()
    Counter("hoop_tests", "Tests.", registry=registry).inc()
    assert b"hoop_tests_total 1.0" in registry_metrics(registry)()
