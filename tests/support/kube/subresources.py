"""Subresources that are no streams: scale, status, eviction, approval, finalize; and logs, which may be followed."""

from __future__ import annotations

import asyncio
import contextlib

from tests.support.kube.answers import read_body
from tests.support.kube.controllers import Controllers
from tests.support.kube.errors import ApiError, Json, bad_request
from tests.support.kube.objects import Objects
from tests.support.kube.patches import json_patch, merge_patch, strategic
from tests.support.kube.places import Place
from tests.support.kube.store import Store
from tests.support.kube.wire import Connection, Gone, Request

_STEP = 0.02
"""Seconds between looks at a log that is followed."""


def scale(store: Store, place: Place, request: Request) -> Json:
    """Read or write `scale` of a workload."""
    item = store.get(place.kind, place.namespace, place.name)
    if place.verb in ("update", "patch"):
        wanted = _wanted_scale(item, place, request)
        given = wanted.get("metadata", {}).get("resourceVersion")
        item["spec"]["replicas"] = int(wanted["spec"].get("replicas", 0))
        item["metadata"]["resourceVersion"] = given or item["metadata"]["resourceVersion"]
        if not request.all("dryRun"):
            item = store.update(place.kind, item)
    return _scale_of(item)


def _wanted_scale(item: Json, place: Place, request: Request) -> Json:
    body = read_body(request)
    if place.verb == "update":
        return dict(body)
    media = request.header("content-type").partition(";")[0]
    if "json-patch" in media:
        return json_patch(_scale_of(item), body)
    return dict(strategic(_scale_of(item), body) if "strategic" in media else merge_patch(_scale_of(item), body))


def _scale_of(item: Json) -> Json:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = (item["spec"].get("selector") or {}).get("matchLabels", {})
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: item["metadata"][key] for key in kept if key in item["metadata"]},
        "spec": {"replicas": item["spec"].get("replicas", 0)},
        "status": {
            "replicas": item.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
        },
    }


def evict(store: Store, place: Place) -> Json:
    """pods/NAME/eviction: 429 when a disruption budget forbids it."""
    pod = store.get(place.kind, place.namespace, place.name)
    for budget in store.find(store.named("PodDisruptionBudget"), place.namespace):
        wanted = budget["spec"].get("selector", {}).get("matchLabels", {})
        labels = pod["metadata"].get("labels", {})
        if (
            all(labels.get(key) == value for key, value in wanted.items())
            and str(budget["spec"].get("maxUnavailable")) == "0"
        ):
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            raise ApiError(429, "TooManyRequests", message, {"retryAfterSeconds": 1})
    store.delete(place.kind, place.namespace, place.name)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def changed(objects: Objects, store: Store, place: Place, request: Request) -> Json:
    """`status`, `approval`, `finalize`, `ephemeralcontainers`: the object itself, read or written."""
    match place.verb:
        case "get":
            return store.get(place.kind, place.namespace, place.name)
        case "update":
            return objects.update(place, request)
        case "patch":
            return objects.patch(place, request)[0]
        case _:
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


async def log(controllers: Controllers, store: Store, place: Place, request: Request, connection: Connection) -> None:
    """pods/NAME/log: `tailLines`, `limitBytes`, `follow`."""
    pod = store.get(place.kind, place.namespace, place.name)
    names = [each["name"] for each in pod["spec"]["containers"]]
    wanted = request.first("container")
    if wanted and wanted not in names:
        raise bad_request(f"container {wanted} is not valid for pod {place.name}")
    if not wanted and len(names) > 1:
        raise bad_request(f"a container name must be specified for pod {place.name}, choose one of: {names}")
    file = controllers.pod_log(place.namespace, place.name)
    data = file.read_bytes()
    sent = len(data)
    if request.first("tailLines"):
        data = b"".join(data.splitlines(keepends=True)[-int(request.first("tailLines")) :])
    if request.first("limitBytes"):
        data = data[: int(request.first("limitBytes"))]
    await connection.start("text/plain")
    await connection.chunk(data)
    if request.true("follow"):
        gone = asyncio.create_task(connection.departure())
        with contextlib.suppress(Gone):
            while not gone.done() and file.exists() and pod["status"]["phase"] == "Running":
                with file.open("rb") as opened:
                    opened.seek(sent)
                    more = opened.read(65536)
                sent += len(more)
                await connection.chunk(more)
                if not more:
                    await asyncio.wait({gone}, timeout=_STEP)
        gone.cancel()
    await connection.end()
    connection.close = connection.close or request.true("follow")
