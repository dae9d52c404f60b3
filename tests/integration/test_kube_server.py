"""The API server of the tests by itself: kubectl straight at it, and what the gateway's tests rely on."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator

import pytest

from tests.support.gateway import wait_for
from tests.support.kube import protobuf
from tests.support.kube.cluster import ApiServer, api_server
from tests.support.kube.programs import OLD, Ran, kubectl_path, run
from tests.support.kube.samples import config_map, deployment, pod, secret

SECRETS = "/api/v1/namespaces/default/secrets"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("server")) as running:
        yield running


def kubectl(server: ApiServer, *arguments: str, version: str = "", stdin: str = "") -> Ran:
    environ = {"KUBECONFIG": str(server.kubeconfig()), "HOME": str(server.folder), "PATH": os.environ["PATH"]}
    return run([kubectl_path(version), *arguments], environ, stdin, server.folder)


@pytest.mark.parametrize("version", ["", OLD])
def test_kubectl_takes_it_for_a_cluster(server: ApiServer, version: str) -> None:
    name = f"web{version.replace('.', '-')}"
    items = [deployment(name, 2), pod(f"{name}-box"), config_map(name, a="1")]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    assert kubectl(server, "apply", "-f", "-", version=version, stdin=text).well().count("created") == 3
    assert (
        "successfully rolled out" in kubectl(server, "rollout", "status", f"deployment/{name}", version=version).well()
    )
    assert "2/2" in kubectl(server, "get", "deployment", name, version=version).well()
    assert "Name:" in kubectl(server, "describe", "deployment", name, version=version).well()
    ran = kubectl(server, "exec", "-i", f"{name}-box", "--", "sh", "-c", "cat; exit 3", version=version, stdin="in")
    assert (ran.status, ran.out) == (3, "in")
    assert kubectl(server, "delete", "deployment", name, version=version).well()
    pods = kubectl(server, "get", "pods", "-l", f"app={name}", "-o", "name", version=version)
    assert pods.well() == "", "what a deployment made goes with it"


def test_it_logs_what_arrives(server: ApiServer) -> None:
    server.ask(
        "GET", f"{SECRETS}?limit=1", Impersonate_User="jane", Impersonate_Group="team", Impersonate_Extra_Why="x"
    )
    seen = wait_for(lambda: [each for each in server.seen(SECRETS) if each["user"] == "jane"], "the request")[-1]
    assert seen["caller"] == "gateway" and seen["groups"] == ["team", "system:authenticated"]
    assert seen["extra"] == {"why": ["x"]}


def test_impersonation_of_groups_needs_a_user(server: ApiServer) -> None:
    assert server.ask("GET", SECRETS, Impersonate_Group="system:masters")["code"] == 400


def test_nobody_is_unauthorized(server: ApiServer) -> None:
    assert server.ask("GET", SECRETS, Authorization="Bearer wrong")["code"] == 401


def test_rights_are_those_of_roles(server: ApiServer) -> None:
    binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/everybody"
    kept = server.ask("GET", binding)
    server.ask("DELETE", binding)
    try:
        told = server.ask("GET", SECRETS, Authorization="Bearer token-of-vera")
        assert told["code"] == 403 and 'User "vera" cannot list resource "secrets"' in told["message"]
    finally:
        for field in ("resourceVersion", "uid", "creationTimestamp"):
            kept["metadata"].pop(field, None)
        server.ask("POST", binding.rpartition("/")[0], kept)


def test_protobuf_there_and_back(server: ApiServer) -> None:
    item = secret("packed", password="hunter2")
    server.ask("POST", SECRETS, protobuf.encode(item), Content_Type=protobuf.MEDIA_TYPE)
    found = server.ask("GET", f"{SECRETS}/packed")
    assert found["data"] == {"password": base64.b64encode(b"hunter2").decode()}
    again = protobuf.decode(protobuf.encode(found))
    assert again["data"] == found["data"] and again["metadata"]["uid"] == found["metadata"]["uid"]


def test_versions_conflict(server: ApiServer) -> None:
    server.ask("POST", SECRETS, secret("twice", a="1"))
    first = server.ask("GET", f"{SECRETS}/twice")
    first["data"]["a"] = "Mg=="
    assert server.ask("PUT", f"{SECRETS}/twice", first)["data"] == {"a": "Mg=="}
    first["data"]["a"] = "Mw=="
    assert server.ask("PUT", f"{SECRETS}/twice", first)["code"] == 409


def test_finalizers_hold_an_object(server: ApiServer) -> None:
    item = secret("held", a="1")
    item["metadata"]["finalizers"] = ["hoop.test/kept"]
    server.ask("POST", SECRETS, item)
    assert server.ask("DELETE", f"{SECRETS}/held")["metadata"]["deletionTimestamp"]
    patch = {"metadata": {"finalizers": None}}
    server.ask("PATCH", f"{SECRETS}/held", patch, Content_Type="application/merge-patch+json")
    assert server.ask("GET", f"{SECRETS}/held")["code"] == 404


def test_custom_resources(server: ApiServer) -> None:
    names = {"plural": "boats", "singular": "boat", "kind": "Boat", "shortNames": ["bo"]}
    column = {"name": "Sail", "type": "string", "jsonPath": ".spec.sail"}
    versions = [{"name": "v1", "served": True, "storage": True, "additionalPrinterColumns": [column]}]
    spec = {"group": "sea.test", "scope": "Namespaced", "names": names, "versions": versions}
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    definition = {**head, "metadata": {"name": "boats.sea.test"}, "spec": spec}
    boat = {"apiVersion": "sea.test/v1", "kind": "Boat", "metadata": {"name": "one"}, "spec": {"sail": "red"}}
    assert kubectl(server, "apply", "-f", "-", stdin=json.dumps(definition)).well()
    assert kubectl(server, "apply", "-f", "-", stdin=json.dumps(boat)).well()
    assert "red" in kubectl(server, "get", "bo", "one").well()
