"""Attacks on rules that forbid: another verb, another subresource or another method to the same effect (K5, K12)."""

from __future__ import annotations

import pytest

from tests.support.kube_house import allowing, denying, effect

NS = "/api/v1/namespaces/shop"
APPLY = {"content_type": "application/apply-patch+yaml; charset=utf-8"}
READS = [
    f"GET {NS}/secrets",
    f"GET {NS}/secrets/",
    f"GET {NS}/secrets?watch=true",
    f"GET {NS}/secrets?watch=1&sendInitialEvents=true",
    f"GET {NS}/secrets?fieldSelector=metadata.name%3Ddb",
    f"GET {NS}/secrets/db?watch=true",
    "GET /api/v1/secrets",
    "GET /api/v1/watch/namespaces/shop/secrets",
    "GET /api/v1/watch/namespaces/shop/secrets/db",
    "GET /api/v1/watch/secrets",
]


@pytest.mark.parametrize("line", READS)
def test_K5_what_shows_a_secret_is_forbidden_with_get(line: str) -> None:
    """K5: lists, watches and the old paths of watches."""
    assert effect(denying(verbs=["get"], resources=["secrets"], names=["db"]), line) == "deny"
    assert effect(denying(verbs=["get"], resources=["secrets"], names=["db"]), f"GET {NS}/configmaps") == "allow"


def test_K5_to_forbid_deletions_forbids_collections_and_evictions() -> None:
    """K5: `DELETE` of a collection, and an eviction, which kubectl drain sends."""
    rules = denying(verbs=["delete"], resources=["pods"])
    eviction = b'{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"web"}}'
    assert effect(rules, f"DELETE {NS}/pods") == effect(rules, f"DELETE {NS}/pods?labelSelector=a%3Db") == "deny"
    assert effect(rules, f"POST {NS}/pods/web/eviction", eviction) == "deny"
    permits = allowing(verbs=["create"], resources=["pods/eviction"])
    assert effect(permits, f"POST {NS}/pods/web/eviction", eviction) == "allow", "as a cluster's own roles have it"


def test_K5_to_forbid_creation_forbids_what_creates() -> None:
    """K5: server-side apply, and PUT of what API servers make where there is none."""
    rules = denying(verbs=["create"])
    line = "PATCH /apis/apps/v1/namespaces/shop/deployments/web?fieldManager=x"
    assert effect(rules, line, b"{}", **APPLY) == "deny"
    assert effect(rules, line, b"{}", content_type="application/merge-patch+json") == "allow"
    assert effect(rules, f"PUT {NS}/services/web", b"{}") == "deny"
    assert effect(rules, f"PUT {NS}/configmaps/web", b"{}") == "allow", "there it must exist"
    assert effect(allowing(verbs=["patch"]), line, b"{}", **APPLY) == "allow"


@pytest.mark.parametrize(
    "line",
    [
        f"POST {NS}/pods/web/exec?command=id&dryRun=All",
        f"GET {NS}/pods/web/exec?command=id&dryRun=All",
        f"POST {NS}/serviceaccounts/ci/token?dryRun=All",
        "POST /api/v1/nodes/n1/proxy/run/shop/web/main?cmd=id&dryRun=All",
    ],
)
def test_K5_nothing_that_happens_is_let_in_as_a_dry_run(line: str) -> None:
    """K5, K12: servers do not mind `dryRun` there."""
    assert effect(allowing(flags=["dry-run"], classes=["exec", "escape", "proxy", "write", "read"]), line) == "deny"


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"bootstrap.kubernetes.io/token","metadata":{"name":"bootstrap-token-abcdef"}}',
        b"k8s\x00\x12\x1dbootstrap.kubernetes.io/token",
        b"type: bootstrap.kubernetes.io/tok\\x65n",
    ],
)
def test_K12_a_bootstrap_token_is_a_way_round(body: bytes) -> None:
    """K12: a Secret of that type is a token by which a machine gets a node's certificate."""
    assert effect(allowing(classes=["write"]), "POST /api/v1/namespaces/kube-system/secrets", body) == "deny"
    assert effect(allowing(classes=["escape"]), "POST /api/v1/namespaces/kube-system/secrets", body) == "allow"


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings", b"{}"),
        (f"POST {NS}/serviceaccounts/ci/token", b"{}"),
        (f"PATCH {NS}/pods/web/ephemeralcontainers", b"{}"),
        (f"POST {NS}/secrets", b'{"type":"kubernetes.io/service-account-token"}'),
        (f"POST {NS}/secrets", b"data: {}"),
    ],
)
def test_K12_what_mints_a_way_round_is_a_write_to_whoever_forbids_those(line: str, body: bytes) -> None:
    """K12: a Secret in YAML may be a token, and must not be past a rule against writing Secrets for that."""
    everything = {"effect": "allow", "classes": ["read", "write", "escape"]}
    assert effect([{"effect": "deny", "classes": ["write"]}, everything], line, body) == "deny"
    assert effect([{"effect": "deny", "classes": ["read"]}, everything], line, body) == "allow"
    assert effect(allowing(classes=["write"]), line, body) == "deny"
