"""What the server says it serves: legacy and aggregated discovery, version, OpenAPI as far as kubectl reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from tests.support.kube.errors import Json, no_such_path
from tests.support.kube.kinds import Kind

VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
    "buildDate": "2026-05-01T00:00:00Z",
    "goVersion": "go1.26",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_SUB_KINDS = {
    "scale": "Scale", "eviction": "Eviction", "binding": "Binding", "token": "TokenRequest", "exec": "PodExecOptions",
    "attach": "PodAttachOptions", "portforward": "PodPortForwardOptions", "proxy": "PodProxyOptions",
}  # fmt: skip
_SUB_GROUPS = {
    "scale": ("autoscaling", "v1"),
    "eviction": ("policy", "v1"),
    "token": ("authentication.k8s.io", "v1"),
}
_SUB_VERBS = {
    "exec": ["create", "get"], "attach": ["create", "get"], "portforward": ["create", "get"], "log": ["get"],
    "proxy": ["create", "delete", "get", "patch", "update"], "eviction": ["create"], "binding": ["create"],
    "token": ["create"],
}  # fmt: skip


def groups(kinds: Iterable[Kind]) -> list[tuple[str, list[str]]]:
    """Named groups and their versions, in order of appearance."""
    found: dict[str, list[str]] = {}
    for kind in kinds:
        if kind.group and kind.version not in found.setdefault(kind.group, []):
            found[kind.group].append(kind.version)
    return list(found.items())


def legacy(path: str, kinds: list[Kind]) -> Json:
    """`/api`, `/api/v1`, `/apis`, `/apis/G`, `/apis/G/V`."""
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}
    if parts == ["apis"]:
        named = [_group(group, versions) for group, versions in groups(kinds)]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": named}
    if parts[0] == "apis" and len(parts) == 2:
        for group, versions in groups(kinds):
            if group == parts[1]:
                return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)}
        raise no_such_path()
    there = [kind for kind in kinds if kind.root == "/" + "/".join(parts)]
    if not there:
        raise no_such_path()
    resources = [each for kind in there for each in _resources(kind)]
    about = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": there[0].api_version}
    return {**about, "resources": resources}


def _group(group: str, versions: list[str]) -> Json:
    told = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": told, "preferredVersion": told[0]}


def _resources(kind: Kind) -> list[Json]:
    main: Json = {
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
        "storageVersionHash": "",
    }
    if kind.short:
        main["shortNames"] = list(kind.short)
    if kind.categories:
        main["categories"] = list(kind.categories)
    return [main, *(_subresource(kind, sub) for sub in kind.subresources)]


def _subresource(kind: Kind, sub: str) -> Json:
    found = {
        "name": f"{kind.plural}/{sub}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": _SUB_KINDS.get(sub, kind.kind),
        "verbs": _SUB_VERBS.get(sub, ["get", "patch", "update"]),
    }
    group, version = _SUB_GROUPS.get(sub, ("", ""))
    return {**found, "group": group, "version": version} if version else found


def aggregated(core: bool, kinds: list[Kind]) -> Json:
    """`/api` or `/apis` as apidiscovery.k8s.io/v2."""
    wanted = [kind for kind in kinds if bool(kind.group) is not core]
    names = [("", ["v1"])] if core else groups(kinds)
    items = [
        {
            "metadata": {"name": group or None, "creationTimestamp": None},
            "versions": [
                {
                    "version": version,
                    "freshness": "Current",
                    "resources": [_aggregated(k) for k in wanted if (k.group, k.version) == (group, version)],
                }
                for version in versions
            ],
        }
        for group, versions in names
    ]
    about = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}}
    return {**about, "items": items}


def _aggregated(kind: Kind) -> Json:
    main: Json = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.kind.lower(),
        "verbs": list(kind.verbs),
        "shortNames": list(kind.short),
        "categories": list(kind.categories),
    }
    subs = [_subresource(kind, sub) for sub in kind.subresources]
    main["subresources"] = [
        {
            "subresource": each["name"].partition("/")[2],
            "responseKind": {
                "group": each.get("group", kind.group),
                "version": each.get("version", kind.version),
                "kind": each["kind"],
            },
            "verbs": each["verbs"],
        }
        for each in subs
    ]
    return main


# -- OpenAPI ------------------------------------------------------------------------------------------------------


def openapi_index(kinds: list[Kind]) -> Json:
    """`/openapi/v3`."""
    roots = sorted({kind.root for kind in kinds})
    return {
        "paths": {root[1:]: {"serverRelativeURL": f"/openapi/v3{root}?hash={_digest(root, kinds)}"} for root in roots}
    }


def _digest(root: str, kinds: list[Kind]) -> str:
    return hashlib.sha256(json.dumps(openapi(root, kinds)).encode()).hexdigest()[:32].upper()


def openapi(root: str, kinds: list[Kind]) -> Json:
    """`/openapi/v3/apis/G/V`: paths with the parameters kubectl looks for, and open schemas."""
    there = [kind for kind in kinds if kind.root == root]
    if not there:
        raise no_such_path()
    paths: Json = {}
    for kind in there:
        base = f"{root}/namespaces/{{namespace}}" if kind.namespaced else root
        paths[f"{base}/{kind.plural}"] = {"get": _operation(kind, "list"), "post": _operation(kind, "post")}
        one = {verb: _operation(kind, verb) for verb in ("get", "put", "patch", "delete")}
        paths[f"{base}/{kind.plural}/{{name}}"] = one
    schemas = {_schema_name(kind): _schema(kind) for kind in there}
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _operation(kind: Kind, action: str) -> Json:
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    parameters = [{"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in names]
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    told: Json = {"x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk, "parameters": parameters}
    if action == "patch":
        told["requestBody"] = {"content": {"application/apply-patch+yaml": {}, "application/merge-patch+json": {}}}
    return {**told, "responses": {"200": {"description": "OK"}}}


def _schema_name(kind: Kind) -> str:
    return f"io.k8s.api.{kind.group.partition('.')[0] or 'core'}.{kind.version}.{kind.kind}"


def _schema(kind: Kind) -> Json:
    gvk = [{"group": kind.group, "version": kind.version, "kind": kind.kind}]
    about = {"type": "object", "description": f"{kind.kind} of the tests.", "x-kubernetes-group-version-kind": gvk}
    text = {"type": "string", "description": "Words."}
    fields = {"apiVersion": text, "kind": text, "metadata": {"type": "object", "description": "Names."}}
    return {**about, "properties": fields, "x-kubernetes-preserve-unknown-fields": True}


def openapi_v2() -> bytes:
    """An empty document of the second version, in its protobuf: `swagger: "2.0"`."""
    return b"\x0a\x032.0\x12\x0c\x0a\x0aKubernetes"
