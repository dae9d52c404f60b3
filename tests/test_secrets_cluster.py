"""Secrets of a Kubernetes cluster: by the pod's service account, by kubeconfigs, and what neither gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kube.cluster import ApiServer, api_server
from tests.support.loop import Loop
from tests.support.web import running_web
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.cluster import ClusterSecrets


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("cluster")) as server:
        data = {"password": base64.b64encode(b"hunter2").decode(), "binary": base64.b64encode(b"\xff\xfe").decode()}
        for namespace in ("shop", "other"):
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            server.ask("POST", "/api/v1/namespaces", made)
        about = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "type": "Opaque"}
        made = server.ask("POST", "/api/v1/namespaces/shop/secrets", {**about, "data": data})
        assert made["metadata"]["name"] == "db", made
        yield server


def pod(cluster: ApiServer, folder: Path, token: str) -> Path:
    """What a pod finds: the kubelet's files, which others may read."""
    folder.mkdir(exist_ok=True)
    (folder / "token").write_text(token + "\n")
    (folder / "token").chmod(0o644)
    (folder / "ca.crt").write_text(cluster.ca.read_text())
    return folder


def environ(cluster: ApiServer) -> dict[str, str]:
    return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(cluster.port)}


def test_by_the_pods_service_account_whose_token_is_replaced(loop: Loop, cluster: ApiServer, tmp_path: Path) -> None:
    folder = pod(cluster, tmp_path / "sa", "expired")
    secrets = ClusterSecrets(loop.reactor, environ(cluster), "", 20.0, folder)
    with pytest.raises(SecretUnavailable, match="status 401"):
        loop.run(lambda: secrets.read("shop", "db", "password"))
    pod(cluster, folder, cluster.token)
    assert loop.run(lambda: secrets.read("shop", "db", "password")) == "hunter2"


def test_by_a_kubeconfig_with_a_token_or_a_certificate(loop: Loop, cluster: ApiServer, tmp_path: Path) -> None:
    by_token = cluster.kubeconfig()
    assert loop.run(lambda: ClusterSecrets(loop.reactor, {}, str(by_token), 20.0).read("shop", "db", "password"))
    config = json.loads(by_token.read_text())
    pem = {"client-certificate": "gateway.pem", "client-key": "gateway.key"}
    config["users"][0]["user"] = {
        f"{name}-data": base64.b64encode((cluster.folder / file).read_bytes()).decode() for name, file in pem.items()
    }
    file = tmp_path / "kubeconfig"
    file.touch(mode=0o600)
    file.write_text(json.dumps(config))
    by_certificate = ClusterSecrets(loop.reactor, {}, str(file), 20.0)
    assert loop.run(lambda: by_certificate.read("shop", "db", "password")) == "hunter2"
    assert cluster.seen("/secrets/db")[-1]["caller"] == "gateway"


def test_what_there_is_not(loop: Loop, cluster: ApiServer) -> None:
    secrets = ClusterSecrets(loop.reactor, {}, str(cluster.kubeconfig()), 20.0)
    for where, why in (
        (("shop", "missing", "password"), "status 404"),
        (("other", "db", "password"), "status 404"),
        (("shop", "db", "missing"), "no key missing"),
        (("shop", "db", "binary"), "no text"),
    ):
        with pytest.raises(SecretUnavailable, match=why) as caught:
            loop.run(lambda where=where: secrets.read(*where))
        assert not caught.value.passing
    with pytest.raises(SecretUnavailable, match="runs in no cluster"):
        loop.run(lambda: ClusterSecrets(loop.reactor, {}, "", 1.0).read("a", "b", "c"))
    with pytest.raises(SecretUnavailable, match=r"ca\.crt"):
        nowhere = ClusterSecrets(loop.reactor, environ(cluster), "", 1.0, Path("/nowhere"))
        loop.run(lambda: nowhere.read("a", "b", "c"))


def test_R11_the_token_reaches_the_cluster_and_nobody_else(loop: Loop, cluster: ApiServer, tmp_path: Path) -> None:
    """R11: a server of another authority, another name, or another scheme never sees it; nor does a redirect."""
    with running_web(loop) as web:

        def redirect(request):  # type: ignore[no-untyped-def]
            request.redirect(web.url.encode() + b"/elsewhere")
            return b""

        web.answers["/api/v1/namespaces/a/secrets/b"] = redirect
        config = json.loads(cluster.kubeconfig().read_text())
        own = config["clusters"][0]["cluster"]
        for change in (
            {"server": web.url},
            {"server": f"https://localhost.evil.test:{cluster.port}"},
            {"server": "http://db.example:80"},
            {"certificate-authority": "", "certificate-authority-data": ""},
        ):
            config["clusters"][0]["cluster"] = {**own, **change}
            file = tmp_path / "kubeconfig"
            file.touch(mode=0o600)
            file.write_text(json.dumps(config))
            with pytest.raises(SecretUnavailable):
                loop.run(lambda file=file: ClusterSecrets(loop.reactor, {}, str(file), 5.0).read("a", "b", "c"))
        assert web.hits["/elsewhere"] == 0
