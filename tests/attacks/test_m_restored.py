"""Attacks on values that are put back in writes: every way to have one put where it is shown, or mixed up (M11)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.kube.place import PLAIN, RESTORING, KubePlace
from tests.support.kube.raw import Reply, ask
from tests.support.kube.samples import config_map, deployment, secret

VALUE = "correct horse battery staple"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
APPLY, STEPS, JSON = "application/apply-patch+yaml", "application/json-patch+json", "application/json"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    running.apply(secret("mine", password=VALUE, user="somebody else"), secret("other", password="x" * 20))
    running.apply(config_map("open", note="seen"), deployment("web", replicas=0, A_TOKEN=VALUE, MODE="slow"))
    yield running
    running.gone()


def path_of(place: KubePlace, name: str, kind: str = "secrets") -> str:
    root = "/apis/apps/v1" if kind == "deployments" else "/api/v1"
    return f"{root}/namespaces/{place.namespace}/{kind}/{name}"


def shown(place: KubePlace, name: str, kind: str = "secrets") -> Any:
    """An object as it is shown."""
    return json.loads(ask(place, "GET", path_of(place, name, kind), target=RESTORING).body)


def send(place: KubePlace, method: str, path: str, told: str, body: Any) -> Reply:
    return ask(place, method, path, json.dumps(body).encode(), target=RESTORING, Content_Type=told)


def stays(place: KubePlace) -> bool:
    """Whether the value is where it was, and only there."""
    found = json.dumps(place.json("get", "secrets,configmaps,deployments"))
    packed = base64.b64encode(VALUE.encode()).decode()
    inside = found.count(packed) + found.count(VALUE)
    return inside == 4  # twice in `mine` and twice in `web`: with what was applied


def refused(reply: Reply, field: str) -> bool:
    told = json.loads(reply.body)
    return reply.status in (403, 422) and field in told["message"] and VALUE.encode() not in reply.body


@pytest.mark.parametrize(
    ("told", "body", "field"),
    [
        (MERGE, {"data": {"user": "W"}}, "data.user"),
        (MERGE, {"data": {"new": "W"}}, "data.new"),
        (MERGE, {"type": "W"}, "type"),
        (MERGE, {"metadata": {"annotations": {"a": "W"}}}, "metadata.annotations.a"),
        (STRATEGIC, {"metadata": {"labels": {"a": "W"}}}, "metadata.labels.a"),
        (STRATEGIC, {"data": {"password": "W", "copy": "W"}}, "data.copy"),
        (MERGE, {"stringData": {"note": "W"}}, "stringData.note"),
        (APPLY, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine", "generateName": "W"}}, "generate"),
        (MERGE, {"metadata": {"annotations": {LAST_APPLIED: '{"kind":"Event","data":{"password":"W"}}'}}}, "applied"),
        (MERGE, {"metadata": {"annotations": {LAST_APPLIED: '{"a":"W"}'}}}, "applied"),
        (STEPS, [{"op": "add", "path": "/metadata/annotations/a", "value": "W"}], "a"),
        (STEPS, [{"op": "add", "path": "/data/copy", "value": "W"}], "copy"),
        (STEPS, [{"op": "add", "path": "/data/password", "value": "W"},
                 {"op": "copy", "from": "/data/password", "path": "/metadata/annotations/a"}], "/data/password"),
        (STEPS, [{"op": "add", "path": "/data/password", "value": "W"},
                 {"op": "move", "from": "/data", "path": "/metadata/annotations"}], "/data"),
        (STEPS, [{"op": "test", "path": "/data/password", "value": "W"}], "/data/password"),
        (STEPS, [{"op": "add", "path": "", "value": {"metadata": {"annotations": {"a": "W"}}}}], "a value"),
    ],
)  # fmt: skip
def test_m11_a_word_moved_within_its_object(place: KubePlace, told: str, body: Any, field: str) -> None:
    """M11: to another key, an annotation, a label, a name, by copy and move: nothing is put back there."""
    word = shown(place, "mine")["data"]["password"]
    written = json.loads(json.dumps(body).replace("W", word))
    path = path_of(place, "mine")
    path += "?fieldManager=x&force=true" if told == APPLY else ""
    assert refused(send(place, "PATCH", path, told, written), field) and stays(place)


def test_m11_a_word_moved_to_another_object(place: KubePlace) -> None:
    """M11: another Secret, a kind that is shown, another namespace, a new object with a name or without."""
    word = shown(place, "mine")["data"]["password"]
    assert refused(send(place, "PATCH", path_of(place, "other"), MERGE, {"data": {"password": word}}), "data.password")
    reply = send(place, "PATCH", path_of(place, "open", "configmaps"), MERGE, {"data": {"note": word}})
    assert refused(reply, "data.note")
    place.kubectl("create", "secret", "generic", "mine", "--from-literal=password=y", "-n", "default").well()
    elsewhere = "/api/v1/namespaces/default/secrets/mine"
    assert refused(send(place, "PATCH", elsewhere, MERGE, {"data": {"password": word}}), "data.password")
    for about in ({"name": "new"}, {"generateName": "new-"}):
        body = {"kind": "Secret", "apiVersion": "v1", "metadata": about, "data": {"password": word}}
        assert refused(send(place, "POST", path_of(place, "")[:-1], JSON, body), "data.password")
    body = {**shown(place, "mine"), "metadata": {"name": "absent", "namespace": place.namespace}}
    assert refused(send(place, "PUT", path_of(place, "absent"), JSON, body), "no object yet")
    assert stays(place)


def test_m11_a_variable_called_otherwise(place: KubePlace) -> None:
    """M11, M10: by its name it is known that it is hidden: neither its word nor itself gets another one."""
    thing = shown(place, "web", "deployments")
    (container,) = thing["spec"]["template"]["spec"]["containers"]
    at, word = next((n, each["value"]) for n, each in enumerate(container["env"]) if each["name"] == "A_TOKEN")
    above = f"/spec/template/spec/containers/0/env/{at}"
    env = {"containers": [{"name": container["name"], "env": [{"name": "PLAIN", "value": word}]}]}
    path = path_of(place, "web", "deployments")
    for told, body in (
        (STRATEGIC, {"spec": {"template": {"spec": env}}}),
        (STEPS, [{"op": "replace", "path": above, "value": {"name": "PLAIN", "value": word}}]),
        (STEPS, [{"op": "replace", "path": f"{above}/name", "value": "PLAIN"}]),
        (STEPS, [{"op": "replace", "path": f"{above}/value", "value": word},
                 {"op": "replace", "path": f"{above}/name", "value": "PLAIN"}]),
    ):  # fmt: skip
        assert refused(send(place, "PATCH", path, told, body), ""), body
    assert stays(place)


def test_m11_words_that_are_made_up(place: KubePlace) -> None:
    """M11: a word with another digest, or something added, stands for nothing; what is seen of it tells nothing."""
    word = base64.b64decode(shown(place, "mine")["data"]["password"]).decode()
    for change in (
        word[:-2] + "a@",
        word[:-3] + "@",
        word + " ",
        "x" + word,
        "@masked:v1:@",
        word.replace("v1", "v1:"),
    ):
        packed = base64.b64encode(change.encode()).decode()
        reply = send(place, "PATCH", path_of(place, "mine"), MERGE, {"data": {"password": packed}})
        assert refused(reply, "data.password") or change.encode() != base64.b64decode(packed), change
    assert stays(place)


def test_m11_a_body_of_a_dry_run(place: KubePlace) -> None:
    """M11: what only was tried is stored nowhere, and its word puts nothing back."""
    path = path_of(place, "mine") + "?dryRun=All"
    tried = json.loads(send(place, "PATCH", path, MERGE, {"data": {"password": "Z3Vlc3M="}}).body)
    assert tried["data"]["password"] != shown(place, "mine")["data"]["password"]
    reply = send(place, "PATCH", path_of(place, "mine"), MERGE, {"data": tried["data"]})
    assert refused(reply, "data.password") and stays(place)


def test_m11_writers_who_race(place: KubePlace) -> None:
    """M11: whatever their order, each write is of one version; none brings back a value that was changed meanwhile."""
    place.apply(secret("raced", password=VALUE[::-1], count="0"))
    path, wrong = path_of(place, "raced"), []

    def write(number: int) -> None:
        for turn in range(6):
            thing = shown(place, "raced")
            thing["metadata"]["labels"] = {f"w{number}": str(turn)}
            reply = send(place, "PUT", path, JSON, thing)
            if reply.status not in (200, 409, 422):
                wrong.append(reply)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for turn in range(6):  # somebody who sees clear values changes one meanwhile
        body = {"data": {"count": base64.b64encode(str(turn).encode()).decode()}}
        assert ask(place, "PATCH", path, json.dumps(body).encode(), Content_Type=MERGE, target=PLAIN).status == 200
    for thread in threads:
        thread.join()
    found = place.json("get", "secret", "raced")["data"]
    assert not wrong and base64.b64decode(found["count"]) == b"5"
    assert base64.b64decode(found["password"]).decode() == VALUE[::-1]
