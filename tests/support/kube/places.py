"""What a path means: kind, namespace, name, subresource, verb."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.kube.access import Attributes
from tests.support.kube.errors import ApiError, no_such_path
from tests.support.kube.kinds import Kind
from tests.support.kube.store import Store
from tests.support.kube.wire import Request

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True)
class Place:
    """A resource request."""

    kind: Kind
    verb: str
    namespace: str = ""
    name: str = ""
    sub: str = ""
    rest: str = ""
    """What follows `proxy/`."""

    @property
    def attributes(self) -> Attributes:
        """For the authoriser."""
        return Attributes(self.verb, self.kind.group, self.kind.plural, self.sub, self.namespace, self.name)


def place_of(request: Request, store: Store) -> Place:
    """Read a path under /api/V or /apis/G/V. What is not canonical is not there."""
    parts = request.path.rstrip("/").split("/")[1:]
    if "" in parts or ".." in parts or "." in parts:
        raise no_such_path()
    core = parts[0] == "api"
    group, version, rest = ("", parts[1], parts[2:]) if core else (parts[1], parts[2], parts[3:])
    watched = bool(rest) and rest[0] == "watch"
    rest = rest[1:] if watched else rest
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in ("finalize", "status"):
        namespace, rest = rest[1], rest[2:]
    if not rest:
        raise no_such_path()
    kind = store.kind(group, version, rest[0])
    name, sub = [*rest, "", ""][1:3]
    if sub and sub not in kind.subresources:
        raise no_such_path()
    if kind.plural == "namespaces" and name:
        namespace = ""
    place = Place(kind, "", namespace, name, sub, "/".join(rest[3:]))
    return Place(kind, _verb(request, place, watched), namespace, name, sub, place.rest)


def _verb(request: Request, place: Place, watched: bool) -> str:
    verb = _VERBS.get(request.method, "")
    if verb == "get" and not place.sub and (watched or request.true("watch")):
        return "watch"
    if not place.name:
        verb = {"get": "list", "delete": "deletecollection", "create": "create"}.get(verb, "")
    if not verb:
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    return verb
