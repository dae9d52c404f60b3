"""Helm through a live gateway: releases are Secrets with all that was rendered; a target shows them or does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kube.place import MASKED, PLAIN, RESTORING, KubePlace
from tests.support.kube.programs import Ran, helm_path, run

_CHART = "apiVersion: v2\nname: shop\nversion: 0.1.0\n"
_TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-config"}
data: {colour: "{{ .Values.colour }}"}
---
apiVersion: v1
kind: Secret
metadata: {name: "{{ .Release.Name }}-secret"}
stringData: {password: rendered-by-helm}
"""

_KEPT = """\
{{- $old := lookup "v1" "Secret" .Release.Namespace .Release.Name }}
apiVersion: v1
kind: Secret
metadata:
  name: "{{ .Release.Name }}"
  labels: {colour: "{{ .Values.colour }}"}
data:
  password: {{ if $old }}{{ index $old.data "password" }}{{ else }}{{ b64enc "made-at-the-first" }}{{ end }}
"""
"""What charts do that make a password once and keep it."""


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    chart = running.folder / "chart"
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text(_CHART)
    (chart / "values.yaml").write_text("colour: red\n")
    (chart / "templates" / "all.yaml").write_text(_TEMPLATE)
    yield running
    running.gone()


def test_a_chart_that_keeps_a_password_it_is_not_shown(place: KubePlace) -> None:
    """M11: it looks its own Secret up, and renders what it was shown."""
    folder = place.folder / "keeping"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(_CHART)
    (folder / "values.yaml").write_text("colour: red\n")
    (folder / "templates" / "all.yaml").write_text(_KEPT)
    helm(place, "install", "keeps", str(folder), target=RESTORING).well()
    for colour in ("blue", "green"):
        helm(place, "upgrade", "keeps", str(folder), "--set", f"colour={colour}", target=RESTORING).well()
        found = place.json("get", "secret", "keeps")
        assert (
            found["data"] == {"password": "bWFkZS1hdC10aGUtZmlyc3Q="}
            and found["metadata"]["labels"]["colour"] == colour
        )
    helm(place, "uninstall", "keeps", target=RESTORING).well()


def helm(place: KubePlace, *arguments: str, target: str = PLAIN) -> Ran:
    return run([helm_path(), *arguments], place.environ(target=target), cwd=place.folder)


def chart(place: KubePlace) -> str:
    return str(Path(place.folder) / "chart")


@pytest.mark.parametrize("target", [PLAIN, "releases"])
def test_a_release_lives_where_its_secrets_are_shown(place: KubePlace, target: str) -> None:
    name = f"life-{target}"
    assert "deployed" in helm(place, "install", name, chart(place), target=target).well()
    assert name in helm(place, "list", target=target).well()
    helm(place, "upgrade", name, chart(place), "--set", "colour=blue", target=target).well()
    assert place.json("get", "cm", f"{name}-config")["data"] == {"colour": "blue"}
    assert len(json.loads(helm(place, "history", name, "-o", "json", target=target).well())) == 2
    helm(place, "rollback", name, "1", target=target).well()
    assert place.json("get", "cm", f"{name}-config")["data"] == {"colour": "red"}
    helm(place, "uninstall", name, target=target).well()
    assert "not found" in place.kubectl("get", "cm", f"{name}-config").failed()


@pytest.mark.parametrize("target", [MASKED, "no-releases"])
def test_a_release_is_not_told_where_secrets_are_hidden(place: KubePlace, target: str) -> None:
    """M10: what Helm rendered holds other Secrets: hidden or refused, and nothing that was there is destroyed."""
    name = f"kept-{target}"
    helm(place, "install", name, chart(place)).well()
    assert "rendered-by-helm" in helm(place, "get", "manifest", name).well()
    for arguments in (("list",), ("get", "manifest", name), ("get", "all", name)):
        ran = helm(place, *arguments, target=target)
        assert "rendered-by-helm" not in ran.out + ran.err
    assert name not in helm(place, "list", target=target).out
    assert helm(place, "upgrade", name, chart(place), "--set", "colour=blue", target=target).failed()
    assert name in helm(place, "list").well() and "colour: red" in helm(place, "get", "values", "--all", name).well()
