"""The JSON that is answered, as types: what views make, and what the OpenAPI document describes.

Times are POSIX seconds; ids match `[A-Za-z0-9_-]{8,64}`; `next` is the cursor of the page that follows, "" at the end.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Who(TypedDict):
    """A principal: `label` is for people, issuer and subject are the identity."""

    issuer: str
    subject: str
    name: str
    kind: str
    chain: list[dict[str, str]]
    label: str


class Vote(TypedDict):
    """One person's word."""

    by: str
    name: str
    granted: bool
    comment: str
    at: float


class Approval(TypedDict):
    """One request. `text` is exact, `shown` the same made safe to look at, whole (A3).

    `facts` is what it touches, statement by statement. `objection` says why the caller may not decide it, or "".
    `action` "access" asks for the target for `valid` seconds, anything else for one command.
    """

    id: str
    state: str
    session: str
    principal: Who
    target: str
    attributes: dict[str, str]
    action: str
    text: str
    shown: str
    notes: list[str]
    parameters: list[str | None]
    context: dict[str, str]
    tables: list[str]
    classes: list[str]
    facts: list[dict[str, list[str]]]
    reason: str
    rule: str
    rule_reason: str
    policy_version: str
    digest: str
    approvers: list[str]
    quorum: int
    valid: float
    uses: int
    uses_left: int
    created: float
    deadline: float
    until: float
    votes: list[Vote]
    objection: str


class Approvals(TypedDict):
    """A page of requests, newest first."""

    approvals: list[Approval]
    next: str


class Session(TypedDict):
    """One session of the index. `state` is live or closed, `outcome` how it ended, `count` its commands."""

    id: str
    state: str
    outcome: str
    started: float
    ended: float | None
    seconds: float | None
    who: str
    issuer: str
    subject: str
    chain: list[str]
    target: str
    protocol: str
    peer: str
    count: int


class Sessions(TypedDict):
    """A page of sessions, newest first."""

    sessions: list[Session]
    next: str


class Hit(TypedDict):
    """One command that was found: entry `n` of a session's recording. `text` is its beginning, safe to look at.

    `decision` is what became of it: allow, review, or why it was refused. `cut`: the recording has more of the text.
    """

    session: str
    n: int
    at: float
    who: str
    issuer: str
    subject: str
    target: str
    protocol: str
    kind: str
    action: str
    decision: str
    rule: str
    text: str
    cut: bool


class Hits(TypedDict):
    """A page of commands, newest first."""

    hits: list[Hit]
    next: str


class Hold(TypedDict):
    """What must not be deleted: `kind` is session, principal or target. While `lifted_at` is 0, it holds."""

    id: str
    kind: str
    value: str
    reason: str
    by_key: str
    at: float
    lifted_at: float
    lifted_by: str
    lifted_reason: str


class Holds(TypedDict):
    """Holds, newest first."""

    holds: list[Hold]


class Due(TypedDict):
    """A recording whose time is over, by which rule, and `what` became of it: deleted, held, elsewhere, failed."""

    session: str
    target: str
    who: str
    started: float
    ended: float | None
    rule: str
    what: str


class RetentionRun(TypedDict):
    """One run. `state`: running, done, failed, busy. Of a `dry` one, `deleted` is what would be."""

    id: str
    at: float
    by: str
    dry: bool
    state: str
    ended: float
    looked: int
    due: int
    deleted: int
    held: int
    elsewhere: int
    failed: int
    bytes: int
    rules: dict[str, int]
    told: list[Due]
    problems: list[str]


class Retention(TypedDict):
    """The rules as loaded, and the last runs without what they tell of single recordings."""

    rules: list[dict[str, Any]]
    runs: list[RetentionRun]


class Entries(TypedDict):
    """A page of a recording. `next` is the number to go on after, None at the end (a live one may go on later).

    `damaged` says where it cannot be trusted any more, or "".
    """

    entries: list[dict[str, Any]]
    next: int | None
    damaged: str


class Reading(TypedDict):
    """One reading of a recording."""

    at: float
    reader_key: str
    what: str
    address: str
    request_id: str


class Readings(TypedDict):
    """Who read a recording, oldest first."""

    reads: list[Reading]


class Ended(TypedDict):
    """A session that is being ended."""

    ended: str


class Grant(TypedDict):
    """Access that holds."""

    id: str
    target: str
    until: float


class Offer(TypedDict):
    """A target that may be asked for."""

    target: str
    protocol: str
    longest: float
    approvers: list[str]
    approvals: int
    reason_needed: bool


class Access(TypedDict):
    """What the caller was let in to for a while, and what it may ask for."""

    grants: list[Grant]
    offers: list[Offer]


class Lock(TypedDict):
    """Who or what is shut out; `until` 0 means until it is lifted."""

    kind: str
    value: str
    until: float
    reason: str
    by_key: str
    at: float


class Locks(TypedDict):
    """The locks that hold, newest first."""

    locks: list[Lock]


class Lifted(TypedDict):
    """Whether there was such a lock."""

    lifted: bool


class Replica(TypedDict):
    """One process of those that share the store; `draining` says who asked it to stop, and why.

    `peer` is where the others reach it for streams to agents, `peer_key` the public key it has in this life.
    """

    id: str
    name: str
    version: str
    policy: str
    started: float
    seen: float
    sessions: int
    fenced: float
    draining: str
    peer: str
    peer_key: str


class Replicas(TypedDict):
    """Those that live, the oldest first."""

    replicas: list[Replica]


class Drained(TypedDict):
    """Which one was asked to stop."""

    draining: str


class AgentName(TypedDict):
    """An agent that is configured: whether it may join by token, and the issuer of the workloads that are it, or ""."""

    name: str
    join_tokens: bool
    issuer: str


class AgentConnection(TypedDict):
    """A connection that lives, at a `replica`. `offered` is what the agent says it reaches; bytes are `sent` to it."""

    connection: str
    replica: str
    address: str
    version: str
    offered: list[str]
    since: float
    seen: float
    streams: int
    sent: int
    received: int


class Agent(TypedDict):
    """One installation. `until` is the end of its newest certificate or token; `revoked` is when it was, or 0.

    `proof` is join-token or jwt; `by_key` the operator whose token it used, or the workload; `fingerprint` its key's.
    """

    ident: str
    name: str
    proof: str
    by_key: str
    enrolled: float
    until: float
    address: str
    seen: float
    revoked: float
    revoked_by: str
    revoked_reason: str
    fingerprint: str
    connections: list[AgentConnection]


class Agents(TypedDict):
    """The names that are configured, and every installation."""

    names: list[AgentName]
    agents: list[Agent]


class JoinToken(TypedDict):
    """A token that lets one agent of that name enrol, once, until then."""

    name: str
    token: str
    until: float


class Delivery(TypedDict):
    """One notice on its way: waiting, sent, or dead after too many attempts; `error` is the last one."""

    id: str
    at: float
    channel: str
    event: str
    approval: str
    state: str
    attempts: int
    next: float
    error: str


class Deliveries(TypedDict):
    """A page of deliveries, newest first."""

    deliveries: list[Delivery]
    next: str


class Configuration(TypedDict):
    """Targets, rules and masks as loaded, keys as in the file, without what is secret."""

    policy: str
    targets: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    masks: list[dict[str, Any]]


class Explanation(TypedDict):
    """What the rules would say. `opens`: whether the target opens at all; `trace`: one line for each rule looked at."""

    opens: str
    opens_reason: str
    effect: str
    rule: str
    reason: str
    approvers: list[str]
    approvals: int
    masks: list[str]
    facts: list[dict[str, list[str]]]
    trace: list[str]
    policy: str


class Health(TypedDict):
    """How the parts of the gateway are. `problems` has a line for each that is not well."""

    status: str
    gateway: str
    version: str
    policy: str
    started: float
    sessions: int
    watchers: int
    listeners: list[str]
    issuers: list[dict[str, Any]]
    store: dict[str, Any]
    recorder: dict[str, Any]
    channels: list[dict[str, Any]]
    replicas: list[dict[str, Any]]
    problems: list[str]


class Status(TypedDict):
    """Well, when it answers at all."""

    status: str


class Readiness(TypedDict):
    """Whether clients should be sent here, and if not, why."""

    status: str
    problems: list[str]


class WhoAmI(TypedDict):
    """What the token proves. `approver`: some rule or target names one of the caller's groups. `targets`: the only ones
    it opens; null where it does not say so."""

    issuer: str
    subject: str
    name: str
    kind: str
    groups: list[str]
    chain: list[dict[str, str]]
    targets: list[str] | None
    expires: float | None
    approver: bool
    auditor: bool
    operator: bool


class ProblemDetails(TypedDict, total=False):
    """RFC 9457. `errors` has a line for each wrong field; `instance` is the request's id."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[str]
    instance: str
