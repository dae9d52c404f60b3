"""A request to the Kubernetes API: verb, group, resource, namespace, name, and what class of deed it is. Pure.

As API servers read it (k8s.io/apiserver, pkg/endpoints/request/requestinfo.go), with two differences: what is not
canonical is refused (K6), and exec, attach, port-forward and proxy are the verb `connect`, whatever the method (K5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.classes import CONNECTS, READING_METHODS, classes_of, classes_of_path
from twisted_hoop.kubernetes.paths import Query, is_true, query_of, segments_of, single

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_COLLECTIONS = frozenset({"list", "watch", "deletecollection"})
_WRITING = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_EXACT_NAME = re.compile(r"(?:^|,)\s*metadata\.name\s*==?\s*([^,!=\\\s]+)\s*(?=,|$)")
_REMEMBERED = 4096
"""Bytes of path and query of requests that are remembered."""


@dataclass(frozen=True, slots=True)
class KubeRequest:
    """See the module. `kind` is "resource", or "path" for what is no resource (`/version`, `/metrics`).

    `group` is "" for the core group. `name` of a collection is the one that a field selector asks for. `streaming` is
    an answer without an end (a watch, logs that are followed); `table` is left to those who read Accept. `everywhere`
    is a collection over all namespaces, or over objects that have none.
    """

    kind: str
    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    label_selector: str = ""
    field_selector: str = ""
    dry_run: bool = False
    field_manager: str = ""
    path: str = ""
    classes: frozenset[str] = frozenset()
    streaming: bool = False
    everywhere: bool = False
    query: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def full_resource(self) -> str:
        """`pods`, `pods/exec`, `deployments.apps`, `deployments.apps/scale`: what rules name."""
        base = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{base}/{self.subresource}" if self.subresource else base

    @property
    def runs(self) -> bool:
        """Whether it is an exec into a pod, whose argument vector stands in the query."""
        return self.subresource == "exec" and self.resource == "pods" and not self.group

    @property
    def collection(self) -> bool:
        """Whether it is about all objects a selector leaves, not about one."""
        return self.verb in _COLLECTIONS

    def values(self, name: str) -> tuple[str, ...]:
        """The values of a parameter of its query."""
        return next((values for key, values in self.query if key == name), ())


def read_request(method: bytes, path: bytes, query: bytes) -> KubeRequest:
    """What a request is. Raises ProtocolError for what is not canonical, or no method of this API."""
    if len(path) + len(query) > _REMEMBERED:
        return _read(method, path, query)
    return _remembered(method, path, query)


def _read(method: bytes, path: bytes, query: bytes) -> KubeRequest:
    word = method.decode("ascii", "replace")
    verb = _VERBS.get(word)
    if verb is None:
        raise ProtocolError("this method is none of the Kubernetes API", code="405")
    segments = segments_of(path)
    found = _place(segments)
    if found is None:
        return _of_path(word, segments, query_of(query))
    return _of_resource(verb, path.decode("ascii", "replace"), *found, query_of(query))


_remembered = lru_cache(maxsize=1024)(_read)


def _of_path(method: str, segments: list[str], query: Query) -> KubeRequest:
    path = "/" + "/".join(segments)
    verb = method.lower()
    streaming = is_true(query, "watch")
    classes = classes_of_path(segments, method in READING_METHODS)
    return KubeRequest("path", verb, path=path, classes=classes, streaming=streaming, query=tuple(query.items()))


def _place(segments: list[str]) -> tuple[str, str, list[str]] | None:
    """(group, version, the rest), None for what is no resource: discovery as well."""
    if len(segments) >= 3 and segments[0] == "api":
        return "", segments[1], segments[2:]
    if len(segments) >= 4 and segments[0] == "apis":
        return segments[1], segments[2], segments[3:]
    return None


def _of_resource(verb: str, path: str, group: str, version: str, rest: list[str], query: Query) -> KubeRequest:
    legacy = rest[0] if rest[0] in ("watch", "proxy") else ""
    if legacy:
        verb, rest = legacy, rest[1:]
        if not rest:
            raise ProtocolError("the path names no resource")
    namespace, rest = _namespace(rest)
    resource, name = rest[0], rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 and legacy != "proxy" else ""
    verb = _exact_verb(verb, name, subresource, query)
    field_selector = single(query, "fieldSelector") or ""
    if not name and verb in _COLLECTIONS and not legacy:
        name = _selected(field_selector)
    everywhere = not namespace and (verb in _COLLECTIONS or legacy == "watch")
    return KubeRequest(
        "resource",
        verb,
        group,
        version,
        resource,
        subresource,
        namespace,
        name,
        single(query, "labelSelector") or "",
        field_selector,
        query.get("dryRun") == ("All",) and _can_be_dry(verb, resource, subresource),
        single(query, "fieldManager") or "",
        path,
        classes_of(verb, group, resource, subresource),
        verb == "watch" or (subresource == "log" and is_true(query, "follow")),
        everywhere,
        tuple(query.items()),
    )


def _can_be_dry(verb: str, resource: str, subresource: str) -> bool:
    """Whether servers mind `dryRun`: an exec runs all the same, and a token that is made is one (K5, K12)."""
    return verb in _WRITING and (resource, subresource) != ("serviceaccounts", "token")


def _namespace(rest: list[str]) -> tuple[str, list[str]]:
    """(namespace, what follows): `namespaces/x` itself is a resource that lies in x."""
    if rest[0] != "namespaces" or len(rest) == 1:
        return "", rest
    if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        return rest[1], rest[2:]
    return rest[1], rest


def _exact_verb(verb: str, name: str, subresource: str, query: Query) -> str:
    if verb == "proxy" or subresource in CONNECTS:
        return "connect"
    if name:
        return verb
    if verb == "get":
        return "watch" if is_true(query, "watch") else "list"
    return "deletecollection" if verb == "delete" else verb


def _selected(field_selector: str) -> str:
    """The one name a field selector leaves; "" when it leaves more, asks for two, or has escapes (`\\,` in a value)."""
    if "metadata.name" not in field_selector or "\\" in field_selector:
        return ""
    names = set(_EXACT_NAME.findall(field_selector))
    return names.pop() if len(names) == 1 else ""
