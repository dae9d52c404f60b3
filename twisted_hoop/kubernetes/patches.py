"""JSON-Patch under masks: `copy`, `move` and `test` of what is hidden are refused (M10; RFC 6902, RFC 6901). Pure.

`copy` and `move` would put a hidden value where it is shown, `test` tells whether it was guessed. So does what stands
above a hidden value. What only writes is not looked at here, but for names of variables, by which they are hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from twisted_hoop.kubernetes.kinds import HOLD_ANYTHING, POD_TEMPLATES
from twisted_hoop.masking.fields import Fields
from twisted_hoop.masking.places import KindPlaces

_READS: Final = {"copy": "from", "move": "from", "test": "path"}
_SHORT: Final = frozenset({"env", "args", "command"})
_CONTAINERS: Final = frozenset({"containers", "initContainers", "ephemeralContainers"})
_MEMBER: Final = 2
"""Names from `containers` to one of them; what is longer leads to a member."""
_INDEX: Final = re.compile(r"[+-]?[0-9_]+")
_MOST_INDEXES: Final = 6
"""Numbers in a pointer that are read both ways; where there are more, it may lead anywhere."""
_OWN: Final = frozenset({"metadata", "status"})
"""Members of any object that hold no other one."""


class HiddenPlaces:
    """Which JSON pointers lead to what is hidden in objects of one kind.

    `pods` are the places of pods, `secrets` those of Secrets: whatever is not built in may hold either.
    """

    def __init__(
        self, kind: str, places: KindPlaces, pods: KindPlaces, fields: Fields | None, secrets: KindPlaces | None = None
    ) -> None:
        self._opaque = not kind or kind in HOLD_ANYTHING
        self._all = (places, pods) if kind in POD_TEMPLATES or self._opaque else (places,)
        self._places = places
        self._secrets = secrets if self._opaque else None
        self._fields = fields

    def refused(self, patch: Any) -> str:
        """The operation that reads something hidden, or shows it, for people; "" when none does."""
        for operation in patch if isinstance(patch, list) else ():
            if not isinstance(operation, dict):
                continue
            member = _READS.get(str(operation.get("op")))
            pointer = operation.get(member) if member else None
            if isinstance(pointer, str) and self._hides(_segments(pointer)):
                return f"{operation['op']} of {pointer or 'everything'}"
            if self._renames(operation.get("path")):
                return f"{operation.get('op')} of {operation['path']}, by which it is known that its value is hidden"
        return ""

    def _renames(self, pointer: Any) -> bool:
        """Whether a variable would be called otherwise, and its value be shown (M10)."""
        names = _segments(pointer) if isinstance(pointer, str) else []
        if names[-1:] != ["name"] or names[-3:-2] != ["env"]:
            return False
        return bool(self._fields) or any(each.below("env") or each.strategy("env") for each in self._all)

    def written(self, step: Any) -> Any:
        """One step as people may see it: without the value of what is hidden, or stands above it."""
        pointer = step.get("path") if isinstance(step, dict) and "value" in step else None
        hides = isinstance(pointer, str) and self._hides(_segments(pointer))
        return {**step, "value": "…"} if hides else step

    def _hides(self, names: list[str]) -> bool:
        if not names:
            return any(self._all) or bool(self._fields)
        if self._fields and any(self._fields.strategy(name.encode("utf-8", "replace")) for name in names):
            return True
        if _meets(self._places, names):
            return True
        return self._annotated(names) or self._short(names) or self._holds_secret(names)

    def _annotated(self, names: list[str]) -> bool:
        """Annotations may hold the object once more, under any name, and copies of its values."""
        hides = any(self._all) or bool(self._fields)
        return hides and ("annotations" in names or names[-1] == "metadata")

    def _short(self, names: list[str]) -> bool:
        """Variables and arguments of containers: by their number nobody can tell which one it is."""
        words = [word for word in _SHORT if any(each.below(word) or each.strategy(word) for each in self._all)]
        if not words or (self._opaque and names[0] in _OWN):
            return False
        return any(word in names for word in words) or not _beside(names, self._opaque)

    def _holds_secret(self, names: list[str]) -> bool:
        """Members of a Secret, wherever in another object it stands."""
        secrets = self._secrets
        if not secrets or names[0] in _OWN:
            return False
        return any(_meets(secrets, names[at:]) for at in range(len(names)))


def _meets(places: KindPlaces, names: list[str]) -> bool:
    """Whether a pointer leads to something hidden, into it, or above it; its numbers may be indexes (M10)."""
    if sum(map(_is_index, names)) > _MOST_INDEXES:
        return bool(places)
    return any(places.below(each) or any(map(places.strategy, _above(each))) for each in _readings(names))


def _beside(names: list[str], opaque: bool) -> bool:
    """Whether a pointer leads past containers, or to another member of one.

    Of a list's index only the place counts: servers take `-1` and `+0` too.
    """
    behind = next((len(names) - at for at, name in reversed(list(enumerate(names))) if name in _CONTAINERS), 0)
    if behind:
        return behind > _MEMBER
    return not opaque and names[-1] not in ("spec", "template", "jobTemplate")


def _readings(names: list[str]) -> set[str]:
    """The places a pointer may lead to: without its indexes, of which nobody can tell from keys that are numbers."""
    found: list[tuple[str, ...]] = [()]
    for name in names:
        kept = [(*each, name) for each in found]
        found = found + kept if _is_index(name) else kept
    return {"/".join(each) for each in found}


def _is_index(name: str) -> bool:
    """Servers take `-1` for the last element, and `+0` and `00` for the first; `-` is behind the last."""
    return name == "-" or _INDEX.fullmatch(name) is not None


def _above(place: str) -> Iterator[str]:
    """The place, and all above it."""
    while place:
        yield place
        place = place.rpartition("/")[0]


def _segments(pointer: str) -> list[str]:
    return [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:]]
