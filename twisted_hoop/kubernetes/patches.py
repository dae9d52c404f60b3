"""JSON-Patch under masks: `copy`, `move` and `test` of what is hidden are refused (M10; RFC 6902, RFC 6901). Pure.

`copy` and `move` would put a hidden value where it is shown, `test` tells whether it was guessed. So does what stands
above a hidden value. What only writes is not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from twisted_hoop.kubernetes.kinds import POD_TEMPLATES
from twisted_hoop.masking.fields import Fields
from twisted_hoop.masking.places import KindPlaces

_READS: Final = {"copy": "from", "move": "from", "test": "path"}
_SHORT: Final = frozenset({"env", "args", "command"})


class HiddenPlaces:
    """Which JSON pointers lead to what is hidden in objects of one kind; `pods` are the places of pods."""

    def __init__(self, kind: str, places: KindPlaces, pods: KindPlaces, fields: Fields | None) -> None:
        self._all = (places, pods) if kind in POD_TEMPLATES or not kind else (places,)
        self._places = places
        self._fields = fields

    def refused(self, patch: Any) -> str:
        """The operation that reads something hidden, for people; "" when none does."""
        for operation in patch if isinstance(patch, list) else ():
            if not isinstance(operation, dict):
                continue
            member = _READS.get(str(operation.get("op")))
            pointer = operation.get(member) if member else None
            if isinstance(pointer, str) and self._hides(_segments(pointer)):
                return f"{operation['op']} of {pointer or 'everything'}"
        return ""

    def _hides(self, names: list[str]) -> bool:
        path = "/".join(names)
        if not names:
            return any(self._all) or bool(self._fields)
        if self._fields and any(self._fields.strategy(name.encode("utf-8", "replace")) for name in names):
            return True
        if self._places.below(path) or any(self._places.strategy(above) for above in _above(names)):
            return True
        return self._annotated(names) or self._short(names)

    def _annotated(self, names: list[str]) -> bool:
        """Annotations: by place, and those that hold the object once more."""
        if "annotations" not in names:
            return names[-1] == "metadata" and bool(self._places)
        behind = names[names.index("annotations") + 1 :]
        hidden = not behind or self._places.strategy(f"annotations/{behind[0]}") or behind[0].startswith("kubectl.")
        return bool(self._places) and bool(hidden)

    def _short(self, names: list[str]) -> bool:
        """Variables and arguments of containers: by their number nobody can tell which one it is."""
        words = [word for word in _SHORT if any(each.below(word) or each.strategy(word) for each in self._all)]
        if not words:
            return False
        return any(word in names for word in words) or not _beside(names)


def _beside(names: list[str]) -> bool:
    """Whether a pointer leads past containers, or to another member of one."""
    if any(name in ("containers", "initContainers", "ephemeralContainers") for name in names):
        return not names[-1].isdigit() and not names[-1].endswith("ontainers")
    return names[-1] not in ("spec", "template", "jobTemplate")


def _above(names: list[str]) -> Iterator[str]:
    for depth in range(1, len(names) + 1):
        yield "/".join(name for name in names[:depth] if not name.isdigit())
        yield "/".join(names[:depth])


def _segments(pointer: str) -> list[str]:
    return [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:]]
