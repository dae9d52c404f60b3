"""Where a value stands in an object, so that it is found again after others around it have moved. Pure.

Like a JSON Pointer (RFC 6901): `/data/password`. Elements of lists are told by their name where they have one, as
servers merge them by it, and by their number elsewhere: `/spec/containers/~2web/env/~2TOKEN/value`, `/spec/args/~30`.
What stands in JSON that is itself a text stands behind `/~4`. No name can be taken for any of these.
"""

from __future__ import annotations

from typing import Any

At = tuple[Any, ...]
"""A place: () is the whole, (above, name) a member, (above, number, element) of a list, (above,) inside a text.

A chain, as walking makes one for each value and asks for few of their pointers."""
ROOT: At = ()


def pointer(at: At) -> str:
    """The place as text."""
    steps: list[str] = []
    while at:
        steps.append(_step(at))
        at = at[0]
    return "".join(reversed(steps))


def _step(at: At) -> str:
    if len(at) == 1:
        return "/~4"
    if len(at) == 2:
        return "/" + _escaped(at[1])
    name = at[2].get("name") if isinstance(at[2], dict) else None
    return f"/~2{_escaped(name)}" if isinstance(name, str) else f"/~3{at[1]}"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name


def told(at: At) -> str:
    """The place as people write it: `spec.containers[0].env[1].value`, `metadata.annotations[a/b]`."""
    text = ""
    for each in reversed(list(_chain(at))):
        if len(each) == 2:
            text += f"[{each[1]}]" if "." in each[1] or "/" in each[1] else f".{each[1]}"
        elif len(each) == 3:
            text += f"[{each[1]}]"
    return text.removeprefix(".") or "a value"


def _chain(at: At) -> list[At]:
    steps = []
    while at:
        steps.append(at)
        at = at[0]
    return steps
