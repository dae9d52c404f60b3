"""Creating, reading, changing and deleting objects: defaults, validation, dry runs, patches of every kind."""

from __future__ import annotations

import base64
import binascii
import copy
import re
import secrets
from typing import Any

from tests.support.kube import ownership
from tests.support.kube.answers import read_body
from tests.support.kube.errors import ApiError, Json, bad_request, conflict, invalid
from tests.support.kube.patches import json_patch, merge_patch, strategic
from tests.support.kube.places import Place
from tests.support.kube.selectors import fields_match, labels_match
from tests.support.kube.store import Store, now
from tests.support.kube.wire import Request

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.:]*[a-z0-9])?")
_LATER = 5
"""Names made by generateName end in so many letters."""


class Objects:
    """What the API does with objects."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- reading --------------------------------------------------------------------------------------------------

    def listed(self, place: Place, request: Request) -> Json:
        """A list, or a page of one: `limit`, and `continue` where it goes on."""
        items = [each for each in self._store.find(place.kind, place.namespace) if chosen(each, place, request)]
        about: Json = {"resourceVersion": str(self._store.version)}
        begin = _offset(request.first("continue"))
        limit = int(request.first("limit", "0") or 0)
        if limit and begin + limit < len(items):
            about["continue"] = base64.urlsafe_b64encode(b"%d" % (begin + limit)).decode()
            about["remainingItemCount"] = len(items) - begin - limit
        page = items[begin : begin + limit] if limit else items[begin:]
        kind = place.kind
        return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": about, "items": page}

    # -- writing --------------------------------------------------------------------------------------------------

    def create(self, place: Place, request: Request) -> Json:
        """POST on a collection."""
        item = self._given(place, request)
        about = item["metadata"]
        if about.get("generateName") and not about.get("name"):
            about["name"] = about["generateName"] + secrets.token_hex(_LATER)[:_LATER]
        return self._created(place, request, item)

    def _created(self, place: Place, request: Request, item: Json, record: bool = True) -> Json:
        self._check(place, item)
        item.pop("status", None)
        defaults(item, place)
        if record:
            ownership.updated(None, item, manager_of(request), place.kind.api_version)
        if request.all("dryRun"):
            item["metadata"] |= {"uid": "00000000-0000-0000-0000-000000000000", "creationTimestamp": now()}
            return {**item, "kind": place.kind.kind, "apiVersion": place.kind.api_version}
        if place.kind.namespaced:
            self._store.get(self._store.named("Namespace"), "", item["metadata"]["namespace"])
        return self._store.create(place.kind, item)

    def update(self, place: Place, request: Request) -> Json:
        """PUT of a whole object."""
        item = self._given(place, request)
        if item["metadata"].get("name") != place.name:
            raise bad_request("the name of the object does not match the name on the URL")
        before = self._store.get(place.kind, place.namespace, place.name)
        return self._changed(place, request, before, item)

    def patch(self, place: Place, request: Request) -> tuple[Json, bool]:
        """PATCH by content type: (the object, whether an apply made it)."""
        kind = request.header("content-type").partition(";")[0].strip()
        if kind.startswith("application/apply-patch"):
            return self._applied(place, request)
        before = self._store.get(place.kind, place.namespace, place.name)
        patch = read_body(request)
        if kind == "application/strategic-merge-patch+json" and "." in place.kind.group.removesuffix(".k8s.io"):
            raise ApiError(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        return self._changed(place, request, before, _patched(kind, before, patch)), False

    def _changed(self, place: Place, request: Request, before: Json, item: Json, record: bool = True) -> Json:
        item = {**item, "kind": place.kind.kind, "apiVersion": place.kind.api_version}
        self._check(place, item)
        if place.sub == "status":
            item = {**before, "status": item.get("status", {})}
        elif "status" in before and place.sub != "scale":
            item["status"] = before["status"]
        if place.kind.kind == "Secret" and "stringData" in item:
            defaults(item, place)
        if before.get("type") != item.get("type") and place.kind.kind == "Secret":
            raise invalid("Secret", place.name, "type", "field is immutable")
        if record:
            ownership.updated(before, item, manager_of(request), place.kind.api_version)
        if request.all("dryRun"):
            given = item["metadata"].get("resourceVersion")
            if given and given != before["metadata"]["resourceVersion"]:
                raise conflict(place.kind.full, place.name, "the object has been modified")
            return item
        return self._store.update(place.kind, item)

    def _applied(self, place: Place, request: Request) -> tuple[Json, bool]:
        wanted = read_body(request)
        manager = request.first("fieldManager")
        if not manager:
            raise bad_request(
                "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
            )
        wanted = self._complete(place, wanted)
        try:
            live: Json | None = self._store.get(place.kind, place.namespace, place.name)
        except ApiError:
            live = None
        item = ownership.applied(live, wanted, manager, request.true("force"), place.kind.api_version)
        if live is None:
            return self._created(place, request, item, record=False), True
        item["metadata"].pop("resourceVersion", None)
        return self._changed(place, request, live, item, record=False), False

    def delete(self, place: Place, request: Request) -> tuple[Json, bool]:
        """DELETE of one: (what it was, whether it is gone). Preconditions and orphaning are honoured."""
        options = read_body(request) if request.body else {}
        before = self._store.get(place.kind, place.namespace, place.name)
        wanted = options.get("preconditions") or {}
        for field in ("uid", "resourceVersion"):
            if wanted.get(field) and wanted[field] != before["metadata"][field]:
                raise conflict(place.kind.full, place.name, f"Precondition failed: {field}")
        if options.get("dryRun") or request.all("dryRun"):
            return before, True
        policy = options.get("propagationPolicy") or request.first("propagationPolicy")
        if policy == "Orphan":
            self._orphan(before["metadata"]["uid"])
        return self._store.delete(place.kind, place.namespace, place.name)

    def _orphan(self, uid: str) -> None:
        for kind in self._store.kinds:
            for each in self._store.find(kind) if "list" in kind.verbs else ():
                owners = each["metadata"].get("ownerReferences", [])
                kept = [owner for owner in owners if owner["uid"] != uid]
                if len(kept) < len(owners):
                    each["metadata"]["ownerReferences"] = kept
                    self._store.update(kind, each)

    def delete_all(self, place: Place, request: Request) -> Json:
        """DELETE of a collection: the list of what is gone."""
        found = self.listed(place, request)
        for each in found["items"]:
            if not request.all("dryRun"):
                self._store.delete(place.kind, each["metadata"].get("namespace", ""), each["metadata"]["name"])
        return found

    # -- what objects must be -------------------------------------------------------------------------------------

    def _given(self, place: Place, request: Request) -> Json:
        return self._complete(place, read_body(request))

    def _complete(self, place: Place, item: Any) -> Json:
        if not isinstance(item, dict):
            raise bad_request("the body is no object")
        about = item.setdefault("metadata", {}) or {}
        item["metadata"] = {key: value for key, value in about.items() if value is not None}
        given, wanted = (item.get("apiVersion"), item.get("kind")), (place.kind.api_version, place.kind.kind)
        if given != wanted:
            raise bad_request(f"the object provided is unrecognized: {given[0]}, Kind={given[1]}, wanted {wanted}")
        if place.kind.namespaced and item["metadata"].setdefault("namespace", place.namespace) != place.namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if place.name:
            item["metadata"].setdefault("name", place.name)
        return item

    def _check(self, place: Place, item: Json) -> None:
        name = item["metadata"].get("name", "")
        if not name:
            raise invalid(place.kind.kind, "", "metadata.name", "Required value: name or generateName is required")
        if not _NAME.fullmatch(name):
            why = f'Invalid value: "{name}": a lowercase RFC 1123 subdomain has lower case alphanumeric characters'
            raise invalid(place.kind.kind, name, "metadata.name", why)
        if place.kind.kind == "Secret":
            for key, value in (item.get("data") or {}).items():
                try:
                    base64.b64decode(value, validate=True)
                except (ValueError, binascii.Error):
                    why = (
                        f'Secret in version "v1" cannot be handled as a Secret: illegal base64 data in {key}: {value!r}'
                    )
                    raise bad_request(why) from None


def chosen(item: Json, place: Place, request: Request) -> bool:
    """Whether a list or a watch has an object."""
    if place.namespace and item["metadata"].get("namespace") != place.namespace:
        return False
    if place.name and item["metadata"]["name"] != place.name:
        return False
    labels = item["metadata"].get("labels") or {}
    return labels_match(request.first("labelSelector"), labels) and fields_match(request.first("fieldSelector"), item)


def manager_of(request: Request) -> str:
    """Who writes: `fieldManager`, or the program's name."""
    return request.first("fieldManager") or request.header("user-agent").partition("/")[0] or "unknown"


def defaults(item: Json, place: Place) -> None:
    """What the API server fills in."""
    spec = item.get("spec") or {}
    match place.kind.kind:
        case "Secret":
            item.setdefault("type", "Opaque")
            for key, value in (item.pop("stringData", None) or {}).items():
                item.setdefault("data", {})[key] = base64.b64encode(str(value).encode()).decode()
        case "Namespace":
            item.setdefault("status", {"phase": "Active"})
            item["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = item["metadata"]["name"]
        case "CustomResourceDefinition":
            conditions = [
                {"type": each, "status": "True", "reason": "Fine"} for each in ("NamesAccepted", "Established")
            ]
            item["status"] = {"conditions": conditions, "acceptedNames": spec["names"], "storedVersions": ["v1"]}
        case "Deployment" | "StatefulSet":
            spec.setdefault("replicas", 1)
            spec.setdefault("template", {}).setdefault("metadata", {})
            if place.kind.kind == "Deployment":
                rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
                spec.setdefault("strategy", rolling)
            else:
                spec.setdefault("updateStrategy", {"type": "RollingUpdate"})
        case "Service":
            spec.setdefault("type", "ClusterIP")
            spec.setdefault("clusterIP", "10.0.0.1")
        case "Pod":
            spec.setdefault("restartPolicy", "Always")
            spec.setdefault("terminationGracePeriodSeconds", 30)


def _patched(kind: str, before: Json, patch: Any) -> Json:
    match kind:
        case "application/json-patch+json":
            return json_patch(before, patch)
        case "application/merge-patch+json":
            return dict(merge_patch(before, patch))
        case "application/strategic-merge-patch+json":
            return dict(strategic(copy.deepcopy(before), patch))
        case _:
            raise ApiError(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {kind}")


def _offset(token: str) -> int:
    return int(base64.urlsafe_b64decode(token)) if token else 0
