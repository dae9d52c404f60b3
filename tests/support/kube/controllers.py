"""What controllers and kubelets do, at once: replica sets, pods that run, jobs that succeed, cascading deletion."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from tests.support.kube.errors import ApiError, Json
from tests.support.kube.kinds import Kind
from tests.support.kube.selectors import matches_selector
from tests.support.kube.store import Store, now

LOG = "kube.test/log"
"""Annotation of a pod: what its log says."""
REVISION = "deployment.kubernetes.io/revision"


class Controllers:
    """Follows the store. Pods have a folder each, with their log; what is executed in them runs there."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder
        store.changed.append(self._changed)

    def pod_folder(self, namespace: str, name: str) -> Path:
        """Where a pod lives."""
        return self._folder / "pods" / namespace / name

    def pod_log(self, namespace: str, name: str) -> Path:
        """What a pod printed."""
        return self.pod_folder(namespace, name) / ".log"

    def _changed(self, kind: Kind, item: Json, type_: str) -> None:
        if type_ == "DELETED":
            self._orphans(kind, item)
            owner = next(iter(item["metadata"].get("ownerReferences", ())), None)
            if kind.kind == "Pod" and owner:
                self._again(owner, item["metadata"]["namespace"])
            return
        match kind.kind:
            case "Deployment":
                self._deployment(item)
            case "ReplicaSet" | "StatefulSet":
                self._replicas(kind, item)
            case "DaemonSet":
                self._daemons(item)
            case "Pod" if "phase" not in item.get("status", {}):
                self._pod(item)
            case "Job" if not item.get("status"):
                self._job(item)
            case "CronJob" | _:
                pass

    def _orphans(self, kind: Kind, item: Json) -> None:
        name, uid = item["metadata"]["name"], item["metadata"]["uid"]
        for other in list(self._store.kinds):
            for each in self._store.find(other) if "list" in other.verbs else ():
                owners = each["metadata"].get("ownerReferences", ())
                inside = kind.kind == "Namespace" and each["metadata"].get("namespace") == name and other.namespaced
                if inside or any(owner["uid"] == uid for owner in owners):
                    with contextlib.suppress(ApiError):
                        self._store.delete(other, each["metadata"].get("namespace", ""), each["metadata"]["name"])

    def _again(self, owner: Json, namespace: str) -> None:
        kind = self._store.named(owner["kind"])
        with contextlib.suppress(ApiError):
            self._changed(kind, self._store.get(kind, namespace, owner["name"]), "MODIFIED")

    # -- workloads ------------------------------------------------------------------------------------------------

    def _deployment(self, item: Json) -> None:
        about, spec = item["metadata"], item["spec"]
        sets = self._store.named("ReplicaSet")
        mine = [s for s in self._store.find(sets, about["namespace"]) if _owned(s, about["uid"])]
        digest = hashlib.sha256(json.dumps(spec["template"], sort_keys=True).encode()).hexdigest()[:10]
        name = f"{about['name']}-{digest}"
        revision = max((int(s["metadata"]["annotations"][REVISION]) for s in mine), default=0)
        present = next((s for s in mine if s["metadata"]["name"] == name), None)
        if present is None or int(present["metadata"]["annotations"][REVISION]) < revision:
            revision += 1
        wanted = int(spec.get("replicas", 1))
        if present is None:
            self._store.create(sets, _replica_set(item, name, digest, wanted, revision))
        else:
            self._scale(present, wanted, revision)
        for other in mine:
            if other["metadata"]["name"] != name:
                self._scale(other, 0, int(other["metadata"]["annotations"][REVISION]))
        self._deployment_status(about["namespace"], about["name"], wanted, revision)

    def _scale(self, replica_set: Json, wanted: int, revision: int) -> None:
        before = (replica_set["spec"]["replicas"], replica_set["metadata"]["annotations"][REVISION])
        if before != (wanted, str(revision)):
            replica_set["spec"]["replicas"] = wanted
            replica_set["metadata"]["annotations"][REVISION] = str(revision)
            self._store.update(self._store.named("ReplicaSet"), replica_set)

    def _deployment_status(self, namespace: str, name: str, wanted: int, revision: int) -> None:
        kind = self._store.named("Deployment")
        fresh = self._store.get(kind, namespace, name)
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
        conditions = [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ]
        status = {"observedGeneration": fresh["metadata"]["generation"], **counts, "conditions": conditions}
        annotations = fresh["metadata"].setdefault("annotations", {})
        if fresh.get("status") != status or annotations.get(REVISION) != str(revision):
            annotations[REVISION] = str(revision)
            self._store.update(kind, {**fresh, "status": status})

    def _replicas(self, kind: Kind, item: Json) -> None:
        about, spec = item["metadata"], item["spec"]
        pods = self._store.named("Pod")
        mine = [p for p in self._store.find(pods, about["namespace"]) if _owned(p, about["uid"])]
        wanted = int(spec.get("replicas", 1))
        for number in range(wanted - len(mine)):
            taken = {p["metadata"]["name"] for p in self._store.find(pods, about["namespace"])}
            name = next(n for n in _names(kind, about["name"], number) if n not in taken)
            self._store.create(pods, _pod_of(kind, item, name))
        for each in mine[wanted:]:
            with contextlib.suppress(ApiError):
                self._store.delete(pods, about["namespace"], each["metadata"]["name"])
        with contextlib.suppress(ApiError):
            fresh = self._store.get(kind, about["namespace"], about["name"])
            counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), wanted)
            if kind.kind == "StatefulSet":
                counts |= {"updatedReplicas": wanted, "currentReplicas": wanted}
            status = {"observedGeneration": fresh["metadata"]["generation"], **counts}
            if fresh.get("status") != status:
                self._store.update(kind, {**fresh, "status": status})

    def _daemons(self, item: Json) -> None:
        about = item["metadata"]
        kind, pods = self._store.named("DaemonSet"), self._store.named("Pod")
        mine = [p for p in self._store.find(pods, about["namespace"]) if _owned(p, about["uid"])]
        nodes = [n["metadata"]["name"] for n in self._store.find(self._store.named("Node"))]
        for node in nodes:
            if not any(p["spec"].get("nodeName") == node for p in mine):
                pod = _pod_of(kind, item, f"{about['name']}-{node}")
                pod["spec"]["nodeName"] = node
                self._store.create(pods, pod)
        fresh = self._store.get(kind, about["namespace"], about["name"])
        fields = (
            "desiredNumberScheduled",
            "currentNumberScheduled",
            "numberReady",
            "updatedNumberScheduled",
            "numberAvailable",
        )
        status = {"observedGeneration": fresh["metadata"]["generation"], **dict.fromkeys(fields, len(nodes))}
        if fresh.get("status") != status:
            self._store.update(kind, {**fresh, "status": status})

    def _job(self, item: Json) -> None:
        about = item["metadata"]
        kind, pods = self._store.named("Job"), self._store.named("Pod")
        pod = _pod_of(kind, item, f"{about['name']}-{about['uid'][:5]}")
        pod["metadata"]["annotations"] = {"kube.test/ends": "Succeeded", **pod["metadata"].get("annotations", {})}
        self._store.create(pods, pod)
        done = [{"type": "Complete", "status": "True", "lastTransitionTime": now()}]
        fresh = self._store.get(kind, about["namespace"], about["name"])
        times = {"startTime": now(), "completionTime": now()}
        self._store.update(kind, {**fresh, "status": {"succeeded": 1, "conditions": done, **times}})

    # -- pods -----------------------------------------------------------------------------------------------------

    def _pod(self, item: Json) -> None:
        about, spec = item["metadata"], item["spec"]
        annotations = about.get("annotations", {})
        log = self.pod_log(about["namespace"], about["name"])
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(annotations.get(LOG, f"{about['name']} started\n"))
        spec.setdefault("nodeName", self._node())
        spec.setdefault("securityContext", {})  # there on every pod; kubectl debug falls over without
        phase = annotations.get("kube.test/ends", "Running")
        running = phase == "Running"
        state = {"running": {"startedAt": now()}} if running else {"terminated": {"exitCode": 0, "reason": "Completed"}}
        states = [
            {
                "name": each["name"],
                "image": each["image"],
                "imageID": "",
                "ready": running,
                "started": running,
                "restartCount": 0,
                "state": state,
            }
            for each in spec["containers"]
        ]
        ready = {"status": "True" if running else "False", "lastTransitionTime": now()}
        conditions = [{"type": type_, **ready} for type_ in ("Initialized", "Ready", "ContainersReady", "PodScheduled")]
        address = {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}], "hostIP": "127.0.0.1", "startTime": now()}
        status = {
            "phase": phase,
            "conditions": conditions,
            "containerStatuses": states,
            "qosClass": "BestEffort",
            **address,
        }
        self._store.update(self._store.named("Pod"), {**item, "status": status})

    def _node(self) -> str:
        nodes = self._store.find(self._store.named("Node"))
        return next((n["metadata"]["name"] for n in nodes if not n["spec"].get("unschedulable")), "")


def _owned(item: Json, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", ()))


def _owner(kind: str, api_version: str, about: Json) -> list[Json]:
    told = {"apiVersion": api_version, "kind": kind, "name": about["name"], "uid": about["uid"]}
    return [{**told, "controller": True, "blockOwnerDeletion": True}]


def _replica_set(item: Json, name: str, digest: str, wanted: int, revision: int) -> Json:
    about, spec = item["metadata"], json.loads(json.dumps(item["spec"]))
    template = spec["template"]
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    labels["pod-template-hash"] = digest
    selector = {"matchLabels": {**spec.get("selector", {}).get("matchLabels", {}), "pod-template-hash": digest}}
    assert matches_selector(selector, labels), "the selector does not match the template"
    inner = {
        "name": name,
        "namespace": about["namespace"],
        "labels": labels,
        "annotations": {**about.get("annotations", {}), REVISION: str(revision)},
        "ownerReferences": _owner("Deployment", "apps/v1", about),
    }
    inner["annotations"].pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return {"metadata": inner, "spec": {"replicas": wanted, "selector": selector, "template": template}}


def _names(kind: Kind, base: str, number: int) -> list[str]:
    if kind.kind == "StatefulSet":
        return [f"{base}-{index}" for index in range(1000)]
    seeds = (f"{base}/{number}/{attempt}/{now()}" for attempt in range(1000))
    return [f"{base}-{hashlib.sha256(seed.encode()).hexdigest()[:5]}" for seed in seeds]


def _pod_of(kind: Kind, item: Json, name: str) -> Json:
    template = json.loads(json.dumps(item["spec"]["template"]))
    about = template.get("metadata") or {}
    about |= {
        "name": name,
        "namespace": item["metadata"]["namespace"],
        "ownerReferences": _owner(kind.kind, kind.api_version, item["metadata"]),
    }
    return {"metadata": about, "spec": template["spec"]}
