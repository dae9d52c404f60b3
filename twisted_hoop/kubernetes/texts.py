"""A request in words: what recordings and approvers are shown, and what an approval is bound to. Pure.

What opens a way into a container reads the same whether it comes as GET or as POST, over WebSocket or SPDY: one
approval serves both (kubectl asks again over SPDY when a WebSocket was refused).
"""

from __future__ import annotations

import shlex

from twisted_hoop.http.plain import is_credential, shown_query
from twisted_hoop.kubernetes.facts import argv_of, flag_of
from twisted_hoop.kubernetes.requests import KubeRequest


def action_of(request: KubeRequest) -> str:
    """`get`, `create`, …; `exec`, `attach`, `forward` or `proxy` for what is the verb `connect`."""
    return min(request.classes - {"escape"}) if request.verb == "connect" else request.verb


def text_of(request: KubeRequest, method: str, path: str, query: str) -> str:
    """The whole request, but for its body, and for credentials in its query (K13)."""
    if request.runs:
        return _exec(request)
    word = action_of(request) if request.verb == "connect" else method
    told = shown_query(query)
    return f"{word} {path}?{told}" if told else f"{word} {path}"


def hides_nothing(request: KubeRequest) -> bool:
    """Whether the text has the values of all that is asked for."""
    return not any(is_credential(name) for name, _ in request.query)


def _exec(request: KubeRequest) -> str:
    """`exec -n shop -c app -i -t web-0 -- ls -l /`, as kubectl would be told; what else was said stands at its end."""
    words = ["exec"]
    if request.namespace:
        words += ["-n", request.namespace]
    if container := "".join(request.values("container")):
        words += ["-c", container]
    words += [letter for letter, name in (("-i", "stdin"), ("-t", "tty")) if flag_of(request, name)]
    words += [request.name, "--", *argv_of(request)]
    return shlex.join(words) + _more(request)


def _more(request: KubeRequest) -> str:
    known = {"command", "container", "stdin", "stdout", "stderr", "tty"}
    pairs = [(name, value) for name, values in request.query if name not in known for value in values]
    more = [f"{name}={'…' if is_credential(name) else value}" for name, value in pairs]
    return f"  ({'&'.join(more)})" if more else ""
