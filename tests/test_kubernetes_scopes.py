"""Which resources belong to the whole cluster."""

from __future__ import annotations

from twisted_hoop.kubernetes.scopes import CLUSTER_WIDE


def test_nothing_that_lies_in_namespaces_is_there() -> None:
    """A namespaced resource here would let a list of it pass a rule about namespaces."""
    namespaced = ("pods", "secrets", "events", "serviceaccounts")
    pairs = [("", name) for name in namespaced] + [("apps", "deployments"), ("metrics.k8s.io", "pods")]
    for pair in (*pairs, ("rbac.authorization.k8s.io", "roles"), ("example.com", "nodes")):
        assert pair not in CLUSTER_WIDE
    assert ("", "nodes") in CLUSTER_WIDE and ("", "namespaces") in CLUSTER_WIDE
