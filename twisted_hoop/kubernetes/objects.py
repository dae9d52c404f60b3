"""What is hidden in one object, by its kind: its own kind, wherever it comes from (M10). Pure; objects change in place.

Members by their places, variables and arguments of containers, annotations (objects inside them too, as kubectl keeps
the last one that was applied), members by their names, and what a Status quotes. In kinds that are not built in,
objects and pods are looked for wherever they may be nested.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from twisted_hoop.kubernetes.documents import dumps, loads
from twisted_hoop.kubernetes.kinds import POD_TEMPLATES, is_bytes, is_known, kind_of
from twisted_hoop.kubernetes.owned import hide_owned
from twisted_hoop.kubernetes.pointers import ROOT, At, pointer
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.kubernetes.sentinels import Sentinel, Sentinels
from twisted_hoop.kubernetes.told import hide_quotes
from twisted_hoop.masking.fields import Fields
from twisted_hoop.masking.members import MemberMasker
from twisted_hoop.masking.places import KindPlaces, Places

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
APPLIED: Final = (((ROOT, "metadata"), "annotations"), LAST_APPLIED)
"""Where that of the object itself stands."""
_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
_WORDS: Final = ("args", "command")
_NESTED: Final = 3
_SHORTEST_COPY: Final = 6
_MANY: Final = 200
"""Values of one Secret that are searched for in its annotations; where there are more, those are hidden."""
_PLAIN_FORMATS: Final = frozenset({"name", "date", "date-time"})
_PLAIN_COLUMNS: Final = frozenset({"Name", "Namespace", "Age"})
_UNKNOWN: Final = "?/?"
"""The version of what does not say it: nothing built in."""
_HELM_TYPE: Final = "helm.sh/release.v1"
_HELM_NAME: Final = "sh.helm.release.v1."

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hiding:
    """What some masks hide in objects of one target. `releases`: those of Helm stay as they are."""

    places: Places
    fields: Fields | None
    sentinels: Sentinels
    releases: bool = False


class Objects:
    """One body's objects. `masked` counts values hidden so far; `api` is the version of what does not say its own."""

    def __init__(self, hiding: Hiding, request: KubeRequest) -> None:
        self.masked = 0
        self.kind: Final = kind_of(request.group, request.resource, request.subresource)
        """The kind that is asked for, "" when it is not known."""
        self._hiding = hiding
        self._request = request
        self._expected = hiding.places.of(self.kind) if self.kind else hiding.places.of_resource(request.resource)
        self._pods = hiding.places.of("Pod")
        self._columns: list[Any] = []
        self._look = False

    def plain(self, kind: str, api: str) -> bool:
        """Whether objects of a kind hold nothing that is hidden, whatever stands in them."""
        places, fields = self._hiding.places.of(kind), self._hiding.fields
        pods = kind in POD_TEMPLATES and self._pods
        return is_known(kind, api) and not places and not pods and not fields and kind != "Status"

    def hide(self, thing: Any, kind: str, api: str = "", raw: bytes | None = None) -> None:
        """Hide in a document what is to be hidden. `raw` is its text. Raises RecursionError for what is too deep."""
        if self._holds_nothing(thing):
            return
        fields = self._hiding.fields
        self._look = fields is not None and bool(fields) and (raw is None or fields.might(raw))
        self._document(thing, kind, api, None, ROOT, 0)

    def _holds_nothing(self, thing: Any) -> bool:
        """Whether it is one object of a kind in which nothing is hidden, and says so."""
        kind, api = (thing.get("kind"), thing.get("apiVersion")) if isinstance(thing, dict) else (None, None)
        return isinstance(kind, str) and isinstance(api, str) and self.plain(kind, api)

    # -- documents ------------------------------------------------------------------------------------------------

    def _document(self, thing: Any, kind: str, api: str, mark: Sentinel | None, at: At, depth: int) -> None:
        if isinstance(thing, list):
            for number, each in enumerate(thing):
                self._document(each, kind, api, mark, (at, number, each) if mark is not None else ROOT, depth)
        if not isinstance(thing, dict):
            return
        own, told = thing.get("kind"), thing.get("apiVersion")
        if not isinstance(own, str) and isinstance(thing.get("object"), dict) and "type" in thing:
            self._document(thing["object"], kind, api, mark, at, depth)  # an event of a watch
            return
        kind = own if isinstance(own, str) else kind
        api = told if isinstance(told, str) else api
        if kind == "Table":
            self.table(thing)
        elif kind == "Status":
            self._status(thing)
        elif isinstance(thing.get("items"), list) and (kind.endswith("List") or not kind):
            self._list(thing, kind, api, mark, at, depth)
        else:
            self._object(thing, kind, api, mark, at, depth)

    def _list(self, thing: Json, kind: str, api: str, mark: Sentinel | None, at: At, depth: int) -> None:
        inner = self.item_kind(kind)
        for name, value in thing.items():
            if name == "items":
                self._document(value, inner, api, mark, (at, name), depth)
            else:
                self._nested(value, "", mark or self._hiding.sentinels.general, (at, name), depth)

    def item_kind(self, kind: str) -> str:
        """The kind of the items of a list, where they do not say it."""
        return kind.removesuffix("List") or self.kind

    def table(self, thing: Json) -> None:
        """The rows of a Table: the objects in them, and cells of what may be hidden."""
        columns = thing.get("columnDefinitions")
        if isinstance(columns, list) and columns:  # of a watch, only the first has them
            self._columns = columns
        rows = thing.get("rows")
        for row in rows if isinstance(rows, list) else ():
            self.row(row)

    def row(self, row: Any) -> None:
        """One row of a Table."""
        if not isinstance(row, dict):
            return
        self._document(row.get("object"), self.kind, "", None, ROOT, 0)
        cells = row.get("cells")
        if not isinstance(cells, list):
            return
        for at, cell in enumerate(cells):
            if isinstance(cell, str) and self._hides_column(at):
                cells[at] = self._hiding.sentinels.general.text
                self.masked += 1

    def _hides_column(self, at: int) -> bool:
        column = self._columns[at] if at < len(self._columns) else None
        name = str(column.get("name", "")) if isinstance(column, dict) else ""
        fields = self._hiding.fields
        if fields and fields.strategy(name.encode("utf-8", "replace")):
            return True
        if self.kind or not self._expected:  # columns of built-in kinds show nothing of what is hidden
            return False
        return not isinstance(column, dict) or not (column.get("format") in _PLAIN_FORMATS or name in _PLAIN_COLUMNS)

    def _status(self, thing: Json) -> None:
        if self._expected or self._hiding.fields:
            asked = self._request
            self.masked += hide_quotes(thing, {asked.name, asked.namespace, asked.resource, asked.group, self.kind})

    # -- one object -----------------------------------------------------------------------------------------------

    def _object(self, thing: Json, kind: str, api: str, mark: Sentinel | None, at: At, depth: int) -> None:
        if kind == "PartialObjectMetadata" and depth == 0:
            places, kind = self._expected, self.kind
        else:
            places = self._hiding.places.of(kind)
        metadata = thing.get("metadata")
        mark = mark or self._mark(kind, metadata)
        copies = _copies(thing, kind, metadata) if places else []
        if places and not (self._hiding.releases and is_release(thing, kind)):
            self._walk(thing, "", places, mark, at, kind)
        if isinstance(metadata, dict):
            self._annotations(metadata, kind, places, mark, (at, "metadata"), depth, copies)
            if "managedFields" in metadata:
                self.masked += hide_owned(metadata, lambda place, name: self._hides(kind, places, place, name))
        if not is_known(kind, api):
            for name, value in thing.items():
                if name != "metadata":
                    self._nested(value, kind, mark, (at, name), depth)
        elif kind in POD_TEMPLATES:
            self._pod(thing, kind, mark, at, depth)
        if self._look:
            self._members(thing, mark, at, kind, "")

    def _hides(self, kind: str, places: KindPlaces, place: str, name: str) -> bool:
        if places.strategy(place) or (name in _WORDS and self._strategy_of(kind, name)):
            return True
        fields = self._hiding.fields
        return bool(fields and fields.strategy(name.encode("utf-8", "replace")))

    def _mark(self, kind: str, metadata: Any) -> Sentinel:
        told = metadata if isinstance(metadata, dict) else {}
        # What a dry run answers is nowhere: no value can be put in the place of such a word.
        version = "dry-run" if self._request.dry_run else told.get("resourceVersion")
        words = (told.get("namespace"), told.get("name") or told.get("generateName"), version)
        return self._hiding.sentinels.of(kind, *(word if isinstance(word, str) else "" for word in words))

    def _walk(self, value: Json, path: str, places: KindPlaces, mark: Sentinel, at: At, kind: str) -> None:
        for name, member in value.items():
            place = f"{path}/{name}" if path else name
            strategy = places.strategy(place)
            if strategy:
                value[name] = self._hidden(member, strategy, mark, (at, name), is_bytes(kind, place))
            elif isinstance(member, (dict, list)) and places.below(place):
                self._walk_in(member, place, places, mark, (at, name), kind)

    def _walk_in(self, value: Any, path: str, places: KindPlaces, mark: Sentinel, at: At, kind: str) -> None:
        if isinstance(value, dict):
            self._walk(value, path, places, mark, at, kind)
        elif isinstance(value, list):
            for number, each in enumerate(value):
                self._walk_in(each, path, places, mark, (at, number, each), kind)

    def _hidden(self, value: Any, strategy: str, mark: Sentinel, at: At, encoded: bool = False) -> Any:
        if isinstance(value, str):
            here = mark.at(pointer(at))
            if value in (here.text, here.encoded):
                return value
            self.masked += 1
            return here.replacement(strategy, value, encoded)
        if isinstance(value, dict):
            return {name: self._hidden(each, strategy, mark, (at, name), encoded) for name, each in value.items()}
        if isinstance(value, list):
            return [self._hidden(each, strategy, mark, (at, n, each), encoded) for n, each in enumerate(value)]
        if value is None:
            return None
        self.masked += 1
        return False if isinstance(value, bool) else 0

    # -- annotations ----------------------------------------------------------------------------------------------

    def _annotations(
        self, metadata: Json, kind: str, places: KindPlaces, mark: Sentinel, at: At, depth: int, copies: list[str]
    ) -> None:
        annotations = metadata.get("annotations")
        if not isinstance(annotations, dict):
            return
        at = (at, "annotations")
        for name, value in annotations.items():
            if not isinstance(value, str):
                continue
            if strategy := places.strategy(f"annotations/{name}"):
                annotations[name] = self._hidden(value, strategy, mark, (at, name))
                continue
            nested = value.lstrip()[:1] in ("{", "[")
            if nested:
                annotations[name] = value = self._embedded(name, value, kind, mark, (at, name), depth)
            if not nested if len(copies) > _MANY else any(copy in value for copy in copies):
                annotations[name] = self._hidden(value, "redact", mark, (at, name))

    def _embedded(self, name: str, value: str, kind: str, mark: Sentinel, at: At, depth: int) -> str:
        """An object inside an annotation: it stays JSON, or `kubectl apply` fails."""
        before = self.masked
        try:
            if depth >= _NESTED:
                raise ValueError("annotations in annotations in annotations")
            inner = loads(value.encode("utf-8", "surrogatepass"))
            self._document(inner, kind, "", mark, inside(at), depth + 1)
            if self.masked == before:
                return value
            return dumps(inner).decode() + value[len(value.rstrip()) :]
        except ValueError:
            hidden = name == LAST_APPLIED or depth >= _NESTED
            return str(self._hidden(value, "redact", mark, at)) if hidden else value

    # -- pods -----------------------------------------------------------------------------------------------------

    def _pod(self, thing: Json, kind: str, mark: Sentinel, at: At, depth: int) -> None:
        template: Any = thing
        for step in POD_TEMPLATES[kind]:
            template, at = template.get(step) if isinstance(template, dict) else None, (at, step)
        if not isinstance(template, dict):
            return
        metadata, spec = template.get("metadata"), template.get("spec")
        if template is not thing and isinstance(metadata, dict):
            self._annotations(metadata, kind, self._hiding.places.of(kind), mark, (at, "metadata"), depth, [])
        if not isinstance(spec, dict):
            return
        for name in _CONTAINERS:
            containers, above = spec.get(name), ((at, "spec"), name)
            for number, container in enumerate(containers if isinstance(containers, list) else ()):
                if isinstance(container, dict):
                    self._container(container, kind, mark, (above, number, container))

    def _container(self, container: Json, kind: str, mark: Sentinel, at: At) -> None:
        env = container.get("env")
        for number, each in enumerate(env if isinstance(env, list) else ()):
            if isinstance(each, dict) and "value" in each:
                name = each.get("name")
                if strategy := self._strategy_of(kind, f"env/{name}", str(name)):
                    place = (((at, "env"), number, each), "value")
                    each["value"] = self._hidden(each["value"], strategy, mark, place)
        for name in _WORDS:
            strategy = self._strategy_of(kind, name) if name in container else ""
            if strategy and isinstance(container[name], (list, str)):
                container[name] = self._hidden(container[name], strategy, mark, (at, name))

    def _strategy_of(self, kind: str, place: str, name: str = "") -> str:
        """Pods are hidden alike in whatever makes them."""
        found = self._pods.strategy(place) or self._hiding.places.of(kind).strategy(place)
        if not found and name and self._hiding.fields:
            found = self._hiding.fields.strategy(name.encode("utf-8", "replace"))
        return found

    def _nested(self, value: Any, kind: str, mark: Sentinel, at: At, depth: int) -> None:
        """Objects, containers and annotations anywhere inside what is not built in.

        What stands in for their values is the outer object's: who writes one decides what it says its name is.
        """
        if isinstance(value, list):
            for number, each in enumerate(value):
                self._nested(each, kind, mark, (at, number, each), depth)
        elif isinstance(value, dict):
            if isinstance(value.get("kind"), str):
                self._document(value, value["kind"], _UNKNOWN, mark, at, max(depth, 1))
                return
            self._container(value, kind, mark, at)
            if isinstance(value.get("annotations"), dict):
                self._annotations(value, kind, self._hiding.places.of(kind), mark, at, depth, [])
            for name, each in value.items():
                self._nested(each, kind, mark, (at, name), depth)

    # -- members by name ------------------------------------------------------------------------------------------

    def _members(self, value: Any, mark: Sentinel, at: At, kind: str, path: str) -> None:
        fields = self._hiding.fields
        assert fields is not None
        if isinstance(value, list):
            for number, each in enumerate(value):
                self._members(each, mark, (at, number, each), kind, path)
        for name, member in value.items() if isinstance(value, dict) else ():
            place = f"{path}/{name}" if path else name
            if strategy := fields.strategy(name.encode("utf-8", "replace")):
                value[name] = self._hidden(member, strategy, mark, (at, name), is_bytes(kind, place))
            elif isinstance(member, (dict, list)):
                self._members(member, mark, (at, name), kind, place)
            elif isinstance(member, str) and '"' in member:
                value[name] = self._inside(member)

    def _inside(self, text: str) -> str:
        """Members of JSON inside a text, as in the files of a ConfigMap."""
        assert self._hiding.fields is not None
        look = MemberMasker(self._hiding.fields)
        data = text.encode("utf-8", "surrogatepass")
        shown = look.feed(data) + look.flush()
        self.masked += look.masked
        return shown.decode("utf-8", "surrogatepass") if look.masked else text


def inside(at: At) -> At:
    """The place of an object in the annotation at `at`; that of the last one applied is the object's own once more.

    So one word stands for one value in both, which `kubectl apply` compares.
    """
    return ROOT if at == APPLIED else (at,)


def is_release(thing: Json, kind: str) -> bool:
    """Whether Helm keeps a release in it: a Secret of its type, or a ConfigMap of its name and label."""
    if kind == "Secret":
        return thing.get("type") == _HELM_TYPE
    metadata = thing.get("metadata")
    if kind != "ConfigMap" or not isinstance(metadata, dict):
        return False
    labels = metadata.get("labels")
    owner = labels.get("owner") if isinstance(labels, dict) else None
    return str(metadata.get("name", "")).startswith(_HELM_NAME) and owner == "helm"


def _copies(thing: Json, kind: str, metadata: Any) -> list[str]:
    """The values of a Secret as somebody may have copied them into an annotation: as they are, and decoded."""
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return [*_values(thing)] if kind == "Secret" and annotations else []


def _values(secret: Json) -> Iterator[str]:
    for member in ("data", "stringData"):
        values = secret.get(member)
        for value in values.values() if isinstance(values, dict) else ():
            if not isinstance(value, str) or len(value) < _SHORTEST_COPY:
                continue
            yield value
            try:
                plain = base64.b64decode(value).decode()
            except ValueError:
                continue
            if member == "data" and len(plain) >= _SHORTEST_COPY:
                yield plain
