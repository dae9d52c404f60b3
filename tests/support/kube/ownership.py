"""Server-side apply: who set which field (managedFields), conflicts, removal of what is no longer applied."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.support.kube.errors import ApiError, Json
from tests.support.kube.patches import keys_of
from tests.support.kube.store import now

Path = tuple[str, ...]
_UNOWNED = {"apiVersion", "kind"}
_UNOWNED_METADATA = {
    "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink",
    "deletionTimestamp", "deletionGracePeriodSeconds",
}  # fmt: skip


def leaves(item: Json) -> dict[Path, Any]:
    """Every field that somebody can own, as a path of fieldsV1 steps, and its value."""
    found: dict[Path, Any] = {}
    for key, value in item.items():
        if key == "metadata":
            about = {name: each for name, each in value.items() if name not in _UNOWNED_METADATA}
            _walk(("f:metadata",), about, found, "")
        elif key not in _UNOWNED:
            _walk((f"f:{key}",), value, found, key)
    return found


def _walk(path: Path, value: Any, found: dict[Path, Any], field: str) -> None:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            _walk((*path, f"f:{key}"), each, found, key)
        return
    keys = keys_of(field, value) if isinstance(value, list) else ()
    if not keys:
        if path != ("f:metadata",):
            found[path] = value
        return
    for each in value:
        step = "k:" + json.dumps({key: each.get(key) for key in keys}, separators=(",", ":"))
        found[(*path, step, ".")] = True
        _walk((*path, step), each, found, "")


def fields_v1(paths: set[Path]) -> Json:
    """Paths as a fieldsV1 tree."""
    tree: Json = {}
    for path in sorted(paths):
        here = tree
        for step in path:
            here = here.setdefault(step, {})
    return tree


def paths_of(tree: Json, prefix: Path = ()) -> set[Path]:
    """The leaves of a fieldsV1 tree."""
    found: set[Path] = set()
    for step, below in tree.items():
        found |= paths_of(below, (*prefix, step)) if below else {(*prefix, step)}
    return found


def owners(item: Json) -> dict[tuple[str, str], set[Path]]:
    """(manager, operation) → what it owns."""
    entries = item["metadata"].get("managedFields", ())
    return {(each["manager"], each["operation"]): paths_of(each.get("fieldsV1", {})) for each in entries}


def record(item: Json, owned: dict[tuple[str, str], set[Path]], api_version: str) -> None:
    """Write managedFields."""
    item["metadata"]["managedFields"] = [
        {
            "manager": manager,
            "operation": operation,
            "apiVersion": api_version,
            "time": now(),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields_v1(paths),
        }
        for (manager, operation), paths in owned.items()
        if paths
    ]


def updated(before: Json | None, after: Json, manager: str, api_version: str) -> None:
    """A write that is no apply: its manager takes what it changed, nobody owns what is gone."""
    if before is not None and before["metadata"].get("managedFields") != after["metadata"].get("managedFields"):
        return
    old, new = leaves(before) if before else {}, leaves(after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    owned = {who: {path for path in paths if path in new} - changed for who, paths in owners(before or after).items()}
    owned[(manager, "Update")] = owned.get((manager, "Update"), set()) | changed
    record(after, owned, api_version)


def applied(live: Json | None, wanted: Json, manager: str, force: bool, api_version: str) -> Json:
    """The object after an apply. Raises 409 when others own what it changes and `force` is not said."""
    new = leaves(wanted)
    owned = owners(live) if live else {}
    old = leaves(live) if live else {}
    me = (manager, "Apply")
    fights = {
        path: who[0]
        for who, paths in owned.items()
        for path in paths & set(new)
        if who != me and old.get(path) != new[path]
    }
    if fights and not force:
        raise _conflict(fights)
    result = _merge(live or {}, wanted, "")
    if live is not None:
        _drop(result, owned.get(me, set()) - set(new) - set().union(*(p for w, p in owned.items() if w != me)))
        result["metadata"] = {**live["metadata"], **result["metadata"]}
        for part in ("labels", "annotations"):
            if not result["metadata"].get(part):
                result["metadata"].pop(part, None)
    owned = {who: paths - set(fights) for who, paths in owned.items()}
    owned[me] = set(new)
    record(result, owned, api_version)
    return dict(result)


def _conflict(fights: dict[Path, str]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{who}"',
            "field": "".join(f".{step[2:]}" for step in path),
        }
        for path, who in sorted(fights.items())
    ]
    count = len(causes)
    told = ", ".join(f"{each['message']}: {each['field']}" for each in causes)
    message = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: {told}"
    return ApiError(409, "Conflict", message, {"causes": causes})


def _merge(old: Any, new: Any, field: str) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merge(old.get(key), value, key) for key, value in new.items()}}
    keys = keys_of(field, new) if isinstance(new, list) and isinstance(old, list) else ()
    if not keys:
        return copy.deepcopy(new)
    result = list(old)
    for each in new:
        at = next((i for i, other in enumerate(result) if all(other.get(k) == each.get(k) for k in keys)), -1)
        if at < 0:
            result.append(copy.deepcopy(each))
        else:
            result[at] = _merge(result[at], each, "")
    return result


def _drop(item: Json, paths: set[Path]) -> None:
    for path in sorted(paths, key=len, reverse=True):
        _drop_one(item, path)


def _drop_one(here: Any, path: Path) -> None:
    *steps, last = path
    if last == ".":
        *steps, last = steps
    for step in steps:
        here = _step(here, step)
        if here is None:
            return
    if last.startswith("k:") and isinstance(here, list):
        gone = _step(here, last)
        here[:] = [each for each in here if each is not gone]
    elif isinstance(here, dict):
        here.pop(last[2:], None)


def _step(here: Any, step: str) -> Any:
    if isinstance(here, dict):
        return here.get(step[2:])
    wanted = json.loads(step[2:]) if step.startswith("k:") else {}
    return next((each for each in here or () if all(each.get(k) == v for k, v in wanted.items())), None)
