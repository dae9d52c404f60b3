"""Which URL is whose. Ids are of one strict form and never parts of a path (R9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, Map, Rule

from twisted_hoop.identity.own_issuer import KEYS_PATH, TOKEN_PATH
from twisted_hoop.web import shapes
from twisted_hoop.web.agents import AgentCalls, Agents
from twisted_hoop.web.approvals import Approvals
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.basics import Basics
from twisted_hoop.web.callbacks import Callbacks
from twisted_hoop.web.calls import Answer
from twisted_hoop.web.casts import Casts
from twisted_hoop.web.estate import Estate
from twisted_hoop.web.exchange import Exchange, ExchangeForm
from twisted_hoop.web.inbox import Inbox
from twisted_hoop.web.inputs import (
    AccessBody,
    CastQuery,
    DeliveriesQuery,
    DrainBody,
    EntriesQuery,
    EventsQuery,
    ExplainBody,
    HoldBody,
    HoldsQuery,
    JoinTokenBody,
    LiftBody,
    LiftHoldBody,
    LockBody,
    NoQuery,
    RetentionBody,
    RevokeBody,
    SearchQuery,
)
from twisted_hoop.web.keeping import Keeping
from twisted_hoop.web.openapi import Document
from twisted_hoop.web.operations import Operations
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.search import Search
from twisted_hoop.web.sessions import Sessions
from twisted_hoop.web.ssh import CertificateBody, SshKeys
from twisted_hoop.web.views import ApprovalQuery, EndBody, SessionQuery, VoteBody

Handler = Callable[..., Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A handler, and who it is for: "anybody", "local" (anybody on this machine, else a bearer) or "bearer".

    The rest describes it (openapi.py): `query` and `body` are what may be sent, `answer` a type of `shapes`, or a media
    type where it is no JSON; `status` of a call that went well. `form` is a body that is no JSON but a form. `narrow`:
    also for tokens that are for certain targets only; nothing else is, or they would be for more.
    """

    handler: Handler
    access: str = "bearer"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: Any = None
    status: int = 200
    form: type[BaseModel] | None = None
    narrow: bool = False


class _Id(BaseConverter):
    regex = "[A-Za-z0-9_-]{8,64}"


Row = tuple[str, str, Endpoint]
_APPROVAL, _SESSION = "/v1/approvals/<id:ident>", "/v1/sessions/<id:ident>"


def make_routes(parts: Parts, reactor: Any) -> Map:
    """Every route. Nothing redirects: a token sent to one address is not wanted at another."""
    table = make_table(parts, reactor)
    rules = [Rule(path, methods=[method], endpoint=endpoint) for method, path, endpoint in table]
    return Map(rules, converters={"id": _Id}, strict_slashes=False, merge_slashes=False, redirect_defaults=False)


def make_table(parts: Parts, reactor: Any) -> list[Row]:
    """Method, path and endpoint of every route; what /v1/openapi.json says is made from it."""
    table = [
        *_basics(parts, reactor),
        *_exchange(Exchange(parts)),
        *_approvals(Approvals(Inbox(parts))),
        *_sessions(_session_handlers(parts, reactor)),
        *_operations(Operations(parts, Estate(parts))),
        *_keeping(Keeping(parts)),
        *_agents(AgentCalls(Agents(parts))),
    ]
    table.append(("GET", "/v1/openapi.json", Endpoint(Document(table).show, "anybody", answer=dict[str, Any])))
    return table


def _basics(parts: Parts, reactor: Any) -> list[Row]:
    basics, ways, ssh = Basics(parts, reactor), parts.ways, SshKeys(parts)
    certificate = Endpoint(ssh.certificate, body=CertificateBody, answer=dict[str, Any], narrow=True)
    return [
        ("GET", "/healthz", Endpoint(basics.health, "anybody", answer=shapes.Status)),
        ("GET", "/readyz", Endpoint(basics.ready, "anybody", answer=shapes.Readiness)),
        ("GET", "/metrics", Endpoint(basics.metrics, "local", answer="text/plain")),
        ("GET", "/v1/whoami", Endpoint(basics.whoami, answer=shapes.WhoAmI, narrow=True)),
        ("GET", "/v1/login", Endpoint(ways.login, "anybody", answer=dict[str, Any])),
        ("GET", "/v1/targets", Endpoint(ways.targets, answer=dict[str, Any], narrow=True)),
        ("POST", "/v1/ssh/certificate", certificate),
        ("GET", "/v1/ssh/authorities", Endpoint(ssh.authorities, "anybody", answer=dict[str, Any])),
        ("POST", "/v1/slack/actions", Endpoint(Callbacks(parts).slack, "anybody", answer="text/plain")),
    ]


def _exchange(exchange: Exchange) -> list[Row]:
    metadata = Endpoint(exchange.metadata, "anybody", answer=dict[str, Any])
    return [
        ("GET", "/.well-known/openid-configuration", metadata),
        ("GET", "/.well-known/oauth-authorization-server", metadata),
        ("GET", KEYS_PATH, Endpoint(exchange.keys, "anybody", answer=dict[str, Any])),
        ("POST", TOKEN_PATH, Endpoint(exchange.token, "anybody", form=ExchangeForm, answer=dict[str, Any])),
    ]


def _approvals(approvals: Approvals) -> list[Row]:
    one = shapes.Approval
    return [
        ("GET", "/v1/approvals", Endpoint(approvals.list, query=ApprovalQuery, answer=shapes.Approvals)),
        ("GET", _APPROVAL, Endpoint(approvals.show, answer=one)),
        ("POST", f"{_APPROVAL}/approve", Endpoint(approvals.approve, body=VoteBody, answer=one)),
        ("POST", f"{_APPROVAL}/deny", Endpoint(approvals.deny, body=VoteBody, answer=one)),
        ("POST", f"{_APPROVAL}/end", Endpoint(approvals.take_back, body=NoQuery, answer=one)),
        ("GET", "/v1/access", Endpoint(approvals.access, answer=shapes.Access)),
        ("POST", "/v1/access", Endpoint(approvals.ask, body=AccessBody, answer=one, status=202)),
    ]


def _session_handlers(parts: Parts, reactor: Any) -> Sessions:
    archive = Archive(parts, reactor)
    return Sessions(archive, Search(parts, archive), Casts(parts, archive, reactor))


def _sessions(sessions: Sessions) -> list[Row]:
    return [
        ("GET", "/v1/search", Endpoint(sessions.search, query=SearchQuery, answer=shapes.Hits)),
        ("GET", "/v1/sessions", Endpoint(sessions.list, query=SessionQuery, answer=shapes.Sessions)),
        ("GET", _SESSION, Endpoint(sessions.show, answer=shapes.Session)),
        ("GET", f"{_SESSION}/entries", Endpoint(sessions.entries, query=EntriesQuery, answer=shapes.Entries)),
        ("GET", f"{_SESSION}/reads", Endpoint(sessions.readings, answer=shapes.Readings)),
        ("GET", f"{_SESSION}/recording", Endpoint(sessions.recording, answer="application/x-ndjson")),
        ("GET", f"{_SESSION}/cast", Endpoint(sessions.cast, query=CastQuery, answer="application/x-asciicast")),
        ("POST", f"{_SESSION}/end", Endpoint(sessions.end, body=EndBody, answer=shapes.Ended, status=202)),
    ]


def _operations(ops: Operations) -> list[Row]:
    drain = Endpoint(ops.drain, body=DrainBody, answer=shapes.Drained, status=202)
    again = Endpoint(ops.deliver_again, body=NoQuery, answer=shapes.Delivery)
    return [
        ("GET", "/v1/configuration", Endpoint(ops.configuration, answer=shapes.Configuration)),
        ("POST", "/v1/explain", Endpoint(ops.explain, body=ExplainBody, answer=shapes.Explanation)),
        ("GET", "/v1/health", Endpoint(ops.health, answer=shapes.Health)),
        ("GET", "/v1/locks", Endpoint(ops.locks, answer=shapes.Locks)),
        ("POST", "/v1/locks", Endpoint(ops.lock, body=LockBody, answer=shapes.Lock, status=201)),
        ("POST", "/v1/locks/lift", Endpoint(ops.lift, body=LiftBody, answer=shapes.Lifted)),
        ("GET", "/v1/replicas", Endpoint(ops.replicas, answer=shapes.Replicas)),
        ("POST", "/v1/replicas/<id:ident>/drain", drain),
        ("GET", "/v1/deliveries", Endpoint(ops.deliveries, query=DeliveriesQuery, answer=shapes.Deliveries)),
        ("POST", "/v1/deliveries/<id:ident>/retry", again),
        ("GET", "/v1/events", Endpoint(ops.events, query=EventsQuery, answer="text/event-stream")),
    ]


def _agents(agents: AgentCalls) -> list[Row]:
    token = Endpoint(agents.token, body=JoinTokenBody, answer=shapes.JoinToken, status=201)
    return [
        ("GET", "/v1/agents", Endpoint(agents.list, answer=shapes.Agents)),
        ("POST", "/v1/agents/tokens", token),
        ("GET", "/v1/agents/<id:ident>", Endpoint(agents.show, answer=shapes.Agent)),
        ("POST", "/v1/agents/<id:ident>/revoke", Endpoint(agents.revoke, body=RevokeBody, answer=shapes.Agent)),
    ]


def _keeping(keeping: Keeping) -> list[Row]:
    lift = Endpoint(keeping.lift, body=LiftHoldBody, answer=shapes.Lifted)
    return [
        ("GET", "/v1/holds", Endpoint(keeping.holds, query=HoldsQuery, answer=shapes.Holds)),
        ("POST", "/v1/holds", Endpoint(keeping.hold, body=HoldBody, answer=shapes.Hold, status=201)),
        ("POST", "/v1/holds/<id:ident>/lift", lift),
        ("GET", "/v1/retention", Endpoint(keeping.retention, answer=shapes.Retention)),
        ("GET", "/v1/retention/<id:ident>", Endpoint(keeping.report, answer=shapes.RetentionRun)),
        (
            "POST",
            "/v1/retention/run",
            Endpoint(keeping.run, body=RetentionBody, answer=shapes.RetentionRun, status=202),
        ),
    ]


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
