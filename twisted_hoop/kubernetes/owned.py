"""Values in `metadata.managedFields`: elements of sets and keys of lists stand there as they are (M10). Pure.

Who owns a field is kept by its path: `f:` and a member's name, `k:` and the members that tell an element of a list from
others, `v:` and an element of a set. Of what is hidden the last two go; a server asks for neither to come back.
Source: Kubernetes, Server-Side Apply; structured-merge-diff, fieldpath/serialize-pe.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted_hoop.kubernetes.documents import loads

Hides = Callable[[str, str], bool]
"""(place, its last name) → whether what stands there is hidden."""


def hide_owned(metadata: dict[str, Any], hides: Hides) -> int:
    """Take values of hidden places out of an object's metadata, in place; how many."""
    entries, count = metadata.get("managedFields"), 0
    for entry in entries if isinstance(entries, list) else ():
        owned = entry.get("fieldsV1") if isinstance(entry, dict) else None
        if isinstance(owned, dict):
            count += _walk(owned, "", False, hides)
    return count


def _walk(owned: dict[str, Any], path: str, hidden: bool, hides: Hides) -> int:
    count = 0
    for step, below in list(owned.items()):
        sort, _, told = step.partition(":")
        if (sort == "v" and hidden) or (sort == "k" and (hidden or _key_hidden(told, path, hides))):
            del owned[step]
            count += 1
        elif isinstance(below, dict):
            place = (f"{path}/{told}" if path else told) if sort == "f" else path
            count += _walk(below, place, hidden or (sort == "f" and hides(place, told)), hides)
    return count


def _key_hidden(told: str, path: str, hides: Hides) -> bool:
    """Whether a member by which elements are told apart is hidden; what cannot be read is."""
    try:
        key = loads(told.encode("utf-8", "surrogatepass"))
    except ValueError:
        return True
    return not isinstance(key, dict) or any(hides(f"{path}/{name}", name) for name in key)
