"""Masked values that come back in a write: each is put back where it stood, or the write is refused (M11). Pure.

The gateway reads the object from the target, hides it as it is shown, and compares: what a client sends back of a
hidden value must be, letter for letter, the word that stands at that place of that object in its version of now. The
word is a keyed digest of just these, so one of another place, object, target or version is told apart, and none can be
made up. The write then holds for that version only: a change in between makes the server answer 409.

What was put back must be hidden again in what is written, or nothing is.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from twisted_hoop.kubernetes.documents import dumps, loads
from twisted_hoop.kubernetes.objects import APPLIED, LAST_APPLIED, Hiding, Objects
from twisted_hoop.kubernetes.pointers import ROOT, At, pointer, told
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.kubernetes.sentinels import holds_sentinel

STALE: Final = "stands for another place, another object, or the object before it was changed: get it again"
_AMBIGUOUS: Final = ("", "")


class NotRestored(Exception):
    """What cannot be put back: `field` is its place for people, `status` 409 when a new GET will do."""

    def __init__(self, field: str, why: str, status: int = 422) -> None:
        super().__init__(why)
        self.field = field
        self.status = status


@dataclass(frozen=True, slots=True)
class Restorable:
    """What masks hide, and what is left hidden by those that put nothing back (None: there are none)."""

    hiding: Hiding
    keeping: Hiding | None


class Live:
    """An object as it is at the target. `version` is what a write is pinned to."""

    def __init__(self, rules: Restorable, request: KubeRequest, document: dict[str, Any]) -> None:
        self.version: Final = _version(document)
        self._rules = rules
        self._request = replace(request, verb="get", dry_run=False)
        self._document = document
        shown = self._hidden(rules.hiding, document)
        kept = document if rules.keeping is None else self._hidden(rules.keeping, document)
        self._values: dict[str, tuple[str, str]] = {}
        """Pointer → (as it is shown, as it is)."""
        self._applied: dict[str, tuple[str, str]] = {}
        self._collect(self._values, ROOT, document, shown, kept)
        self._collect_applied(document, shown, kept)

    def _hidden(self, hiding: Hiding, document: Any) -> Any:
        objects, shown = Objects(hiding, self._request), copy.deepcopy(document)
        objects.hide(shown, objects.kind)
        return shown

    def _collect(self, found: dict[str, tuple[str, str]], at: At, clear: Any, shown: Any, kept: Any) -> None:
        """Values that are hidden, and by no mask that keeps them so. Two at one pointer are none."""
        if isinstance(clear, dict):
            for name in clear.keys() & shown.keys() & kept.keys():  # of managedFields, some are not shown at all
                value = clear[name]
                self._collect(found, (at, name), value, shown[name], kept[name])
        elif isinstance(clear, list):
            for number, value in enumerate(clear):
                self._collect(found, (at, number, value), value, shown[number], kept[number])
        elif isinstance(clear, str) and shown != clear and kept == clear:
            place = pointer(at)
            found[place] = _AMBIGUOUS if place in found else (shown, clear)

    def _collect_applied(self, *documents: Any) -> None:
        """The same of the last applied configuration, whose places are the object's."""
        texts = [_member(document, APPLIED) for document in documents]
        inner = [_json(text) for text in texts]
        if all(isinstance(each, dict) for each in inner):
            self._collect(self._applied, ROOT, *inner)

    def value(self, place: str, written: str, applied: bool = False) -> str | None:
        """The value in the place of a word that was written there; None when it does not stand for it.

        `applied`: inside the configuration that is applied, which kubectl makes of the object.
        """
        for known in (self._values, self._applied) if applied else (self._values,):
            shown, clear = known.get(place, _AMBIGUOUS)
            if shown and shown == written:
                return clear
        return self._text(place, written)

    def _text(self, place: str, written: str) -> str | None:
        """Of a Secret, as text what is bytes in the object: `stringData` is `data` for people."""
        if not place.startswith("/stringData/"):
            return None
        shown, clear = self._values.get("/data/" + place.removeprefix("/stringData/"), _AMBIGUOUS)
        return _text(clear) if shown and _text(shown) == written else None

    def passes_list(self, at: At) -> bool:
        """Whether a list stands above a place."""
        return any(isinstance(_member(self._document, above), list) for above in _above(at[0]))

    def shows(self, document: Any, places: list[At]) -> str:
        """Where something that was put back would be shown; "" when nowhere: a name or a type may have changed."""
        shown = self._hidden(self._rules.hiding, document)
        return next((told(at) for at in places if _member(shown, at) == _member(document, at)), "")

    def shows_applied(self, text: str, places: list[At]) -> str:
        """The same of a configuration that is applied."""
        shown = self._hidden(self._rules.hiding, {"metadata": {"annotations": {LAST_APPLIED: text}}})
        inner, clear = _json(_member(shown, APPLIED)), _json(text)
        if not isinstance(inner, dict):  # hidden whole
            return ""
        return next((told(at) for at in places if _member(inner, at) == _member(clear, at)), "")


def put_back(live: Live, document: Any) -> tuple[Any, int]:
    """The object, or the part of it that is patched, with values in the place of their words; how many. NotRestored.

    It is pinned to the version of the live object.
    """
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(metadata, (dict, type(None))):
        raise NotRestored("", "is no object")
    _same_version(live, metadata or {})
    work = _Work(live)
    document = work.restored(document, ROOT)
    if shown := live.shows(document, work.places):
        raise NotRestored(shown, "would be shown there")
    return {**document, "metadata": {**document.get("metadata", {}), "resourceVersion": live.version}}, work.count


def put_back_steps(live: Live, steps: Any) -> tuple[Any, int]:
    """The same for a JSON Patch (RFC 6902).

    Its first step sets the version, which servers take for the one that is changed: they answer 409 where a `test`
    would end in 422, which no client tries again.
    """
    if not isinstance(steps, list):
        raise NotRestored("", "is no patch")
    for step in steps:
        _stays_pinned(live, step)
    work = _Work(live)
    out = [_step(live, work, step) if _holds(step) else step for step in steps]
    pin = {"op": "replace", "path": "/metadata/resourceVersion", "value": live.version}
    return [pin, *out], work.count


def _stays_pinned(live: Live, step: Any) -> None:
    """No step may lift the pin, or the value would be written into an object that was changed meanwhile (M11)."""
    step = step if isinstance(step, dict) else {}
    member = "from" if step.get("op") == "move" else "path"
    for names in (_names(step.get(member)), _names(step.get("path"))):
        if names is None or step.get("op") == "test":
            continue
        if names in ([], ["metadata"]):
            raise NotRestored(".".join(names), "cannot be put back in a patch of the whole: patch its members")
        if names[:2] == ["metadata", "resourceVersion"] and not _same_pin(live, step, names):
            raise NotRestored("metadata.resourceVersion", "is not that of the object now: get it again", 409)


def _same_pin(live: Live, step: dict[str, Any], names: list[str]) -> bool:
    return len(names) == 2 and step.get("op") in ("add", "replace") and step.get("value") == live.version


def _names(place: Any) -> list[str] | None:
    """A JSON Pointer as servers read it (RFC 6901): what stands before its first `/` counts for nothing."""
    if not isinstance(place, str):
        return None
    return [each.replace("~1", "/").replace("~0", "~") for each in place.split("/")[1:]]


def _step(live: Live, work: _Work, step: Any) -> Any:
    place = step.get("path") if isinstance(step, dict) else None
    if not isinstance(place, str) or step.get("op") not in ("add", "replace"):
        raise NotRestored("", "stands where no value is written")
    at = ROOT
    for name in _names(place) or ():
        at = (at, name)
    if _in_list(live, at, step.get("value")):
        raise NotRestored(
            told(at), "stands in a list, whose elements a JSON Patch renames and moves: patch another way"
        )
    return {**step, "value": work.restored(step.get("value"), at)}


def _in_list(live: Live, at: At, value: Any) -> bool:
    """Whether a step leads into a list, or what it writes has one: by its name or number a value may be shown."""
    return live.passes_list(at) or _has_list(value)


def _has_list(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_list, value.values()))
    return isinstance(value, list) and holds_sentinel(dumps(value))


def _holds(step: Any) -> bool:
    return holds_sentinel(dumps(step))


def _same_version(live: Live, metadata: dict[str, Any]) -> None:
    given = metadata.get("resourceVersion")
    if given not in (None, "", live.version):
        raise NotRestored("metadata.resourceVersion", "is not that of the object now: get it again", 409)


class _Work:
    """One document. `places` are where values were put back; `applied`: it is a configuration that is applied."""

    def __init__(self, live: Live, applied: bool = False) -> None:
        self.count = 0
        self.places: list[At] = []
        self._live = live
        self._applied = applied

    def restored(self, value: Any, at: At) -> Any:
        """The same value, with what it holds put back."""
        if isinstance(value, dict):
            return {name: self.restored(each, (at, name)) for name, each in value.items()}
        if isinstance(value, list):
            return [self.restored(each, (at, number, each)) for number, each in enumerate(value)]
        if not isinstance(value, str) or not holds_sentinel(value.encode("utf-8", "surrogatepass")):
            return value
        found = self._live.value(pointer(at), value, self._applied)
        if found is None and at == APPLIED and not self._applied:
            found = self._configuration(value)
        if found is None:
            raise NotRestored(told(at), STALE)
        self.count += 1
        self.places.append(at)
        return found

    def _configuration(self, text: str) -> str | None:
        """The configuration that is applied: kubectl writes the object down once more."""
        document, work = _json(text), _Work(self._live, applied=True)
        if not isinstance(document, dict):
            return None
        try:
            found = dumps(work.restored(document, ROOT)).decode() + text[len(text.rstrip()) :]
            if shown := self._live.shows_applied(found, work.places):
                raise NotRestored(shown, "would be shown there")
        except NotRestored as error:
            raise NotRestored(f"{told(APPLIED)}: {error.field}", str(error)) from None
        self.count += work.count - 1
        return found


# -- places -------------------------------------------------------------------------------------------------------


def _version(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    if not isinstance(version, str) or not version:
        raise NotRestored("", "belongs to an object without a version")
    return version


def _member(document: Any, at: At) -> Any:
    for step in reversed([*_above(at)]):
        try:
            document = document[step[1]]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def _above(at: At) -> Iterator[At]:
    while at:
        yield at
        at = at[0]


def _json(text: Any) -> Any:
    try:
        return loads(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else None
    except ValueError:
        return None


def _text(encoded: str) -> str | None:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return None
