"""Which URL is whose. Ids are of one strict form and never parts of a path (R9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Union

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, Map, Rule

from twisted_hoop.web.approvals import Approvals
from twisted_hoop.web.basics import Basics
from twisted_hoop.web.calls import Reply, Stream
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.sessions import Sessions
from twisted_hoop.web.ssh import SshKeys

Handler = Callable[..., Awaitable[Union[Reply, Stream]]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A handler, and who it is for: "anybody", "local" (anybody on this machine, else a bearer) or "bearer"."""

    handler: Handler
    access: str = "bearer"


class _Id(BaseConverter):
    regex = "[A-Za-z0-9_-]{8,64}"


def make_routes(parts: Parts, reactor: Any) -> Map:
    """Every route. Nothing redirects: a token sent to one address is not wanted at another."""
    basics, approvals, sessions = Basics(parts, reactor), Approvals(parts.desk), Sessions(parts, reactor)
    ssh = SshKeys(parts)
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/healthz", Endpoint(basics.health, "anybody")),
        ("GET", "/metrics", Endpoint(basics.metrics, "local")),
        ("GET", "/v1/whoami", Endpoint(basics.whoami)),
        ("GET", "/v1/login", Endpoint(parts.ways.login, "anybody")),
        ("GET", "/v1/targets", Endpoint(parts.ways.targets)),
        ("POST", "/v1/ssh/certificate", Endpoint(ssh.certificate)),
        ("GET", "/v1/ssh/authorities", Endpoint(ssh.authorities, "anybody")),
        ("GET", "/v1/approvals", Endpoint(approvals.list)),
        ("GET", "/v1/approvals/<id:ident>", Endpoint(approvals.show)),
        ("POST", "/v1/approvals/<id:ident>/approve", Endpoint(approvals.approve)),
        ("POST", "/v1/approvals/<id:ident>/deny", Endpoint(approvals.deny)),
        ("GET", "/v1/sessions", Endpoint(sessions.list)),
        ("GET", "/v1/sessions/<id:ident>", Endpoint(sessions.show)),
        ("GET", "/v1/sessions/<id:ident>/recording", Endpoint(sessions.recording)),
        ("POST", "/v1/sessions/<id:ident>/end", Endpoint(sessions.end)),
    ]
    rules = [Rule(path, methods=[method], endpoint=endpoint) for method, path, endpoint in table]
    return Map(rules, converters={"id": _Id}, strict_slashes=False, merge_slashes=False, redirect_defaults=False)


def find(routes: Map, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint and the ids in the path, or a Problem. No path of ours needs escapes, so none is taken (K6, R9)."""
    if "%" in path or "//" in path or not path.isascii() or path.endswith("/"):
        raise Problem(404, "no such resource")
    try:
        endpoint, ids = routes.bind("hoop").match(path, method)
    except MethodNotAllowed as fault:
        raise Problem(405, "", {"Allow": ", ".join(sorted(fault.valid_methods or ()))}) from None
    except HTTPException:
        raise Problem(404, "no such resource") from None
    return endpoint, dict(ids)
