"""Label selectors and field selectors."""

from __future__ import annotations

import re

from tests.support.kube.errors import Json, bad_request

_SET = re.compile(r"([^\s,=!()]+)\s+(in|notin)\s+\(([^)]*)\)")
_PARTS = re.compile(r",(?![^(]*\))")


def labels_match(selector: str, labels: dict[str, str]) -> bool:
    """Whether labels satisfy `a=b,c!=d,e,!f,g in (h,i)`."""
    return all(_one(part.strip(), labels) for part in _PARTS.split(selector) if part.strip())


def _one(part: str, labels: dict[str, str]) -> bool:
    found = _SET.fullmatch(part)
    if found:
        values = {each.strip() for each in found[3].split(",")}
        inside = labels.get(found[1]) in values
        return inside if found[2] == "in" else not inside
    if "!=" in part:
        key, _, value = part.partition("!=")
        return labels.get(key.strip()) != value.strip()
    if "=" in part:
        key, _, value = part.replace("==", "=").partition("=")
        return labels.get(key.strip()) == value.strip()
    return part[1:].strip() not in labels if part.startswith("!") else part in labels


def fields_match(selector: str, item: Json) -> bool:
    """Whether an object satisfies `metadata.name=x,status.phase!=y`."""
    for part in filter(None, (each.strip() for each in selector.split(","))):
        key, equals, value = part.partition("!=") if "!=" in part else part.replace("==", "=").partition("=")
        if not equals:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        if (str(look(item, key)) == value) == (equals == "!="):
            return False
    return True


def look(item: Json, path: str) -> object:
    """The value at a dotted path, "" when there is none."""
    here: object = item
    for step in path.split("."):
        here = here.get(step, "") if isinstance(here, dict) else ""
    return here


def matches_selector(selector: Json, labels: dict[str, str]) -> bool:
    """A LabelSelector as objects have it."""
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items())
