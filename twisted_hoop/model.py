"""The nouns. Values only: frozen, standard library, no behaviour beyond naming themselves. See docs/glossary.md.

Those made for every command have an `__init__` that is written out: compiled, it costs a tenth of the one dataclasses
make, and they are as frozen as the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Union


class Kind(Enum):
    """Whether a principal is a person or a program."""

    HUMAN = "human"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Actor:
    """One link of a delegation chain (RFC 8693 `act`): somebody acting for the principal."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Principal:
    """The proved identity: `issuer` + `subject`, never an e-mail (I4).

    `chain` is empty for somebody acting for themselves; otherwise the current actor comes first, then earlier ones.
    `proof` says how it was proved ("jwt", "exchange", "saml", "account-token", "scram", "ssh-certificate", "ssh-key").
    `expires` is a POSIX time or None.
    `proof_id` is the digest of the credential (hex, never the credential), by which locks and caches find it.
    `within` are principals whose rights bound these: what is not allowed to each of them is not allowed (an agent's
    own, or the same person with all its groups). They have no `within` of their own. `targets` are the only ones that
    may be opened; None: no such limit.
    """

    issuer: str
    subject: str
    name: str = ""
    groups: frozenset[str] = frozenset()
    kind: Kind = Kind.HUMAN
    chain: tuple[Actor, ...] = ()
    proof: str = "jwt"
    expires: float | None = None
    proof_id: str = ""
    max_sessions: int = 0
    within: tuple[Principal, ...] = ()
    targets: frozenset[str] | None = None

    @property
    def key(self) -> str:
        """`issuer|subject`: what identity is compared by."""
        return f"{self.issuer}|{self.subject}"

    @property
    def everybody(self) -> frozenset[str]:
        """Keys of the principal and of everyone in the chain: none of them may approve what it asks (A1)."""
        return frozenset((self.key, *(f"{a.issuer}|{a.subject}" for a in self.chain)))

    @property
    def label(self) -> str:
        """For people: `ci-bot` or `alice via agent-7`."""
        name = self.name or self.subject
        return name if not self.chain else f"{name} via {', '.join(a.subject for a in self.chain)}"


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a client connects from, and whether the wire is encrypted."""

    address: str
    port: int = 0
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one target's sessions; seconds or counts, 0 means none."""

    idle: float = 0.0
    transaction: float = 0.0
    session: float = 0.0
    sessions: int = 0
    sessions_per_principal: int = 0
    statements: int = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """What we connect to. `endpoint` is a Twisted client endpoint string; `options` are the protocol's own settings."""

    name: str
    protocol: str
    endpoint: str
    groups: frozenset[str] = frozenset()
    login: str = ""
    limits: Limits = Limits()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """One principal using one target, from open to close. `attributes` are the protocol's (database, application)."""

    id: str
    principal: Principal
    target: Target
    peer: Peer
    started: float
    attributes: Mapping[str, str] = field(default_factory=dict)


Facts = Mapping[str, frozenset[str]]
"""What one unit of a command does, for rules: attribute → values. SQL: `kind`, `class`, `access`, `schema`, `table`,
`column`, `function`, `flag`. Shell: `program`, `command`, `argument`, `path`, `access`, `class`, `flag`; a forward:
`destination`. HTTP: `verb`, `resource`. Missing means "none", which is not
the same as unknown: what is not understood has `class` `unknown`."""


@dataclass(frozen=True, slots=True, init=False)
class Command:
    """One unit of intent: what is asked, in the exact text, and what it would do.

    `facts` has one element a statement: each is judged, the strictest decision wins (P9); nobody changes them once a
    command has them, as decisions are remembered by them. `context` holds what changes
    the meaning of `text` (search_path), and is part of what is approved (P18). `parameters` are shown to approvers
    and recorded, already masked where bound to masked columns. `executes` is false for what only prepares: a denial
    holds at once, a review is asked for when it is executed.
    """

    action: str
    text: str
    facts: tuple[Facts, ...]
    parameters: tuple[str | None, ...]
    context: tuple[tuple[str, str], ...]
    reason: str
    executes: bool

    def __init__(
        self,
        action: str,
        text: str,
        facts: tuple[Facts, ...] = (),
        parameters: tuple[str | None, ...] = (),
        context: tuple[tuple[str, str], ...] = (),
        reason: str = "",
        executes: bool = True,
    ) -> None:
        object.__setattr__(self, "action", action)
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "facts", facts)
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "context", context)
        object.__setattr__(self, "reason", reason)
        object.__setattr__(self, "executes", executes)


class Effect(Enum):
    """What policy says."""

    ALLOW = "allow"
    DENY = "deny"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy says about a command: effect, the rule that said so, why, and which masks apply.

    For REVIEW: `approvers` are groups, `quorum` distinct people needed, `wait` seconds to hold the command (0: refuse
    at once and let a retry pass), `valid` seconds an approval may be used within, `uses` how often.
    `content` asks for the bytes of a forward or transfer in the recording, `rows` for so many rows of each result.
    `trace` explains: one line per rule looked at.
    """

    effect: Effect
    rule: str
    reason: str = ""
    masks: frozenset[str] = frozenset()
    approvers: frozenset[str] = frozenset()
    quorum: int = 1
    wait: float = 300.0
    valid: float = 900.0
    uses: int = 1
    policy_version: str = ""
    content: bool = False
    trace: tuple[str, ...] = ()
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Approval:
    """What reviewers said: granted or not, by whom, for what digest, until when. `state` is the request's end state."""

    id: str
    granted: bool
    state: str
    digest: str
    by: tuple[str, ...] = ()
    comment: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A filed request as the requester's session sees it; `url` is where a person can look at it."""

    id: str
    url: str
    digest: str
    deadline: float


class Admission:
    """The gate's leave for one command. Only the gate makes one: the constructor asks for the gate's own token."""

    __slots__ = ("approval", "command", "decision")

    def __init__(self, token: object, command: Command, decision: Decision, approval: Approval | None = None) -> None:
        if token is not _GATE_TOKEN:
            raise TypeError("only the gate makes an Admission")
        self.command = command
        self.decision = decision
        self.approval = approval


_GATE_TOKEN = object()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The gate's no. `hint` is the next step.

    `code` is one of "denied", "pending" (filed, nobody waits), "expired", "withdrawn", "limited", "failed".
    """

    command: Command
    decision: Decision
    code: str
    message: str
    hint: str = ""
    approval_id: str = ""


Verdict = Union[Admission, Refusal]


@dataclass(frozen=True, slots=True, init=False)
class Entry:
    """One thing in a recording: `kind` ("open", "command", "outcome", "notice", "close" …) and JSON-ready `data`."""

    kind: str
    data: Mapping[str, Any]

    def __init__(self, kind: str, data: Mapping[str, Any] | None = None) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "data", {} if data is None else data)


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told of a request: `event` is "requested", "voted" or the state reached; `at` is POSIX time.

    `id` is the same for every attempt to deliver it. `url` is where a person can look; `approval` is JSON-ready.
    """

    id: str
    event: str
    at: float
    url: str
    approval: Mapping[str, Any]

    @property
    def approval_id(self) -> str:
        """Which request it is about."""
        return str(self.approval["id"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended: `code` is "closed", "client-lost", "target-lost", "ended", "failed", "interrupted"."""

    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """Who an agent is, once proved. `name` is what `agent:NAME:` of an endpoint says; several agents may have one name.

    `ident` is unique for each installation. `until` is a POSIX time or None, `proof` how it was proved ("join-token",
    "certificate", "jwt"; "replica" for another gateway of the same store), `proof_id` the digest of what was shown.
    """

    name: str
    ident: str
    until: float | None = None
    proof: str = "certificate"
    proof_id: str = ""


@dataclass(frozen=True, slots=True)
class AgentCredential:
    """What an agent shows the gateway: a `token` (join token or JWT), or a key or certificate with its signature.

    `blob` is that of RFC 4253, section 6.6; `signature` is over `data`, in `algorithm`, and is still to be verified.
    """

    token: str = field(default="", repr=False)
    blob: bytes = b""
    algorithm: bytes = b""
    signature: bytes = b""
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class AgentLogin:
    """What an agent logs in with now: a `token`, or a `key` with its `certificate` (`ssh_private_keys.PrivateKey`,
    `ssh_certificates.Certificate`)."""

    token: str = field(default="", repr=False)
    key: Any = field(default=None, repr=False)
    certificate: Any = None


@dataclass(frozen=True, slots=True)
class AgentReport:
    """How one connection of an agent is: its id, the agent's version, what it offers, its streams and bytes so far.

    `offered` are lines of its allow-list (`db.internal:5432`), `since` and `seen` POSIX times, bytes from the
    gateway's side: `sent` to the agent, `received` from it.
    """

    connection: str
    address: str
    version: str = ""
    offered: tuple[str, ...] = ()
    since: float = 0.0
    seen: float = 0.0
    streams: int = 0
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class TargetLease:
    """A log-in that Vault made and will take back: what it calls the lease (which opens nothing), the reference it was
    made by, the session it is for ("" for several), when it ends by itself (POSIX), and failed tries to revoke it."""

    name: str
    reference: str
    session: str
    until: float
    attempts: int = 0
