"""Python's client libraries through a live gateway: kubernetes, lightkube, kr8s; also before a real cluster."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import kr8s
import lightkube
import pytest
from kubernetes import client, config, watch
from kubernetes.stream import portforward, stream
from lightkube.core.exceptions import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Pod

from tests.support.kube.cluster import ApiServer
from tests.support.kube.place import MASKED, PLAIN, RESTORING, KubePlace
from tests.support.kube.raw import ask
from tests.support.kube.samples import PORT, config_map, pod, secret


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    running.apply(pod("box"), secret("kept", password="hunter2"))
    running.kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=100s").well()
    yield running
    running.gone()


@pytest.fixture(params=[PLAIN, MASKED])
def core(place: KubePlace, request: pytest.FixtureRequest) -> Iterator[Any]:
    with config.new_client_from_config(str(place.kubeconfig(target=request.param))) as api:
        yield client.CoreV1Api(api)


def test_kubernetes_reads_and_writes(place: KubePlace, core: Any) -> None:
    core.create_namespaced_config_map(place.namespace, config_map("python", a="1"))
    core.patch_namespaced_config_map("python", place.namespace, {"data": {"b": "2"}})
    found = core.read_namespaced_config_map("python", place.namespace)
    assert found.data == {"a": "1", "b": "2"}
    found.data["c"] = "3"
    core.replace_namespaced_config_map("python", place.namespace, found)
    listed = core.list_namespaced_config_map(place.namespace, limit=1)
    assert listed.items and core.list_namespaced_config_map(place.namespace).items
    assert core.read_namespaced_pod_log("box", place.namespace).startswith("box started")
    core.delete_namespaced_config_map("python", place.namespace)
    with pytest.raises(client.ApiException) as caught:
        core.read_namespaced_config_map("python", place.namespace)
    assert caught.value.status == 404


def test_kubernetes_watches(place: KubePlace, core: Any) -> None:
    core.create_namespaced_config_map(place.namespace, config_map("watched", a="1"))
    seen = []
    for event in watch.Watch().stream(core.list_namespaced_config_map, place.namespace, timeout_seconds=60):
        if event["object"].metadata.name == "watched":
            seen.append(event["type"])
            if len(seen) == 1:
                core.delete_namespaced_config_map("watched", place.namespace)
            else:
                break
    assert seen == ["ADDED", "DELETED"]


def test_kubernetes_hears_that_a_version_is_too_old(place: KubePlace, core: Any) -> None:
    """410 Gone, by which clients list again: as a status, or as the only event of a watch."""
    old = watch.Watch().stream(core.list_namespaced_secret, place.namespace, resource_version="1", timeout_seconds=20)
    with pytest.raises(client.ApiException) as caught:
        next(old)
    assert caught.value.status == 410 and "too old resource version" in str(caught.value)


@pytest.mark.parametrize("target", [PLAIN, MASKED])
def test_a_version_that_is_too_old_is_told_word_for_word(place: KubePlace, target: str) -> None:
    path = f"/api/v1/namespaces/{place.namespace}/secrets?watch=1&resourceVersion=1&timeoutSeconds=20"
    told = json.loads(ask(place, "GET", path, target=target).body)
    status = told.get("object", told)
    assert (status["code"], status["reason"]) == (410, "Expired") and "too old" in status["message"]


def test_kubernetes_reads_and_replaces_what_it_was_not_shown(place: KubePlace) -> None:
    """M11: read, change, write, as controllers do; against one who is faster, again."""
    place.apply(secret("copied", password="hunter2-very-secret"))
    with config.new_client_from_config(str(place.kubeconfig(target=RESTORING))) as api:
        core = client.CoreV1Api(api)
        found = core.read_namespaced_secret("copied", place.namespace)
        assert found.data["password"].startswith("QG1hc2tlZDp2MTp")
        found.metadata.labels = {"seen": "yes"}
        written = core.replace_namespaced_secret("copied", place.namespace, found)
        assert written.data["password"].startswith("QG1hc2tlZDp2MTp") and written.metadata.labels == {"seen": "yes"}
        with pytest.raises(client.ApiException) as caught:
            core.replace_namespaced_secret("copied", place.namespace, found)
        assert caught.value.status == 409 and caught.value.reason == "Conflict"
        body = {"data": written.data, "metadata": {"labels": {"seen": "again"}}}
        core.patch_namespaced_secret("copied", place.namespace, body)
    live = place.json("get", "secret", "copied")
    assert live["data"] == secret("copied", password="hunter2-very-secret")["data"]
    assert live["metadata"]["labels"] == {"seen": "again"}


def test_kubernetes_executes(place: KubePlace, core: Any) -> None:
    connect = core.connect_get_namespaced_pod_exec
    told = stream(connect, "box", place.namespace, command=["cat"], stdin=True, stdout=True, _preload_content=False)
    told.write_stdin("said\n")
    told.update(timeout=30)
    assert told.read_stdout(timeout=30) == "said\n"
    told.close()
    command = ["sh", "-c", "echo out; exit 5"]
    told = stream(connect, "box", place.namespace, command=command, stdout=True, stderr=True, _preload_content=False)
    told.run_forever(timeout=30)
    assert told.read_stdout() == "out\n" and told.returncode == 5


def test_kubernetes_is_told_why_not(place: KubePlace, core: Any) -> None:
    with pytest.raises(client.ApiException) as caught:
        core.read_namespaced_config_map("any", "closed")
    assert caught.value.status == 403 and "nobody works there" in str(caught.value.body)


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name there
        """Quiet."""


@pytest.fixture(scope="module")
def port(place: KubePlace) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_kubernetes_forwards_a_port(place: KubePlace, core: Any, port: int) -> None:
    port = port if isinstance(place.cluster, ApiServer) else PORT
    forward = portforward(core.connect_get_namespaced_pod_portforward, "box", place.namespace, ports=str(port))
    with contextlib.closing(forward.socket(port)) as sock:
        sock.settimeout(40)
        sock.sendall(b"GET /x HTTP/1.0\r\n\r\n")
        assert sock.recv(20).startswith(b"HTTP/1.")
    assert forward.error(port) is None


def test_kubernetes_reads_masked_secrets_and_does_not_destroy_them(place: KubePlace) -> None:
    """M11: read, change a label, replace: refused with 422, and a patch of the label goes through."""
    with config.new_client_from_config(str(place.kubeconfig(target=MASKED))) as api:
        core: Any = client.CoreV1Api(api)
        found = core.read_namespaced_secret("kept", place.namespace)
        assert found.data["password"] != "aHVudGVyMg=="
        found.metadata.labels = {"changed": "yes"}
        with pytest.raises(client.ApiException) as caught:
            core.replace_namespaced_secret("kept", place.namespace, found)
        assert caught.value.status == 422 and "masked" in str(caught.value.body)
        core.patch_namespaced_secret("kept", place.namespace, {"metadata": {"labels": {"changed": "yes"}}})
    assert place.json("get", "secret", "kept")["data"]["password"] == "aHVudGVyMg=="


@pytest.mark.parametrize("target", [PLAIN, MASKED])
def test_lightkube(place: KubePlace, target: str) -> None:
    loaded = lightkube.KubeConfig.from_file(place.kubeconfig(target=target))
    api: Any = lightkube.Client(config=loaded, trust_env=False)
    made = api.create(ConfigMap(metadata=ObjectMeta(name="light", namespace=place.namespace), data={"a": "1"}))
    assert made.metadata.uid
    api.patch(ConfigMap, "light", {"data": {"b": "2"}}, namespace=place.namespace)
    assert api.get(ConfigMap, "light", namespace=place.namespace).data == {"a": "1", "b": "2"}
    made.data = {"applied": "yes"}
    made.metadata = ObjectMeta(name="light", namespace=place.namespace)
    api.apply(made, field_manager="tests", force=True)
    assert "box" in [each.metadata.name for each in api.list(Pod, namespace=place.namespace)]
    assert next(iter(api.log("box", namespace=place.namespace))).startswith("box started")
    for kind, _ in api.watch(ConfigMap, namespace=place.namespace, fields={"metadata.name": "light"}):
        assert kind == "ADDED"
        break
    api.delete(ConfigMap, "light", namespace=place.namespace)
    with pytest.raises(ApiError):
        api.get(ConfigMap, "light", namespace=place.namespace)


@pytest.mark.parametrize("target", [PLAIN, MASKED])
def test_kr8s(place: KubePlace, target: str) -> None:
    api = kr8s.api(kubeconfig=str(place.kubeconfig(target=target)), namespace=place.namespace)
    assert api.version()["major"]
    about = {"metadata": {"name": "kr8s", "namespace": place.namespace}}
    made = kr8s.objects.ConfigMap({**config_map("kr8s", a="1"), **about}, api=api)
    made.create()
    made.patch({"data": {"b": "2"}})
    assert dict(made.data) == {"a": "1", "b": "2"}
    box: Any
    (box,) = list(api.get("pods", "box", namespace=place.namespace))
    assert box.exec(["echo", "hello"]).stdout == b"hello\n"
    assert "box started" in next(iter(box.logs()))
    made.delete()
