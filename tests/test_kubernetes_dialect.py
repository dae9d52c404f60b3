"""The dialect: what the engine asks of those who understand Kubernetes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.kube_house import head_of, kube_dialect, kube_section, kube_session
from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.dialect import KubernetesDialect
from twisted_hoop.model import Approval, ApprovalRequest, Command, Decision, Effect, Principal, Refusal
from twisted_hoop.settings import MaskSection
from twisted_hoop.shell.reader import ShellReader

ALLOWED = Decision(Effect.ALLOW, "all")
DISCOVERY = (
    "/api",
    "/apis",
    "/apis/apps/v1",
    "/version",
    "/openapi/v3",
    "/openapi/v2",
    "/healthz",
    "/livez",
    "/readyz",
)


@pytest.mark.parametrize("path", DISCOVERY)
def test_discovery_always_answers(path: str) -> None:
    """A 403 there, and kubectl does nothing at all any more."""
    assert kube_dialect().read(head_of(f"GET {path}?timeout=32s")).open
    assert not kube_dialect().read(head_of(f"POST {path}")).open
    assert not kube_dialect().read(head_of(f"GET {path}", b"x")).open


def test_a_reading_is_made_once() -> None:
    dialect = kube_dialect()
    one = dialect.read(head_of("GET /api/v1/pods"))
    assert dialect.read(head_of("GET /api/v1/pods")) is one, "so that policy need not look twice"
    run = dialect.read(head_of("GET /api/v1/pods", kubectl_session="12345678"))
    assert run.facts is one.facts and run.key
    for number in range(1100):
        dialect.read(head_of(f"GET /api/v1/namespaces/n{number}"))
    assert len(dialect._readings) <= 1024


def test_a_body_is_waited_for() -> None:
    dialect = kube_dialect()
    assert dialect.read(head_of("GET /api/v1/pods")).wants == 0
    head = head_of("POST /api/v1/namespaces", b"{}")
    reading = dialect.read(head)
    assert reading.wants > 3 << 20
    assert dialect.with_body(head, reading, b'{"metadata":{"name":"x"}}').facts[0]["name"] == frozenset({"x"})


@pytest.mark.parametrize("line", ["GET /api/v1/pods?watch=1", "GET /api/v1/namespaces/a/pods/b/log", "GET /version"])
def test_only_what_is_read_there_is_upgraded(line: str) -> None:
    """A watch over a WebSocket is a list that no mask looks into."""
    with pytest.raises(ProtocolError) as caught:
        kube_dialect().read(head_of(line, upgrade=b"websocket"))
    assert caught.value.code == "501"


def test_answers_of_its_own() -> None:
    dialect = kube_dialect()
    head = head_of("GET /api/v1/pods")
    refusal = Refusal(Command("list", "x"), Decision(Effect.DENY, "r"), "denied", "no")
    assert (
        json.loads(dialect.refusal(head, refusal, kube_session(), "q").body)["message"]
        == "hoop: no. (rule r, request q)"
    )
    assert json.loads(dialect.failure(None, 502, "gone", "q").body)["code"] == 502
    told = dialect.told(ApprovalRequest("r1", "", "", 0.0), ALLOWED, Approval("r1", True, "granted", "", ("bob",)))
    assert told[0][0] == b"warning" and b"approved by bob" in told[0][1]


def test_somebody_who_cannot_be_impersonated_is_told() -> None:
    dialect = kube_dialect(impersonate="system:{subject}")
    head = head_of("GET /api/v1/pods")
    with pytest.raises(ProtocolError) as caught:
        dialect.outgoing(head, dialect.read(head), kube_session())
    assert caught.value.code == "403"


def test_what_is_sent_is_remembered_for_one_session_and_within_bounds() -> None:
    dialect = kube_dialect(impersonate="{subject}")
    head = head_of("GET /api/v1/pods", accept="application/json")
    reading, session = dialect.read(head), kube_session()
    first = dialect.outgoing(head, reading, session)
    assert dialect.outgoing(head, reading, session).headers is first.headers
    bob = kube_session(Principal("https://id.example.com", "bob"))
    assert dialect.outgoing(head, reading, bob).value(b"impersonate-user") == b"bob", "another session of the same id"
    long = head_of("GET /api/v1/pods", x="a" * 9000)
    dialect.outgoing(long, reading, session)
    assert len(dialect._sent) == 1
    for number in range(300):
        dialect.outgoing(head_of("GET /api/v1/pods", x=str(number)), reading, session)
    assert len(dialect._sent) <= 256


def test_M12_what_masks_find_is_not_in_what_people_are_shown() -> None:
    """M12: a card number in a body or a path."""
    mask = MaskSection(name="cards", detect=["card"])
    dialect = KubernetesDialect(kube_section(), b"k" * 32, ShellReader(), [mask])
    body = b'{"data":{"number":"4111111111111111"}}'
    head = head_of("POST /api/v1/namespaces/a/configmaps", body)
    shown = dialect.with_body(head, dialect.read(head), body)
    other = dialect.with_body(head, dialect.read(head), body.replace(b"4111111111111111", b"5555555555554444"))
    assert "4111111111111111" not in str(shown.parameters) and shown.parameters != other.parameters
    proxied = dialect.read(head_of("GET /api/v1/namespaces/a/services/web/proxy/pay/4111111111111111"))
    assert "4111111111111111" not in proxied.text


def test_K2_a_client_shows_no_credential_in_the_place_of_the_gateways() -> None:
    """K2: where a header carries the target's credential, the client's of that name does not arrive."""
    dialect = KubernetesDialect(kube_section(credential="header", header="X-Cluster-Key"), b"k" * 32, ShellReader())
    for name in (b"x-cluster-key", b"x_cluster_key"):
        head = replace(head_of("GET /api/v1/pods"), headers=((name, b"mine"),))
        sent = dialect.outgoing(head, dialect.read(head), kube_session())
        assert not any(b"cluster" in each for each, _ in sent.headers)


def test_M12_approvers_are_shown_nothing_that_masks_hide() -> None:
    """M12: what the rules hide in answers is hidden in what somebody submits: by object, by patch and by YAML."""
    mask = MaskSection(name="m", objects=["ConfigMap/data/password", "Pod/env/.*_KEY"], fields=["pin"])
    dialect = KubernetesDialect(kube_section(), b"k" * 32, ShellReader(), [mask])
    env = {
        "containers": [{"name": "a", "env": [{"name": "API_KEY", "value": "s3cret"}, {"name": "B", "value": "plain"}]}]
    }
    step = {"op": "replace", "path": "/data/password", "value": "s3cret"}
    bodies: list[tuple[str, object]] = [
        ("POST /api/v1/namespaces/a/configmaps", {"kind": "ConfigMap", "data": {"password": "s3cret", "b": "plain"}}),
        ("PATCH /api/v1/namespaces/a/configmaps/c", {"data": {"password": "s3cret"}, "b": "plain"}),
        ("PATCH /api/v1/namespaces/a/configmaps/c", [step, {**step, "path": "/data/b", "value": "plain"}]),
        (
            "PATCH /api/v1/namespaces/a/configmaps/c",
            [{**step, "path": "/data", "value": {"password": "s3cret"}}, "plain"],
        ),
        ("POST /apis/apps/v1/namespaces/a/deployments", {"spec": {"template": {"spec": env}}}),
        ("POST /apis/x.io/v1/namespaces/a/things", {"spec": {"pin": "s3cret", "other": "plain"}}),
    ]
    for line, body in bodies:
        head = head_of(line, data := json.dumps(body).encode())
        (shown,) = dialect.with_body(head, dialect.read(head), data).parameters
        assert "s3cret" not in str(shown) and "plain" in str(shown), line
    head = head_of("PATCH /api/v1/namespaces/a/configmaps/c", data := b"data:\n  password: s3cret\n")
    (shown,) = dialect.with_body(head, dialect.read(head), data).parameters
    assert "s3cret" not in str(shown) and "SHA-256" in str(shown)
