"""What class of deed a request is, whatever the method says."""

from __future__ import annotations

import pytest

from twisted_hoop.kubernetes.classes import classes_of, classes_of_path
from twisted_hoop.policy.what import CLASSES, GUARDED


@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection"])
def test_K12_ways_round_are_a_class_of_their_own(verb: str) -> None:
    """K12."""
    for group, resource, subresource in (
        ("", "serviceaccounts", "token"),
        ("", "pods", "ephemeralcontainers"),
        ("certificates.k8s.io", "certificatesigningrequests", ""),
        ("certificates.k8s.io", "certificatesigningrequests", "approval"),
        ("rbac.authorization.k8s.io", "rolebindings", ""),
        ("rbac.authorization.k8s.io", "clusterroles", ""),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations", ""),
        ("apiregistration.k8s.io", "apiservices", ""),
    ):
        assert classes_of(verb, group, resource, subresource) == {"escape"}
        assert classes_of("get", group, resource, subresource) == {"read"}
    assert {"escape", "proxy"} <= GUARDED, "a rule must name them to permit them"


def test_the_same_words_elsewhere_are_nothing_special() -> None:
    assert classes_of("create", "example.com", "serviceaccounts", "token") == {"write"}
    assert classes_of("create", "", "pods", "") == {"write"}
    assert classes_of("create", "authentication.k8s.io", "tokenreviews", "") == {"read"}
    assert classes_of("create", "example.com", "tokenreviews", "") == {"write"}


def test_K5_what_connects_is_no_read() -> None:
    """K5."""
    assert classes_of("connect", "", "pods", "exec") == {"exec"}
    assert classes_of("connect", "", "nodes", "proxy") == {"proxy", "escape"}
    assert classes_of("connect", "", "services", "") == {"proxy"}


def test_only_discovery_is_open() -> None:
    for path in ("", "api", "apis/apps/v1", "version", "openapi/v3", "healthz", "livez/ping", "readyz"):
        assert classes_of_path(path.split("/") if path else [], True) == {"discovery"}
        assert classes_of_path(path.split("/") if path else [], False) == {"write"}
    for path in ("metrics", "logs/x", "debug/pprof", "API", ".well-known/openid-configuration"):
        assert classes_of_path(path.split("/"), True) == {"read"}
    assert {"discovery", "attach", "exec", "forward", "shell"} <= CLASSES
