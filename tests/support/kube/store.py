"""Objects, resource versions, and those who watch them."""

from __future__ import annotations

import asyncio
import copy
import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.kube.errors import ApiError, Json, conflict, not_found
from tests.support.kube.kinds import Kind, custom_kinds, usual_kinds

Place = tuple[str, str]
"""(namespace, name)."""


@dataclass(frozen=True)
class Change:
    """Something that happened to an object; `before` is what it was."""

    version: int
    type: str
    key: tuple[str, str]
    item: Json
    before: Json | None


@dataclass
class Watcher:
    """Somebody who waits for changes of one kind."""

    key: tuple[str, str]
    queue: asyncio.Queue[Change] = field(default_factory=asyncio.Queue)


def now() -> str:
    """The time as objects have it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """All objects. `changed` is called after every write: the controllers."""

    def __init__(self) -> None:
        self.kinds: list[Kind] = usual_kinds()
        self.version = 1000
        self.history: list[Change] = []
        self.watchers: list[Watcher] = []
        self.changed: list[Callable[[Kind, Json, str], None]] = []
        self._items: dict[tuple[str, str], dict[Place, Json]] = {}

    # -- kinds ----------------------------------------------------------------------------------------------------

    def kind(self, group: str, version: str, plural: str) -> Kind:
        """A kind by its path."""
        for each in self.kinds:
            if (each.group, each.version, each.plural) == (group, version, plural):
                return each
        raise ApiError(404, "NotFound", "the server could not find the requested resource")

    def named(self, kind: str) -> Kind:
        """A kind by its name."""
        return next(each for each in self.kinds if each.kind == kind)

    # -- reading --------------------------------------------------------------------------------------------------

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """A copy of one object."""
        found = self._items.get(kind.key, {}).get((namespace, name))
        if found is None:
            raise not_found(kind.full, name)
        return self._as(kind, copy.deepcopy(found))

    def find(self, kind: Kind, namespace: str = "") -> list[Json]:
        """Copies of all objects, of one namespace when it is given, in order."""
        items = self._items.get(kind.key, {})
        places = sorted(place for place in items if not namespace or place[0] == namespace)
        return [self._as(kind, copy.deepcopy(items[place])) for place in places]

    @staticmethod
    def _as(kind: Kind, item: Json) -> Json:
        return {**item, "kind": kind.kind, "apiVersion": kind.api_version}

    # -- writing --------------------------------------------------------------------------------------------------

    def create(self, kind: Kind, item: Json) -> Json:
        """Add one; its metadata is completed."""
        about = item["metadata"]
        place = (about.get("namespace", "") if kind.namespaced else "", about["name"])
        if place in self._items.get(kind.key, {}):
            details = {"name": about["name"], "group": kind.group, "kind": kind.plural}
            raise ApiError(409, "AlreadyExists", f'{kind.full} "{about["name"]}" already exists', details)
        about |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
        if "spec" in item:
            about["generation"] = 1
        else:
            about.pop("generation", None)
        self._items.setdefault(kind.key, {})[place] = item
        self._note(kind, "ADDED", item, None)
        return self.get(kind, *place)

    def update(self, kind: Kind, item: Json) -> Json:
        """Replace one; a `resourceVersion` must be the present one."""
        about = item["metadata"]
        place = (about.get("namespace", "") if kind.namespaced else "", about["name"])
        before = self._items.get(kind.key, {}).get(place)
        if before is None:
            raise not_found(kind.full, about["name"])
        given = about.get("resourceVersion")
        if given and given != before["metadata"]["resourceVersion"]:
            why = "the object has been modified; please apply your changes to the latest version and try again"
            raise conflict(kind.full, about["name"], why)
        for kept in ("uid", "creationTimestamp", "generation", "deletionTimestamp"):
            if kept in before["metadata"]:
                about[kept] = before["metadata"][kept]
        if _content(item) == _content(before):
            return self.get(kind, *place)
        if item.get("spec") != before.get("spec"):
            about["generation"] = int(about.get("generation", 1)) + 1
        self._items[kind.key][place] = item
        if "deletionTimestamp" in about and not about.get("finalizers"):
            return self._remove(kind, place)
        self._note(kind, "MODIFIED", item, before)
        return self.get(kind, *place)

    def delete(self, kind: Kind, namespace: str, name: str) -> tuple[Json, bool]:
        """Remove one, or mark it when finalizers hold it: (what it was, whether it is gone)."""
        item = self.get(kind, namespace, name)
        if not item["metadata"].get("finalizers"):
            return self._remove(kind, (namespace, name)), True
        if "deletionTimestamp" not in item["metadata"]:
            item["metadata"] |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
            before = self._items[kind.key][(namespace, name)]
            self._items[kind.key][(namespace, name)] = item
            self._note(kind, "MODIFIED", item, before)
        return self.get(kind, namespace, name), False

    def _remove(self, kind: Kind, place: Place) -> Json:
        item = self._items[kind.key].pop(place)
        self._note(kind, "DELETED", item, item)
        return self._as(kind, item)

    def _note(self, kind: Kind, type_: str, item: Json, before: Json | None) -> None:
        self.version += 1
        item = item if type_ != "DELETED" else copy.deepcopy(item)
        item["metadata"]["resourceVersion"] = str(self.version)
        change = Change(self.version, type_, kind.key, copy.deepcopy(item), copy.deepcopy(before))
        self.history.append(change)
        for watcher in self.watchers:
            if watcher.key == kind.key:
                watcher.queue.put_nowait(change)
        if kind.kind == "CustomResourceDefinition":
            self._define(item, type_)
        for told in list(self.changed):
            told(kind, copy.deepcopy(item), type_)

    def _define(self, definition: Json, type_: str) -> None:
        group, plural = definition["spec"]["group"], definition["spec"]["names"]["plural"]
        self.kinds = [each for each in self.kinds if each.key != (group, plural)]
        if type_ != "DELETED":
            self.kinds += custom_kinds(definition)

    # -- watching -------------------------------------------------------------------------------------------------

    def watch(self, kind: Kind, since: int) -> Watcher:
        """Changes of a kind after a version (0: from now on)."""
        watcher = Watcher(kind.key)
        for change in self.history if since else ():
            if change.version > since and change.key == kind.key:
                watcher.queue.put_nowait(change)
        self.watchers.append(watcher)
        return watcher


def _content(item: Json) -> Json:
    rest = {key: value for key, value in item.items() if key not in ("metadata", "kind", "apiVersion")}
    about = {key: value for key, value in item["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    owners = [
        {key: value for key, value in each.items() if key != "time"}
        for each in item["metadata"].get("managedFields", ())
    ]
    return {**rest, "metadata": about, "owners": owners}
