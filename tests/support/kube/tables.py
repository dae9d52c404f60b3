"""Tables: what `kubectl get` shows, made by the server (meta.k8s.io/v1 Table)."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from tests.support.kube.errors import Json
from tests.support.kube.kinds import Kind
from tests.support.kube.selectors import look

Column = tuple[str, str, int, Callable[[Json], Any]]
"""Name, type, priority (1 is shown with -o wide), cell."""


def age(item: Json) -> str:
    """How old an object is, as the server writes it."""
    made = datetime.datetime.fromisoformat(item["metadata"]["creationTimestamp"].replace("Z", "+00:00"))
    seconds = int((datetime.datetime.now(datetime.UTC) - made).total_seconds())
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"


def _at(path: str) -> Callable[[Json], Any]:
    return lambda item: look(item, path)


_NAME: Column = ("Name", "string", 0, _at("metadata.name"))
_AGE: Column = ("Age", "string", 0, age)


def _ready(item: Json) -> str:
    states = item.get("status", {}).get("containerStatuses", ())
    return f"{sum(each['ready'] for each in states)}/{len(item['spec']['containers'])}"


def _of_replicas(item: Json) -> str:
    return f"{item.get('status', {}).get('readyReplicas', 0)}/{item['spec'].get('replicas', 1)}"


def _ports(item: Json) -> str:
    return (
        ",".join(f"{each['port']}/{each.get('protocol', 'TCP')}" for each in item["spec"].get("ports", ())) or "<none>"
    )


def _node_status(item: Json) -> str:
    return "Ready,SchedulingDisabled" if item["spec"].get("unschedulable") else "Ready"


def _involved(item: Json) -> str:
    return f"{item['involvedObject']['kind'].lower()}/{item['involvedObject']['name']}"


def _number(path: str) -> Callable[[Json], Any]:
    return lambda item: look(item, path) or 0


_COLUMNS: dict[str, list[Column]] = {
    "Pod": [
        _NAME,
        ("Ready", "string", 0, _ready),
        ("Status", "string", 0, _at("status.phase")),
        ("Restarts", "string", 0, lambda item: "0"),
        _AGE,
        ("IP", "string", 1, _at("status.podIP")),
        ("Node", "string", 1, _at("spec.nodeName")),
        ("Nominated Node", "string", 1, lambda item: "<none>"),
        ("Readiness Gates", "string", 1, lambda item: "<none>"),
    ],
    "Deployment": [
        _NAME,
        ("Ready", "string", 0, _of_replicas),
        ("Up-to-date", "string", 0, _number("status.updatedReplicas")),
        ("Available", "string", 0, _number("status.availableReplicas")),
        _AGE,
    ],
    "StatefulSet": [_NAME, ("Ready", "string", 0, _of_replicas), _AGE],
    "ReplicaSet": [
        _NAME,
        ("Desired", "integer", 0, _number("spec.replicas")),
        ("Current", "integer", 0, _number("status.replicas")),
        ("Ready", "integer", 0, _number("status.readyReplicas")),
        _AGE,
    ],
    "Service": [
        _NAME,
        ("Type", "string", 0, _at("spec.type")),
        ("Cluster-IP", "string", 0, _at("spec.clusterIP")),
        ("External-IP", "string", 0, lambda item: "<none>"),
        ("Port(s)", "string", 0, _ports),
        _AGE,
    ],
    "Secret": [
        _NAME,
        ("Type", "string", 0, _at("type")),
        ("Data", "string", 0, lambda item: len(item.get("data", ()))),
        _AGE,
    ],
    "ConfigMap": [_NAME, ("Data", "string", 0, lambda item: len(item.get("data", ()))), _AGE],
    "Namespace": [_NAME, ("Status", "string", 0, _at("status.phase")), _AGE],
    "Node": [
        _NAME,
        ("Status", "string", 0, _node_status),
        ("Roles", "string", 0, lambda item: "<none>"),
        _AGE,
        ("Version", "string", 0, _at("status.nodeInfo.kubeletVersion")),
    ],
    "Event": [
        ("Last Seen", "string", 0, age),
        ("Type", "string", 0, _at("type")),
        ("Reason", "string", 0, _at("reason")),
        ("Object", "string", 0, _involved),
        ("Message", "string", 0, _at("message")),
    ],
}  # fmt: skip


def _columns(kind: Kind) -> list[Column]:
    if kind.columns:
        return [_NAME, *((name, "string", 0, _at(path.lstrip("."))) for name, path in kind.columns), _AGE]
    return _COLUMNS.get(kind.kind, [_NAME, ("Created At", "date", 0, _at("metadata.creationTimestamp"))])


def table(kind: Kind, items: list[Json], about: Json, include: str, headed: bool = True) -> Json:
    """A Table. `include` is what each row's object is: `Metadata` (the default), `Object`, `None`."""
    columns = _columns(kind)
    head = [
        {"name": name, "type": type_, "format": "name" if name == "Name" else "", "description": name, "priority": rank}
        for name, type_, rank, _ in columns
    ]
    rows = []
    for item in items:
        row: Json = {"cells": [cell(item) for *_, cell in columns]}
        if include != "None":
            row["object"] = item if include == "Object" else partial(item)
        rows.append(row)
    found = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": about, "rows": rows}
    return {**found, "columnDefinitions": head if headed else None}


def partial(item: Json) -> Json:
    """An object's metadata, annotations and all."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}
