"""Masked values come back in writes of real clients, and are put back where they were (M11)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from tests.support.kube.place import RESTORING, KubePlace
from tests.support.kube.programs import OLD, Ran
from tests.support.kube.samples import config_map, deployment

HIDDEN = "hunter2-very-secret"
VERSIONS = ("", OLD)


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    yield running
    running.gone()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(name: str, **data: str) -> dict[str, Any]:
    told = {"password": HIDDEN, "user": "root", **data}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "data": {key: b64(value) for key, value in told.items()},
    }


def saved(place: KubePlace, kind: str, name: str, version: str = "") -> dict[str, Any]:
    """`kubectl get -o yaml`, with nothing of the values in it."""
    text = place.kubectl("get", kind, name, "-o", "yaml", target=RESTORING, version=version).well()
    assert HIDDEN not in text and b64(HIDDEN) not in text
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def send(place: KubePlace, thing: Any, *command: str, version: str = "") -> Ran:
    """`kubectl … -f -` with a manifest in YAML, as people save them."""
    return place.kubectl(*command, "-f", "-", target=RESTORING, version=version, stdin=yaml.safe_dump(thing))


def live(place: KubePlace, kind: str, name: str) -> Any:
    """As it is."""
    return place.json("get", kind, name)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("command", [("replace",), ("apply",), ("apply", "--server-side", "--force-conflicts")])
def test_get_and_write_back(place: KubePlace, command: tuple[str, ...], version: str) -> None:
    name = "back-" + "-".join(command).replace("--", "") + version.replace(".", "")
    place.apply(secret(name))
    thing = saved(place, "secret", name, version)
    thing["metadata"]["labels"] = {"changed": "yes"}
    if "--server-side" in command:
        thing["metadata"].pop("annotations", None)
    assert send(place, thing, *command, version=version).well()
    found = live(place, "secret", name)
    assert found["data"] == secret(name)["data"] and found["metadata"]["labels"] == {"changed": "yes"}
    assert "@masked" not in json.dumps(found) and b64("@masked:v1") not in json.dumps(found)


@pytest.mark.parametrize("version", VERSIONS)
def test_one_value_changed_and_the_others_put_back(place: KubePlace, version: str) -> None:
    name = f"one{version.replace('.', '')}"
    place.apply(secret(name))
    thing = saved(place, "secret", name, version)
    thing["data"]["user"] = b64("somebody")
    assert send(place, thing, "replace", version=version).well()
    found = live(place, "secret", name)
    assert found["data"] == secret(name, user="somebody")["data"]
    applied = json.loads(found["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"])
    assert applied["data"] == found["data"]  # kubectl keeps the object there once more


@pytest.mark.parametrize("version", VERSIONS)
def test_edit(place: KubePlace, tmp_path: Path, version: str) -> None:
    name = f"edited{version.replace('.', '')}"
    place.apply(secret(name))
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/^  user: .*/  user: bmV3/' \"$1\"\n")
    editor.chmod(0o755)
    edit = ("edit", "secret", name, "--save-config")
    assert "edited" in place.kubectl(*edit, target=RESTORING, version=version, KUBE_EDITOR=str(editor)).well()
    found = live(place, "secret", name)
    assert found["data"] == secret(name, user="new")["data"] and b64("@masked:v1") not in json.dumps(found)


def test_patches_that_carry_what_was_shown(place: KubePlace) -> None:
    place.apply(secret("patched"))
    for kind in ("merge", "strategic"):
        shown = saved(place, "secret", "patched")["data"]["password"]
        patch = json.dumps({"data": {"password": shown, "user": b64(kind)}})
        place.kubectl("patch", "secret", "patched", f"--type={kind}", "-p", patch, target=RESTORING).well()
        assert live(place, "secret", "patched")["data"] == secret("patched", user=kind)["data"]
    shown = saved(place, "secret", "patched")["data"]["password"]
    steps = [
        {"op": "replace", "path": "/data", "value": {"password": shown, "user": b64("json")}},
        {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
    ]
    place.kubectl("patch", "secret", "patched", "--type=json", "-p", json.dumps(steps), target=RESTORING).well()
    assert live(place, "secret", "patched")["data"] == secret("patched", user="json")["data"]


def test_variables_of_a_deployment_and_keys_of_a_config_map(place: KubePlace) -> None:
    place.apply(deployment("web", replicas=1, API_TOKEN=HIDDEN, MODE="slow"))
    place.apply(config_map("settings", password=HIDDEN, plain="1"))
    for command in (("replace",), ("apply",)):
        thing = saved(place, "deployment", "web")
        (container,) = thing["spec"]["template"]["spec"]["containers"]
        container["env"].insert(0, {"name": f"MORE{len(container['env'])}", "value": "x"})
        thing["metadata"].pop("resourceVersion")  # controllers write its status
        send(place, thing, *command).well()
        env = live(place, "deployment", "web")["spec"]["template"]["spec"]["containers"][0]["env"]
        assert {"name": "API_TOKEN", "value": HIDDEN} in env
        settings = saved(place, "cm", "settings")
        settings["data"]["plain"] = command[0]
        send(place, settings, *command).well()
        assert live(place, "cm", "settings")["data"] == {"password": HIDDEN, "plain": command[0]}


def test_what_cannot_be_put_back_names_its_field(place: KubePlace) -> None:
    place.apply(secret("moved"), secret("other"), config_map("kept", kept=HIDDEN, password="x" * 12, plain="1"))
    thing = saved(place, "secret", "moved")
    thing["data"]["user"], thing["data"]["password"] = thing["data"]["password"], thing["data"]["user"]
    assert "data." in send(place, thing, "replace").failed()
    thing = saved(place, "secret", "moved")
    thing["metadata"].setdefault("annotations", {})["note"] = thing["data"]["password"]
    assert "metadata.annotations.note" in send(place, thing, "replace").failed()
    thing = saved(place, "secret", "moved")
    shown = thing["data"]["password"]
    patch = json.dumps({"data": {"password": shown}})
    told = place.kubectl("patch", "secret", "other", "--type=merge", "-p", patch, target=RESTORING).failed()
    assert "data.password" in told and "another object" in told
    settings = saved(place, "cm", "kept")
    assert "data.kept" in send(place, settings, "replace").failed()
    thing["metadata"] = {"name": "new"}
    told = send(place, thing, "create").failed()
    assert "no object yet" in told and "data.password" in told
    assert live(place, "secret", "moved")["data"] == secret("moved")["data"]


def test_a_change_in_between_is_a_conflict(place: KubePlace) -> None:
    place.apply(secret("raced"))
    thing = saved(place, "secret", "raced")
    place.kubectl("label", "secret", "raced", "a=b").well()
    told = send(place, thing, "replace").failed()
    assert "Conflict" in told or "cannot be fulfilled" in told
    thing["metadata"].pop("resourceVersion")
    assert "before it was changed" in send(place, thing, "replace").failed()
