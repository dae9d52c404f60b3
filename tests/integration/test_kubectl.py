"""kubectl of today through a live gateway, verb by verb; with HOOP_TEST_KUBECONFIG before a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kube.cluster import ApiServer
from tests.support.kube.place import KubePlace
from tests.support.kube.programs import Ran
from tests.support.kube.samples import config_map, deployment, pod


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    yield running
    running.gone()


def test_get_describe_and_explain(place: KubePlace) -> None:
    place.apply(config_map("seen", a="1"))
    assert "seen" in place.kubectl("get", "cm", "seen").well()
    assert place.json("get", "cm", "seen")["data"] == {"a": "1"}
    assert "a: " in place.kubectl("get", "cm", "seen", "-o", "yaml").well()
    assert place.kubectl("get", "cm", "seen", "-o", "name").well() == "configmap/seen\n"
    assert "Name:         seen" in place.kubectl("describe", "cm", "seen").well()
    assert "deployments" in place.kubectl("api-resources").well()
    assert "Version:" in place.kubectl("version").well()
    assert place.kubectl("get", "--raw", "/readyz").well() == "ok"
    assert "ConfigMap" in place.kubectl("explain", "configmap").well()


def test_what_is_not_there_is_not_found(place: KubePlace) -> None:
    assert '"nothing" not found' in place.kubectl("get", "cm", "nothing").failed()
    assert "doesn't have a resource type" in place.kubectl("get", "unicorns").failed()


def test_lists_come_in_pages(place: KubePlace) -> None:
    place.apply(*(config_map(f"page-{number}", n=str(number)) for number in range(5)))
    found = place.kubectl("get", "cm", "--chunk-size=2", "-o", "name").well().split()
    assert {f"configmap/page-{number}" for number in range(5)} <= set(found)


def test_apply_on_the_client_side_is_a_three_way_merge(place: KubePlace) -> None:
    assert "created" in place.apply(config_map("three", a="1", b="2"))
    place.kubectl("patch", "cm", "three", "--type=merge", "-p", '{"data":{"other":"kept"}}').well()
    assert "configured" in place.apply(config_map("three", a="1", c="3"))
    assert place.json("get", "cm", "three")["data"] == {"a": "1", "c": "3", "other": "kept"}
    assert "unchanged" in place.apply(config_map("three", a="1", c="3"))


def test_apply_on_the_server_side_knows_owners(place: KubePlace) -> None:
    def apply(manager: str, *more: str, **data: str) -> Ran:
        command = ("apply", "--server-side", f"--field-manager={manager}", "-f", "-", *more)
        return place.kubectl(*command, stdin=json.dumps(config_map("owned", **data)))

    assert "serverside-applied" in apply("one", a="1", b="2").well()
    assert "conflict" in apply("two", a="9").failed()
    assert apply("two", "--force-conflicts", a="9").well()
    assert apply("one", c="3").well()
    assert place.json("get", "cm", "owned")["data"] == {"a": "9", "c": "3"}


def test_apply_changes_hands_from_client_to_server(place: KubePlace) -> None:
    place.apply(config_map("moved", a="1", b="2"))
    text = json.dumps(config_map("moved", a="1"))
    assert place.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text).well()
    assert place.json("get", "cm", "moved")["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("secret", "generic", "made", "--from-literal=a=b"), "secret/made"),
        (("configmap", "made", "--from-literal=a=b"), "configmap/made"),
        (("serviceaccount", "made"), "serviceaccount/made"),
        (("role", "made", "--verb=get", "--resource=pods"), "role"),
        (("rolebinding", "made", "--role=made", "--user=somebody"), "rolebinding"),
        (("service", "clusterip", "made", "--tcp=80:80"), "service/made"),
        (("job", "made", "--image=busybox:1.36", "--", "true"), "job.batch/made"),
    ],
)
def test_create_sends_protobuf(place: KubePlace, arguments: tuple[str, ...], what: str) -> None:
    assert f"{what}" in place.kubectl("create", *arguments).well()
    assert "already exists" in place.kubectl("create", *arguments).failed()


def test_a_token_of_a_service_account(place: KubePlace) -> None:
    place.kubectl("create", "serviceaccount", "minted").well()
    assert place.kubectl("create", "token", "minted").well().strip()


def test_edit_with_an_editor(place: KubePlace, tmp_path: Path) -> None:
    place.apply(config_map("edited", a="1"))
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/^  a: .*/  a: "9"/\' "$1"\n')
    editor.chmod(0o755)
    assert "edited" in place.kubectl("edit", "cm", "edited", KUBE_EDITOR=str(editor)).well()
    assert place.json("get", "cm", "edited")["data"] == {"a": "9"}


def test_patches_of_all_kinds(place: KubePlace) -> None:
    place.apply(config_map("patched", a="1"))
    replace = '[{"op":"test","path":"/data/a","value":"1"},{"op":"replace","path":"/data/a","value":"2"}]'
    place.kubectl("patch", "cm", "patched", "--type=json", "-p", replace).well()
    place.kubectl("patch", "cm", "patched", "--type=merge", "-p", '{"data":{"b":"3"}}').well()
    place.kubectl("patch", "cm", "patched", "-p", '{"data":{"a":null}}').well()
    assert place.json("get", "cm", "patched")["data"] == {"b": "3"}
    assert place.kubectl("patch", "cm", "patched", "--type=json", "-p", replace).failed()
    place.kubectl("label", "cm", "patched", "x=y").well()
    place.kubectl("annotate", "cm", "patched", "note=here").well()
    assert place.kubectl("get", "cm", "-l", "x=y", "-o", "name").well() == "configmap/patched\n"


def test_a_dry_run_changes_nothing(place: KubePlace) -> None:
    text = json.dumps(config_map("dry", a="1"))
    assert "server dry run" in place.kubectl("create", "--dry-run=server", "-f", "-", stdin=text).well()
    assert "not found" in place.kubectl("get", "cm", "dry").failed()
    assert "+  a: " in place.kubectl("diff", "-f", "-", stdin=text).out


def test_a_deployment_and_its_rollouts(place: KubePlace) -> None:
    place.apply(deployment("web", replicas=2, COLOUR="red"))
    wait = ("rollout", "status", "deployment/web", "--timeout=100s")
    assert "successfully rolled out" in place.kubectl(*wait).well()
    place.kubectl("scale", "deployment/web", "--replicas=1").well()
    place.kubectl("set", "env", "deployment/web", "COLOUR=blue").well()
    place.kubectl(*wait).well()
    assert len(place.kubectl("rollout", "history", "deployment/web").well().splitlines()) >= 4
    place.kubectl("rollout", "undo", "deployment/web").well()
    place.kubectl("rollout", "restart", "deployment/web").well()
    place.kubectl(*wait).well()
    found = place.json("get", "deployment", "web")
    (variable,) = found["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable["value"] == "red" and found["spec"]["replicas"] == 1
    place.kubectl("autoscale", "deployment", "web", "--max=3").well()
    place.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=100s").well()


def test_delete_waits_until_it_is_gone(place: KubePlace) -> None:
    place.apply(config_map("gone-1", a="1"), config_map("gone-2", a="1"))
    place.kubectl("label", "cm", "gone-1", "gone-2", "going=yes").well()
    assert place.kubectl("delete", "cm", "-l", "going=yes").well().count("deleted") == 2
    assert place.kubectl("get", "cm", "-l", "going=yes", "-o", "name").well() == ""


def test_drain_and_uncordon(place: KubePlace) -> None:
    name = place.json("get", "nodes")["items"][-1]["metadata"]["name"]
    spec = pod("drained")
    spec["spec"]["nodeName"] = name
    place.apply(spec)
    more = () if isinstance(place.cluster, ApiServer) else ("--dry-run=server",)
    told = place.kubectl("drain", name, "--ignore-daemonsets", "--force", "--delete-emptydir-data", *more).well()
    assert f"{name} drained" in told
    place.kubectl("uncordon", name, *more).well()


def test_what_may_i(place: KubePlace) -> None:
    assert place.kubectl("auth", "can-i", "get", "pods").well() == "yes\n"
    assert "Username" in place.kubectl("auth", "whoami").well()
    assert "*.*" in place.kubectl("auth", "can-i", "--list").well()


def test_debug_adds_a_container(place: KubePlace) -> None:
    place.apply(pod("debugged"))
    place.kubectl("wait", "--for=condition=Ready", "pod/debugged", "--timeout=100s").well()
    place.kubectl("debug", "debugged", "--image=busybox:1.36", "-c", "looker").well()
    (found,) = place.json("get", "pod", "debugged")["spec"]["ephemeralContainers"]
    assert found["name"] == "looker"
