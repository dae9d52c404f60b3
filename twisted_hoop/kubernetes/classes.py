"""What class of deed a request to the Kubernetes API is: for rules, whatever the HTTP method (K5, K12). Pure.

`read`, `write`, `exec`, `attach`, `forward`, `proxy`, `escape` (mints a way round the gateway, or changes who may do
what) and `discovery`.
"""

from __future__ import annotations

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
READING_VERBS = frozenset({"get", "list", "watch"})

CONNECTS = {"exec": "exec", "attach": "attach", "portforward": "forward", "proxy": "proxy"}
"""Subresource → class of what opens a way into something else, by GET as by POST (K5). Those of pods, services and
nodes are Kubernetes' own; aggregated APIs have the like (a cluster's `proxy` is the whole API of another cluster)."""

_ALWAYS_OPEN = frozenset({"api", "apis", "openapi", "version", "healthz", "livez", "readyz"})
_REVIEWS = frozenset({
    "selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews", "subjectaccessreviews",
    "localsubjectaccessreviews", "tokenreviews",
})  # fmt: skip
"""What is asked by POST: may I, who am I."""
_MINTING = frozenset({
    ("", "serviceaccounts", "token"),
    ("", "pods", "ephemeralcontainers"),
    ("certificates.k8s.io", "certificatesigningrequests", ""),
    ("certificates.k8s.io", "certificatesigningrequests", "approval"),
    ("certificates.k8s.io", "certificatesigningrequests", "status"),
    ("apiregistration.k8s.io", "apiservices", ""),
    ("apiregistration.k8s.io", "apiservices", "status"),
})  # fmt: skip
_ESCAPING_GROUPS = frozenset({"rbac.authorization.k8s.io", "admissionregistration.k8s.io"})
"""Roles and their bindings; webhooks and admission policies."""


def classes_of(verb: str, group: str, resource: str, subresource: str) -> frozenset[str]:
    """The classes of a request about a resource."""
    if verb == "connect":
        # GET nodes/proxy runs commands on the kubelet.
        return _NODES if resource == "nodes" else frozenset({CONNECTS.get(subresource, "proxy")})
    if verb in READING_VERBS:
        return _READ
    if group in _ESCAPING_GROUPS or (group, resource, subresource) in _MINTING:
        return _ESCAPE
    if group in ("authorization.k8s.io", "authentication.k8s.io") and resource in _REVIEWS:
        return _READ
    return _WRITE


def classes_of_path(segments: list[str], reading: bool) -> frozenset[str]:
    """The classes of a request that is about no resource."""
    if reading and (not segments or segments[0] in _ALWAYS_OPEN):
        return _DISCOVERY
    return _READ if reading else _WRITE


_READ = frozenset({"read"})
_WRITE = frozenset({"write"})
_ESCAPE = frozenset({"escape"})
_NODES = frozenset({"proxy", "escape"})
_DISCOVERY = frozenset({"discovery"})
