"""Patches: JSON Patch (RFC 6902), JSON Merge Patch (RFC 7386), and Kubernetes' strategic merge patch."""

from __future__ import annotations

import copy
from typing import Any

from tests.support.kube.errors import ApiError, Json

KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "volumeMounts": ("mountPath",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "webhooks": ("name",),
}
"""Lists that are maps by these keys of their items; `ports` see `keys_of`. Others are replaced as a whole."""
PRIMITIVE_SETS = {"finalizers"}


def keys_of(field: str, items: list[Any]) -> tuple[str, ...]:
    """By which keys items of a list are told apart, () for a list that is one value."""
    if field == "ports":
        first = next((each for each in items if isinstance(each, dict)), {})
        return ("containerPort",) if "containerPort" in first else ("port",)
    return KEYS.get(field, ())


def json_patch(item: Json, operations: list[Json]) -> Json:
    """Apply RFC 6902 operations. What does not go is 422, as the API server says it."""
    result = copy.deepcopy(item)
    for each in operations:
        try:
            _operate(result, each)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            message = f"the server rejected our request due to an error in our request: {each.get('op')} operation"
            raise ApiError(422, "Invalid", f"{message} does not apply: {error}") from None
    return result


def _operate(document: Any, operation: Json) -> None:
    path = _steps(operation["path"])
    match operation["op"]:
        case "add":
            _add(document, path, copy.deepcopy(operation["value"]))
        case "remove":
            _remove(document, path)
        case "replace":
            _remove(document, path)
            _add(document, path, copy.deepcopy(operation["value"]))
        case "copy":
            _add(document, path, copy.deepcopy(_at(document, _steps(operation["from"]))))
        case "move":
            _add(document, path, _remove(document, _steps(operation["from"])))
        case "test":
            found = _at(document, path)
            if found != operation["value"]:
                raise ValueError(f"testing path {operation['path']} failed: it is {found}")
        case other:
            raise ValueError(f"unknown operation {other}")


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for step in path:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def _add(document: Any, path: list[str], value: Any) -> None:
    where = _at(document, path[:-1])
    if isinstance(where, list):
        where.insert(len(where) if path[-1] == "-" else int(path[-1]), value)
    else:
        where[path[-1]] = value


def _remove(document: Any, path: list[str]) -> Any:
    where = _at(document, path[:-1])
    return where.pop(int(path[-1]) if isinstance(where, list) else path[-1])


def merge_patch(item: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(item) if isinstance(item, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic(item: Any, patch: Any) -> Any:
    """A strategic merge patch: lists with keys are merged item by item."""
    if not isinstance(patch, dict) or not isinstance(item, dict) or patch.get("$patch") == "replace":
        return _bare(patch)
    result = dict(item)
    kept = patch.get("$retainKeys")
    if kept is not None:
        result = {key: value for key, value in result.items() if key in kept}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [each for each in result.get(field, []) if each not in value]
        elif key.startswith("$"):
            continue
        elif value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            result.pop(key, None)
        elif isinstance(value, list) and isinstance(result.get(key), list):
            result[key] = _lists(key, result[key], value)
        else:
            result[key] = strategic(result.get(key, {}), value)
    return result


def _lists(field: str, old: list[Any], new: list[Any]) -> list[Any]:
    keys = keys_of(field, [*old, *new])
    if field in PRIMITIVE_SETS:
        return [*old, *(each for each in new if each not in old)]
    if not keys or any(isinstance(each, dict) and each.get("$patch") == "replace" for each in new):
        return [_bare(each) for each in new if each != {"$patch": "replace"}]
    result = list(old)
    for each in new:
        at = next((i for i, other in enumerate(result) if all(other.get(k) == each.get(k) for k in keys)), -1)
        if each.get("$patch") == "delete":
            result = [other for i, other in enumerate(result) if i != at]
        elif at < 0:
            result.append(_bare(each))
        else:
            result[at] = strategic(result[at], each)
    return result


def _bare(value: Any) -> Any:
    """Without directives and nulls: a patch that found nothing to merge with."""
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items() if not key.startswith("$") and each is not None}
    return [_bare(each) for each in value] if isinstance(value, list) else value
