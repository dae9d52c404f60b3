"""`kubectl cp` into a pod as one deed: it looks with `test -d DEST`, then unpacks a tar there or beside it. Pure.

Two commands, four requests when WebSockets are refused, and people should be asked once. So the first, when it says
that it belongs to a copy, is judged for both: whoever agrees to it agrees to a tar unpacked at DEST. The tar that
follows, of the same run of kubectl, in the same container and place, then shares the verdict. A client that tells lies
here is only judged more strictly. Source: k8s.io/kubectl/pkg/cmd/cp/cp.go, copyToPod.
"""

from __future__ import annotations

import posixpath

from twisted_hoop.http.messages import RequestHead
from twisted_hoop.kubernetes.correlation import kubectl_session
from twisted_hoop.kubernetes.requests import KubeRequest

_TAR = ("tar", "-xmf", "-")
_TAR_PLAIN = ("tar", "--no-same-permissions", "--no-same-owner", "-xmf", "-")
_REMEMBERED = 1024


def looks_for(head: RequestHead, request: KubeRequest) -> str:
    """The destination that a copy begins with, "" for what is none."""
    if not request.runs or head.value(b"kubectl-command") != b"kubectl cp" or not kubectl_session(head):
        return ""
    argv = request.values("command")
    return argv[2] if len(argv) == 3 and argv[:2] == ("test", "-d") else ""


def unpacking(destination: str) -> tuple[str, ...]:
    """The widest of the commands that may follow: a tar unpacked in the directory around the destination."""
    return (*_TAR, "-C", _parent(destination))


class Copies:
    """The copies that have begun at one target."""

    def __init__(self) -> None:
        self._begun: dict[tuple[bytes, bytes, tuple[str, ...]], str] = {}

    def key(self, head: RequestHead, request: KubeRequest) -> str:
        """The key that both commands of a copy share, "" for other requests."""
        if not request.runs or head.value(b"kubectl-command") != b"kubectl cp":
            return ""
        run = (kubectl_session(head), head.path, request.values("container"))
        if not run[0]:
            return ""
        if destination := looks_for(head, request):
            if len(self._begun) >= _REMEMBERED:
                self._begun.clear()
            self._begun[run] = destination
        elif not self._follows(request, destination := self._begun.get(run, "")):
            return ""
        return f"cp {run!r} {destination}"

    def _follows(self, request: KubeRequest, destination: str) -> bool:
        argv = request.values("command")
        if not destination or argv[:-2] not in (_TAR, _TAR_PLAIN) or argv[-2] != "-C":
            return False
        return argv[-1] in (_clean(destination), _parent(destination))


def _clean(destination: str) -> str:
    return posixpath.normpath(destination)


def _parent(destination: str) -> str:
    return posixpath.dirname(_clean(destination)) or "."
