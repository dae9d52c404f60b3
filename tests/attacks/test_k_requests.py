"""Attacks on how requests of Kubernetes are understood: what rules say to them, through the dialect: K1, K2, K5, K6,
K12, K14. What reaches a server, and what does not, is in test_k_kubernetes.py.
"""

from __future__ import annotations

import pytest

from tests.support.kube_house import allowing, denying, effect, head_of, kube_dialect, kube_session, reading_of
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.reading import Heads

NS = "/api/v1/namespaces/shop"
READ_ONLY = allowing(verbs=["get", "list", "watch"])
READERS = allowing(classes=["read"])
EVERYTHING = allowing()

WAYS_IN = (
    f"{NS}/pods/web/exec?command=id",
    f"{NS}/pods/web/attach",
    f"{NS}/pods/web/portforward?ports=80",
    f"{NS}/pods/web/proxy/",
    f"{NS}/services/web/proxy/admin",
    "/api/v1/nodes/n1/proxy/run/shop/web/app?cmd=id",
    "/api/v1/proxy/namespaces/shop/services/web",
    "/apis/cluster.karmada.io/v1alpha1/clusters/c1/proxy/api/v1/secrets",
)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
@pytest.mark.parametrize("path", WAYS_IN)
def test_K5_no_rule_about_reading_opens_a_way_in(method: str, path: str) -> None:
    """K5: older clusters let `get pods/exec` run commands, and nodes/proxy still does."""
    for rules in (READ_ONLY, READERS):
        assert effect(rules, f"{method} {path}") == "deny"


@pytest.mark.parametrize("verb", ["get", "create", "connect"])
@pytest.mark.parametrize("path", WAYS_IN[:5])
def test_K5_who_forbids_either_verb_forbids_both_methods(verb: str, path: str) -> None:
    """K5: a rule that was written for `create pods/exec` holds for GET."""
    permits = {"effect": "allow", "classes": ["exec", "dynamic", "attach", "forward", "proxy"]}
    rules = [{"effect": "deny", "verbs": [verb]}, permits]
    assert effect(rules, f"GET {path}") == effect(rules, f"POST {path}") == "deny"


HIDDEN = (
    "GET /api/v1/secrets", "GET /api/v1/watch/secrets", "GET /api/v1/watch/namespaces/kube-system/secrets",
    "GET /api/v1/namespaces/kube-system/secrets/", "GET /api/v1/namespaces/kube-system/secrets?watch=banana",
    "GET /api/v1/secrets?fieldSelector=metadata.namespace%3Dshop", "HEAD /api/v1/namespaces/kube-system/secrets/a",
    "GET /api/v1/namespaces/kube-system/secrets?watch=false", "GET /api/v1/secrets?limit=1&continue=x",
    "DELETE /api/v1/namespaces/kube-system/secrets", "GET /api/v1/namespaces/kube-system/secrets/a/status",
)  # fmt: skip


@pytest.mark.parametrize("line", HIDDEN)
def test_K6_a_forbidden_namespace_is_found_in_every_form(line: str) -> None:
    """K6: paths of old, slashes at the end, flags of any value, collections over everything."""
    assert effect(denying(resources=["secrets"], namespaces=["kube-system"]), line) == "deny"
    assert effect(allowing(namespaces=["shop"]), line) == "deny"


ODD = (
    "/api/v1/namespaces/shop/secrets%2Fs3", "/api/v1/namespaces/shop%2fsecrets", "/api/v1/%73ecrets",
    "//api/v1/secrets", "/api//v1/secrets", "/api/v1/./secrets", "/api/v1/x/../secrets", "/api/v1/%2e%2e/secrets",
    "/api/v1/secrets;x", "/api/v1/secrets%3Bx", "/api/v1/secrets%00", "/api/v1\\secrets", "/api/v1/secrets%",
    "/version/../api/v1/secrets", "/healthz/%2E%2E/api/v1/secrets", "/openapi//../api/v1/secrets",
)  # fmt: skip


@pytest.mark.parametrize("path", ODD)
def test_K6_what_has_a_second_reading_is_not_judged_at_all(path: str) -> None:
    """K6: not even as discovery, which needs no rule."""
    with pytest.raises(ProtocolError):
        kube_dialect().read(head_of(f"GET {path}"))


NEAR = ("/API/v1/secrets", "/Api/v1/secrets", "/api/v1", "/apis/apps/v1", "/healthzzz", "/versions")


@pytest.mark.parametrize("path", NEAR)
def test_K6_near_misses_of_discovery_are_no_resources_and_only_discovery_is_open(path: str) -> None:
    """K6: case matters to servers, so it does here."""
    reading = reading_of(f"GET {path}")
    assert reading.open is (path in ("/api/v1", "/apis/apps/v1")) and "resource" not in reading.facts[0]


ESCAPES = (
    f"POST {NS}/serviceaccounts/admin/token",
    f"PATCH {NS}/pods/web/ephemeralcontainers",
    "POST /apis/certificates.k8s.io/v1/certificatesigningrequests",
    "PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval",
    "POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/x",
    "DELETE /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/x",
    "POST /apis/apiregistration.k8s.io/v1/apiservices",
    "GET /api/v1/nodes/n1/proxy/exec/shop/web/app",
)


@pytest.mark.parametrize("line", ESCAPES)
def test_K12_a_way_round_is_permitted_by_name_only(line: str) -> None:
    """K12: neither "everything", nor every class by a pattern, nor writing."""
    for rules in (EVERYTHING, allowing(classes=[".*"]), allowing(classes=["read", "write", "exec", "proxy"])):
        assert effect(rules, line) == "deny"
    assert effect(allowing(classes=["escape", "proxy"]), line) == "allow"


def exec_of(*argv: str) -> str:
    return f"GET {NS}/pods/web/exec?container=app&" + "&".join(f"command={word}" for word in argv)


def test_K14_the_whole_argument_vector_is_judged() -> None:
    """K14: repeated parameters are words of one command, in their order."""
    rules = [
        {"effect": "deny", "programs": ["rm"]},
        {"effect": "allow", "classes": ["exec"], "programs": ["ls", "env"]},
    ]
    assert effect(rules, exec_of("ls", "-l")) == "allow"
    for argv in (("env", "rm", "-rf", "%2F"), ("ls", "%3Brm"), ("sh", "-c", "ls%3Brm+x"), ("nice", "rm"), ("bash",)):
        assert effect(rules, exec_of(*argv)) == ("allow" if argv[0] == "ls" else "deny"), argv
    assert reading_of(exec_of("ls", "%3Brm")).text == "exec -n shop -c app web -- ls ';rm'", "one word, and no shell"


@pytest.mark.parametrize("more", ["container=db", "stdin=true&stdin=false", "tty=1&tty=0", "stdout=1&stdout=1"])
def test_K14_what_counts_once_stands_there_once(more: str) -> None:
    """K14: who reads the first container and who reads the last would run in different ones."""
    with pytest.raises(ProtocolError):
        kube_dialect().read(head_of(f"{exec_of('ls')}&{more}"))


LINES = (b"Impersonate-User: system:admin", b"iMPERSONATE-gROUP: system:masters", b"Impersonate-Uid: 0",
         b"Impersonate-Extra-Scopes: all", b"X-Remote-User: root", b"X_Remote_Group: system:masters",
         b"Impersonate_User: root")  # fmt: skip


@pytest.mark.parametrize("impersonate", ["", "oidc:{subject}"])
def test_K2_from_the_wire_to_the_wire(impersonate: str) -> None:
    """K2: as the engine reads it, as the dialect sends it."""
    request = Heads().request(b"\r\n".join([b"GET /api/v1/pods HTTP/1.1", b"Host: gw", *LINES]))
    dialect = kube_dialect(impersonate=impersonate)
    out = dialect.outgoing(request.head, dialect.read(request.head), kube_session())
    told = [(name, value) for name, value in out.headers if b"impersonate" in name or b"remote" in name]
    assert [value for name, value in told if name == b"impersonate-user"] == ([b"oidc:alice"] if impersonate else [])
    assert b"system" not in b"".join(value for _, value in told) and b"root" not in repr(told).encode()


@pytest.mark.parametrize("named", [b"Impersonate-User", b"impersonate-group", b"X-Remote-User", b"Authorization"])
def test_K1_connection_names_nothing_of_ours(named: bytes) -> None:
    """K1: CVE-2021-31999; and what the client sends is gone before ours is set."""
    with pytest.raises(ProtocolError):
        Heads().request(b"GET /api/v1/pods HTTP/1.1\r\nHost: gw\r\nConnection: close, " + named)
