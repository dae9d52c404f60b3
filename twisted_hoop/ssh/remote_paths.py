"""Names of files at a target, as rules see them and as they are sent on (S22). Pure.

The text decides, not the target's disk: `.` and `..` are folded away here, and a name that held `..` is sent in its
folded form, so that what is judged is what is used. Symbolic links at the target are followed by the target, unseen:
rules on paths bind those who cannot make a link there by other means.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemotePath:
    """`fact`: what rules match, `/etc/passwd` or `~/x` where the home folder is not known; what is not UTF-8 stands as
    lone surrogates, which no pattern permits and every pattern forbids. `wire`: the octets to send."""

    fact: str
    wire: bytes

    @property
    def text(self) -> str:
        """For people: what is not UTF-8 as `\\xNN`."""
        return self.fact.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def resolve(raw: bytes, home: str = "") -> RemotePath | None:
    """The path of a file named `raw`; relative names begin in `home` (absolute, or "" when it is not known).

    None for a name that cannot be judged: one with a NUL, or one that climbs above a home folder nobody knows.
    """
    if b"\0" in raw:
        return None
    name = raw.decode("utf-8", "surrogateescape")
    if not name.startswith("/") and not home:
        return _below_home(name)
    parts = folded(name if name.startswith("/") else f"{home}/{name}")
    fact = "/" + "/".join(parts or ())
    climbs = ".." in name.split("/")
    return RemotePath(fact, fact.encode("utf-8", "surrogateescape") if climbs else raw)


def _below_home(name: str) -> RemotePath | None:
    parts = folded(name, climbing=False)
    if parts is None:
        return None
    inside = "/".join(parts)
    wire = inside or "."
    fact = f"~/{inside}" if inside else "~"
    return RemotePath(fact, (wire if ".." in name.split("/") else name).encode("utf-8", "surrogateescape"))


def folded(name: str, climbing: bool = True) -> list[str] | None:
    """The parts of a path without `.` and `..`; `/..` is `/`. None when it climbs out and may not."""
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts and not climbing:
                return None
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def beside(link: RemotePath, target: bytes) -> bytes:
    """Where a symbolic link leads: a relative target begins in the link's own folder."""
    if target.startswith(b"/"):
        return target
    folder = link.fact.rpartition("/")[0]
    return f"{folder.removeprefix('~/') if folder != '~' else '.'}/".encode("utf-8", "surrogateescape") + target
