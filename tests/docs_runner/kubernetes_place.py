"""The place of pages about Kubernetes: a gateway as the tutorial configures it, before the tests' API server."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.docs_runner.people import people_of
from tests.docs_runner.places import ROOT, Place, shim
from tests.docs_runner.shell import Table
from tests.support.gateway import Gateway, Plan, start_gateway, token_of
from tests.support.kube.cluster import ApiServer, api_server, write_kubeconfig
from tests.support.kube.programs import kubectl_path
from tests.support.kube.samples import config_map, deployment, secret
from tests.support.oidc import free_port

PAGE = ROOT / "docs/tutorials/kubernetes.md"
NAMESPACE = "shop"
PEOPLE: Mapping[str, tuple[str, str]] = {
    "alice": ("human", "developers"),
    "bob": ("human", "sre"),
    "carol": ("human", "auditors"),
    "ci-bot": ("machine", "ci"),
}
_MORE = """
[[issuers]]
name = "people"
issuer = "{issuer}"
audience = ["hoop"]
client_id = "hoop"
[[listeners]]
name = "ssh"
protocol = "ssh"
endpoint = "tcp:0:interface=127.0.0.1"
address = "hoop.example.com:2222"
"""
"""Where people log in, and a listener that certificates for SSH are made for."""
_MADE = r"\b[a-z]{10,20}(?=@)|\bQG1hc2tlZ\w+|\b[0-9a-f]{20}\b"
"""What stands for masked values, as text and in base64, and ids."""


@contextlib.contextmanager
def kubernetes(home: Path) -> Iterator[Place]:
    """A cluster with a little shop in it, the gateway, and a token for each of the people."""
    shim(home / "bin")
    (home / "bin/kubectl").symlink_to(kubectl_path())
    (home / ".kube").mkdir()
    tokens = home / ".demo/tokens"
    tokens.mkdir(parents=True, exist_ok=True)
    for who in PEOPLE:
        (tokens / who).write_text(token_of(who))
    with api_server(home / "cluster") as cluster, people_of(home) as people:
        _fill(cluster)
        gateway = _started(home / "gateway", cluster, people.issuer)
        try:
            yield _place(home, gateway)
        finally:
            gateway.stop()


def _started(folder: Path, cluster: ApiServer, issuer: str) -> Gateway:
    """A kubeconfig says the port that is configured, so it is chosen before; somebody else may take it until then."""
    for _ in range(4):
        with contextlib.suppress(AssertionError):
            return start_gateway(folder, _plan(folder, cluster, free_port(), issuer))
    return start_gateway(folder, _plan(folder, cluster, free_port(), issuer))


def _fill(cluster: ApiServer) -> None:
    about = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    cluster.ask("POST", "/api/v1/namespaces", about)
    core = f"/api/v1/namespaces/{NAMESPACE}"
    cluster.ask("POST", f"{core}/secrets", secret("db", password="correct horse"))
    cluster.ask("POST", f"{core}/configmaps", config_map("settings", colour="green"))
    cluster.ask("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", deployment("web", 2))


def _plan(folder: Path, cluster: ApiServer, port: int, issuer: str) -> Plan:
    """What the tutorial shows, with this machine's addresses and files."""
    rows = {
        "tcp:6443:interface=0.0.0.0": f"tcp:{port}:interface=127.0.0.1",
        "tls/hoop.pem": f"{folder}/tls/localhost.pem",
        "tls/hoop-key.pem": f"{folder}/tls/localhost.key",
        "tcp:k8s.internal:6443": f"tcp:127.0.0.1:{cluster.port}",
        "file:/etc/hoop/prod-token": "env:CLUSTER_TOKEN",
        "tls/prod-ca.pem": str(cluster.ca),
    }
    text = "\n".join(re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.M | re.S))
    for written, real in rows.items():
        assert written in text, written
        text = text.replace(written, real)
    text += _MORE.format(issuer=issuer)
    return Plan(text, {"CLUSTER_TOKEN": cluster.token}, people=PEOPLE, url="https://localhost")


def _place(home: Path, gateway: Gateway) -> Place:
    tokens = home / ".demo/tokens"
    newest = f"HOOP_TOKEN_FILE={tokens / 'bob'} hoop approvals list --ids --limit 1"
    rows = {
        "https://hoop.example.com": gateway.url,
        "/etc/ssl/hoop-ca.pem": str(gateway.ca),
        "HOOP_TOKEN=$PGPASSWORD": "HOOP_TOKEN=$TOKEN",
        "/run/ci/token": str(tokens / "ci-bot"),
        # who asks does so in the background: the request is filed a moment later
        "e65ccb7b1dce600af89d": f"$(for _ in $(seq 600); do {newest} | grep . && break; sleep 0.1; done)",
    }
    links = {f"{who}-token": tokens / who for who in PEOPLE}
    server = f"https://localhost:{gateway.ports['web']}/prod"
    ready = write_kubeconfig(home / "kubeconfig", server, gateway.ca, token_of("alice"), NAMESPACE)
    return Place(
        home,
        Table(rows, _MADE),
        links,
        {"HOOP_URL": gateway.url, "KUBECONFIG": str(ready), "SSL_CERT_FILE": str(gateway.ca)},
    )
