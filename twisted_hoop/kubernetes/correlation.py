"""Which requests are one deed to people: the key under which a verdict holds for some seconds. Pure.

kubectl sends `Kubectl-Session`, a UUID for each run, with every request, and asks again over SPDY when a WebSocket was
refused: same path, same query, another method. The header comes from the client, so it only ever narrows: a verdict is
shared by requests that ask for exactly the same, of one principal (`http.sharing`), and the header must be there too.
Writes are never shared: an approval for one use is for one write (A4).
"""

from __future__ import annotations

import re

from twisted_hoop.http.messages import RequestHead
from twisted_hoop.kubernetes.requests import KubeRequest

_SESSION = re.compile(rb"[0-9A-Za-z-]{8,64}")
_SHARED = frozenset({"read", "exec", "attach", "forward"})


def kubectl_session(head: RequestHead) -> bytes:
    """The UUID of a run of kubectl; b"" when there is none, or two."""
    values = head.values(b"kubectl-session")
    return values[0] if len(values) == 1 and _SESSION.fullmatch(values[0]) else b""


def key_of(head: RequestHead, request: KubeRequest) -> str:
    """The key of a request, "" for what shares nothing."""
    if not request.classes <= _SHARED or request.verb == "create":
        return ""
    session = kubectl_session(head)
    return (session + b" " + head.path + b"?" + head.query).decode("latin-1") if session else ""
