"""Requests as API servers read them: every form that clients send, and none that has two readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.requests import KubeRequest, read_request

NS = "/api/v1/namespaces/shop"
APPS = "/apis/apps/v1/namespaces/shop/deployments"


def read(line: str) -> KubeRequest:
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    return read_request(method.encode(), path.encode(), query.encode())


FORMS = {
    # cold start
    "GET /api?timeout=32s": "get path /api discovery",
    "GET /apis?timeout=32s": "get path /apis discovery",
    "GET /apis/apps/v1?timeout=32s": "get path /apis/apps/v1 discovery",
    "GET /api/": "get path /api discovery",
    "GET /version/": "get path /version discovery",
    "GET /openapi/v3/api/v1?hash=AB": "get path /openapi/v3/api/v1 discovery",
    "GET /readyz/ping": "get path /readyz/ping discovery",
    "GET /": "get path / discovery",
    "POST /version": "post path /version write",
    "GET /metrics": "get path /metrics read",
    "GET /API/v1/pods": "get path /API/v1/pods read",
    # reads
    f"GET {NS}/pods?limit=500": "list pods shop - read",
    f"GET {NS}/pods/": "list pods shop - read",
    f"HEAD {NS}/pods/web": "get pods shop web read",
    f"GET {NS}/pods/web/log?follow=true&container=c": "get pods/log shop web read streaming",
    f"GET {NS}/pods/web/log": "get pods/log shop web read",
    "GET /api/v1/pods": "list pods - - read everywhere",
    "GET /api/v1/nodes/n1": "get nodes - n1 read",
    "GET /api/v1/namespaces": "list namespaces - - read everywhere",
    f"GET {NS}": "get namespaces shop shop read",
    f"GET {NS}/status": "get namespaces/status shop shop read",
    f"GET {APPS}/web/scale": "get deployments.apps/scale shop web read",
    "GET /apis/metrics.k8s.io/v1beta1/nodes": "list nodes.metrics.k8s.io - - read everywhere",
    # watches, in all their forms
    f"GET {NS}/pods?watch": "watch pods shop - read streaming",
    f"GET {NS}/pods?watch=banana": "watch pods shop - read streaming",
    f"GET {NS}/pods?watch=0": "list pods shop - read",
    f"GET {NS}/pods/web?watch=1": "get pods shop web read",
    "GET /api/v1/watch/namespaces/shop/secrets": "watch secrets shop - read streaming",
    "GET /api/v1/watch/secrets": "watch secrets - - read streaming everywhere",
    "GET /api/v1/watch/namespaces/shop/secrets/s3": "watch secrets shop s3 read streaming",
    f"GET {NS}/pods?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true": (
        "watch pods shop - read streaming"
    ),
    # names in field selectors
    f"GET {NS}/secrets?fieldSelector=metadata.name%3Ds3": "list secrets shop s3 read",
    f"GET {NS}/secrets?fieldSelector=metadata.name%3D%3Ds3&watch=1": "watch secrets shop s3 read streaming",
    f"DELETE {NS}/secrets?fieldSelector=type%3Dx,metadata.name%3Ds3": "deletecollection secrets shop s3 write",
    f"GET {NS}/secrets?fieldSelector=metadata.name!%3Ds3": "list secrets shop - read",
    f"GET {NS}/secrets?fieldSelector=xmetadata.name%3Ds3": "list secrets shop - read",
    f"GET {NS}/secrets?fieldSelector=metadata.name%3Da,metadata.name%3Db": "list secrets shop - read",
    f"GET {NS}/secrets?fieldSelector=spec.x%3D1\\,metadata.name%3Da".replace("\\", "%5C"): "list secrets shop - read",
    # writes
    f"POST {NS}/secrets?fieldManager=kubectl-create&fieldValidation=Strict": "create secrets shop - write",
    f"PATCH {APPS}/web?fieldManager=kubectl-client-side-apply": "patch deployments.apps shop web write",
    f"PATCH {APPS}/web/scale": "patch deployments.apps/scale shop web write",
    f"PUT {NS}/secrets/sh.helm.release.v1.a.v1": "update secrets shop sh.helm.release.v1.a.v1 write",
    f"DELETE {NS}/pods/web": "delete pods shop web write",
    f"DELETE {NS}/pods?labelSelector=a%3Db": "deletecollection pods shop - write",
    f"POST {NS}/pods/web/eviction": "create pods/eviction shop web write",
    f"POST {NS}/pods?dryRun=All": "create pods shop - write dry",
    "PUT /api/v1/namespaces/shop/finalize": "update namespaces/finalize shop shop write",
    "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews": (
        "create selfsubjectaccessreviews.authorization.k8s.io - - read"
    ),
    # ways into something else, by whatever method (K5)
    f"GET {NS}/pods/web/exec?command=ls": "connect pods/exec shop web exec",
    f"POST {NS}/pods/web/exec?command=ls": "connect pods/exec shop web exec",
    f"POST {NS}/pods/web/attach": "connect pods/attach shop web attach",
    f"GET {NS}/pods/web/portforward?ports=80": "connect pods/portforward shop web forward",
    f"GET {NS}/pods/web/proxy/a/b": "connect pods/proxy shop web proxy",
    f"DELETE {NS}/services/https:web:443/proxy/": "connect services/proxy shop https:web:443 proxy",
    "GET /api/v1/nodes/n1/proxy/run/shop/web/c": "connect nodes/proxy - n1 escape,proxy",
    "GET /api/v1/proxy/namespaces/shop/services/web/x": "connect services shop web proxy",
    "GET /apis/cluster.karmada.io/v1alpha1/clusters/c1/proxy/api/v1/pods": (
        "connect clusters.cluster.karmada.io/proxy - c1 proxy"
    ),
    # ways round (K12)
    f"POST {NS}/serviceaccounts/ci/token": "create serviceaccounts/token shop ci escape",
    f"PATCH {NS}/pods/web/ephemeralcontainers": "patch pods/ephemeralcontainers shop web escape",
    f"GET {NS}/pods/web/ephemeralcontainers": "get pods/ephemeralcontainers shop web read",
    "PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/c/approval": (
        "update certificatesigningrequests.certificates.k8s.io/approval - c escape"
    ),
    "POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings": (
        "create clusterrolebindings.rbac.authorization.k8s.io - - escape"
    ),
    "PATCH /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/m": (
        "patch mutatingwebhookconfigurations.admissionregistration.k8s.io - m escape"
    ),
}  # fmt: skip


def told(request: KubeRequest) -> str:
    classes = ",".join(sorted(request.classes))
    if request.kind == "path":
        return f"{request.verb} path {request.path} {classes}"
    words = [request.verb, request.full_resource, request.namespace or "-", request.name or "-", classes]
    words += [
        word
        for word, holds in (
            ("streaming", request.streaming), ("everywhere", request.everywhere), ("dry", request.dry_run),
        )
        if holds
    ]  # fmt: skip
    return " ".join(words)


@pytest.mark.parametrize("line", FORMS)
def test_every_form_of_the_wire_is_read(line: str) -> None:
    """K5 and K12: what is a way into something is that by GET as by POST."""
    assert told(read(line)) == FORMS[line]


def test_the_rest_of_a_request_is_there() -> None:
    request = read(f"PATCH {APPS}/web?fieldManager=helm&force=true&labelSelector=a%3Db&fieldSelector=x%3Dy")
    assert (request.group, request.version, request.field_manager) == ("apps", "v1", "helm")
    assert (request.label_selector, request.field_selector) == ("a=b", "x=y")
    assert request.values("force") == ("true",) and request.values("nothing") == ()
    assert request.path == f"{APPS}/web" and read(f"GET {NS}/pods").collection


def test_K14_parameters_that_decide_stand_there_once() -> None:
    """K14: `watch=true&watch=false` is a watch to the server, a list to others."""
    for line in (f"GET {NS}/pods?watch=true&watch=false", f"GET {NS}/pods?fieldSelector=a%3Db&fieldSelector=c%3Dd"):
        with pytest.raises(ProtocolError):
            read(line)


@pytest.mark.parametrize("dry", ["dryRun", "dryRun=", "dryRun=None", "dryRun=All&dryRun=x", "dryrun=All"])
def test_what_is_no_dry_run_for_sure_is_none(dry: str) -> None:
    assert not read(f"POST {NS}/pods?{dry}").dry_run


@pytest.mark.parametrize(
    "line",
    [
        f"POST {NS}/pods/web/exec?command=id&dryRun=All",
        f"GET {NS}/secrets/db?dryRun=All",
        f"POST {NS}/pods/web/proxy/run?dryRun=All",
        f"POST {NS}/serviceaccounts/ci/token?dryRun=All",
    ],
)
def test_K5_what_happens_all_the_same_is_no_dry_run(line: str) -> None:
    """K5, K12: a rule that lets in dry runs lets in no exec, and no token."""
    assert not read(line).dry_run


@pytest.mark.parametrize(
    "line",
    [
        "GET //api/v1/pods", "GET /api/v1/./pods", "GET /api/v1/namespaces/default/secrets%2Fs3",
        "GET /api/v1/namespaces/default%2fsecrets", "GET /api/v1/%73ecrets", "GET /api/v1/watch", "GET /api/v1/proxy",
        "OPTIONS /api/v1/pods", "TRACE /version", "CONNECT /api", "GET /api/v1/pods?a;b", "GET /api/v1/%2e%2e/pods",
    ],
)  # fmt: skip
def test_K6_no_second_reading(line: str) -> None:
    """K6: the server decodes before it routes, so a guess about encodings is a hole."""
    with pytest.raises(ProtocolError):
        read(line)


def test_the_same_request_is_read_once() -> None:
    assert read(f"GET {NS}/pods") is read(f"GET {NS}/pods")
    long = f"GET {NS}/pods?x=" + "a" * 9000
    assert read(long) is not read(long), "what is long is not kept"


WORDS = "api apis v1 apps namespaces shop pods web exec proxy watch secrets status %2F %73 .. . a%20b ä"
words = st.sampled_from(WORDS.split())


@given(
    st.sampled_from([b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"X"]),
    st.one_of(st.binary(max_size=40), st.lists(words, max_size=8).map(lambda parts: "/".join(parts).encode())),
    st.one_of(st.binary(max_size=40), st.sampled_from([b"watch", b"watch=0", b"fieldSelector=metadata.name%3Dx"])),
)
def test_anything_is_a_request_or_the_error(method: bytes, path: bytes, query: bytes) -> None:
    try:
        request = read_request(method, b"/" + path, query)
    except ProtocolError:
        return
    assert request.classes and request.verb
    assert request.kind == "path" or request.resource
    if {"exec", "attach", "forward", "proxy"} & request.classes:
        assert request.verb == "connect" and "read" not in request.classes
