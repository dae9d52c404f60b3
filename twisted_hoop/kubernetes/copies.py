"""`kubectl cp` as what it is: a tar at one end of an exec, whose stream is files and not text. Pure.

Only the argument vectors that kubectl and the examples of client libraries send are taken for a copy; everything else
is a command like others, whose streams are text. Source: k8s.io/kubectl/pkg/cmd/cp/cp.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from twisted_hoop.kubernetes.parts import Stream

_PACK = re.compile(r"-?c[vh]*f")
_UNPACK = re.compile(r"-?x[vmp]*f")
_PLAIN = frozenset({"--no-same-permissions", "--no-same-owner"})


@dataclass(frozen=True, slots=True)
class Copy:
    """`stream` is stdout when files are read from the container, stdin when they are written into it."""

    stream: Stream
    paths: tuple[str, ...]

    def told(self) -> dict[str, object]:
        """For the outcome."""
        return {"paths": list(self.paths)}


def copy_of(argv: Sequence[str]) -> Copy | None:
    """The copy that a command is, or None."""
    if not argv or argv[0].rpartition("/")[2] != "tar":
        return None
    words = [word for word in argv[1:] if word not in _PLAIN]
    if len(words) < 2 or words[1] != "-":
        return None
    rest = words[2:]
    if _PACK.fullmatch(words[0]) and rest and not any(word.startswith("-") for word in rest):
        return Copy("stdout", tuple(rest))
    if _UNPACK.fullmatch(words[0]) and (not rest or (len(rest) == 2 and rest[0] in ("-C", "--directory"))):
        return Copy("stdin", tuple(rest[1:]) or (".",))
    return None
