"""Names of files as rules see them: absolute, or from the home directory, without `.`, `..` and doubled slashes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twisted_hoop.shell.values import HOME, Value

_DOTS = re.compile(r"\.[.?*]*[?*][.?*]*")
_ELSEWHERE = re.compile(r"/proc/.*/(root|cwd|fd|exe|map_files)(/.*)?|/dev/(fd|tcp|udp)(/.*)?", re.S)
_ESCAPED = re.compile(r"[\\*?]")


@dataclass(frozen=True, slots=True)
class Place:
    """A canonical path. `glob` is set when files decide. `unsure` says why the kernel may find another file."""

    path: str
    glob: str = ""
    unsure: str = ""


def escaped(text: str) -> str:
    """Text as a glob that means just that."""
    return _ESCAPED.sub(r"\\\g<0>", text)


def below(place: Place) -> str:
    """The glob of everything below a directory."""
    return (place.glob or escaped(place.path)).rstrip("/") + "/**"


def placed(value: Value, start: str) -> Place:
    """The file a word names for a shell in the directory `start`, which is canonical."""
    text, unsure = _canonical(value.text, start, value.home)
    glob = ""
    if value.glob:
        glob, more = _canonical(value.glob, escaped(start), value.home)
        unsure = unsure or more or _dotted(value.glob)
    if _ELSEWHERE.fullmatch(text):
        unsure = unsure or "a path that leads into another process or out of the file system"
    return Place(text, glob, unsure)


def _canonical(text: str, start: str, home: bool) -> tuple[str, str]:
    if home:
        return _walked(HOME, text[1:])
    return _walked("", text) if text.startswith("/") else _walked(*_rooted(start, text))


def _rooted(start: str, text: str) -> tuple[str, str]:
    if start.startswith(HOME):
        return HOME, start[1:] + "/" + text
    return "", start + "/" + text


def _walked(root: str, rest: str) -> tuple[str, str]:
    found, unsure = list[str](), ""
    for part in rest.split("/"):
        if part == "..":
            unsure = unsure or _up(root, found)
            del found[-1:]
        elif part not in ("", "."):
            found.append(part)
    return root + "/" + "/".join(found) if found else root or "/", unsure


def _up(root: str, found: list[str]) -> str:
    """`..` behind a directory that may be a link leads where the link's target lies, and above home nobody can tell."""
    if found:
        return "a path with .. behind a directory that may be a link"
    return "a path that leads above the home directory" if root else ""


def _dotted(glob: str) -> str:
    return "a glob that may mean .." if any(map(_DOTS.fullmatch, glob.split("/"))) else ""
