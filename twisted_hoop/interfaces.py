"""Every interface between rooms, in one file. The room `gateway` names their providers."""

from __future__ import annotations

# Interface methods take no self and have no body: the docstring is the contract.
# mypy-zope reads the annotations.
from collections.abc import Awaitable, Callable
from typing import Any

from zope.interface import Attribute, Interface

from twisted_hoop.model import (
    AgentCredential,
    AgentIdentity,
    AgentLogin,
    AgentReport,
    Approval,
    ApprovalRequest,
    Command,
    Decision,
    Entry,
    Notice,
    Outcome,
    Peer,
    Principal,
    Session,
    Target,
    Verdict,
)
from twisted_hoop.steps import Side, Step


class IIdentityProvider(Interface):
    """Who is it? One door for every credential of every protocol (I8)."""

    def authenticate(credential: str, peer: Peer) -> Awaitable[Principal]:
        """The principal a bearer credential (JWT or account token) proves, or raise AuthenticationFailed."""

    def still_valid(principal: Principal) -> bool:
        """Whether a live session of this principal may go on now: not expired beyond grace, not locked (I9)."""


class IScramProvider(Interface):
    """The same door for SCRAM logins of service accounts (I8)."""

    def has_scram(user: str) -> bool:
        """Whether this name is an account with a SCRAM verifier."""

    def scram(user: str, peer: Peer, channel_binding: bytes | None = None) -> Any:
        """A login: `mechanisms` to offer, `first(data, mechanism) -> bytes`, `final(data) -> (bytes, Principal)`.

        Both raise ProtocolError or AuthenticationFailed. `channel_binding` is our certificate's tls-server-end-point.
        """


class ISshIdentityProvider(Interface):
    """The same door for keys and certificates of SSH (I8). Blobs are those of RFC 4253, section 6.6."""

    def accepts_ssh(blob: bytes, algorithm: bytes, peer: Peer) -> bool:
        """Whether this key or certificate could log in from there, if its owner signed so. Proves nothing."""

    def authenticate_ssh(
        blob: bytes, algorithm: bytes, signature: bytes, data: bytes, peer: Peer
    ) -> Awaitable[Principal]:
        """The principal of the key or certificate whose signature over `data` verifies (S5).

        `algorithm` is the one that was announced. Raises AuthenticationFailed.
        """

    def certify_ssh(principal: Principal, key: Any, seconds: float | None = None) -> Any:
        """A user certificate (`ssh_certificates.Certificate`) for a public key (`ssh_keys.PublicKey`).

        Of at most `seconds`, the configured life, and what is left of the principal's proof. ValueError when there can
        be none.
        """


class IReplayGuard(Interface):
    """Remembers one-time tokens (I10); replicas share one."""

    def first_use(issuer: str, token_id: str, until: float) -> Awaitable[bool]:
        """Atomically: True the first time, False afterwards. May forget after `until` (POSIX time)."""


class ITargetDirectory(Interface):
    """Which targets are there?"""

    def lookup(name: str) -> Target:
        """The target, or raise UnknownTarget."""

    def names() -> list[str]:
        """Every target's name, sorted."""


class ISecretStore(Interface):
    """With what key? References are those of the configuration; none ever comes from a client."""

    def resolve(reference: str) -> Awaitable[str]:
        """The secret behind a reference (`secrets/secret.py` lists their forms), or raise SecretUnavailable."""

    def forget(reference: str) -> None:
        """It did not work: read it anew next time."""

    def login(target: Any, session: str) -> Awaitable[Any]:
        """User and password (`secrets.secret.Login`) for logging in at a `settings.TargetSection`.

        `session` is the id of whose log-in it is; "" is the gateway itself. Raises SecretUnavailable.
        """

    def login_anew(target: Any, session: str, refused: Any) -> Awaitable[Any]:
        """Another log-in than the one the target refused, or None when there is no other. Raises SecretUnavailable."""

    def sign_ssh(reference: str, public_key: str, login: str, key_id: str) -> Awaitable[str]:
        """A certificate (its line) for a public key's line, by what `vault-ssh:…` names. Raises SecretUnavailable."""


class IPolicy(Interface):
    """May it? Synchronous, pure, explains itself. A reload replaces the provider whole."""

    version: str = Attribute("Digest of the rules; stands on every decision (R13).")

    def authorize(principal: Principal, target: Target) -> Decision:
        """Whether the principal may open a session on the target at all: ALLOW or DENY."""

    def decide(session: Session, command: Command) -> Decision:
        """What the rules say. The first rule that matches a fact decides it; the strictest fact decides the command."""


class IPendingApproval(Interface):
    """A filed request somebody waits for."""

    request: ApprovalRequest = Attribute("What was filed.")

    def wait() -> Awaitable[Approval]:
        """Until it is decided, expires or is withdrawn; never raises for those."""

    def withdraw(reason: str) -> None:
        """The client gave up: ends the request, and `wait` with state "withdrawn". Idempotent."""


class IApprover(Interface):
    """Who agrees? Expiry and storage are its business."""

    def usable(session: Session, command: Command, decision: Decision) -> Awaitable[Approval | None]:
        """Consume one use of a granted approval for exactly this command, if there is one. Atomic in the store."""

    def file(session: Session, command: Command, decision: Decision) -> Awaitable[Any]:
        """File a request (or join an identical pending one): an IPendingApproval, or raise LimitExceeded."""

    def ended(session: Session) -> None:
        """The session is over: withdraw what it still waits for and end what was granted to it (A6)."""


class IRecording(Interface):
    """One session's recording."""

    id: str = Attribute("The session's id.")
    on_failure: Any = Attribute("Called with a RecordingFailed that happens when nobody writes.")

    def write(entry: Entry, lazy: bool = False) -> None:
        """Put the entry on its way to disk before returning, or raise RecordingFailed.

        `lazy` lets it wait for the next entry, 50 ms at most: for what follows a command (outcomes), never before one.
        """

    def barrier() -> Awaitable[None] | None:
        """What was written so far is as durable as configured: None when it is already, else wait for it.

        Raises RecordingFailed through the awaitable. Await it between a command's Record and its ToTarget.
        """

    def close(outcome: Outcome) -> Awaitable[None]:
        """Write the last entry, sign the head, add it to the ledger; starts at once, awaited or not. Idempotent.

        Raises RecordingFailed through the awaitable.
        """


class IRecorder(Interface):
    """Where recordings are made."""

    def open(session: Session, policy_version: str = "") -> Any:
        """An IRecording whose first entry describes the session, or raise RecordingFailed."""


class IGate(Interface):
    """The one way every command takes: policy, then approval."""

    def judge(session: Session, command: Command) -> Verdict | Decision:
        """An Admission or a Refusal at once, or the REVIEW decision that `review` must carry further."""

    def review(
        session: Session, command: Command, decision: Decision, filed: Callable[[Any], None]
    ) -> Awaitable[Verdict]:
        """Carry a REVIEW decision to its verdict. `filed` gets the IPendingApproval once somebody must wait."""


class INotifier(Interface):
    """One way to tell people that something waits for them. What it is told of has happened: nothing waits for it."""

    def deliver(notice: Notice) -> Awaitable[None]:
        """Deliver it once, or raise NoticeUndelivered; the same notice may come again with the same id."""


class IRelay(Interface):
    """Pure session logic of one protocol: no I/O, no clock."""

    def client_received(data: Any) -> list[Step]:
        """Bytes came from the client, or what its transport gives in their place (an event of a channel, in SSH)."""

    def target_received(data: Any) -> list[Step]:
        """The same from the target."""

    def decided(verdict: Verdict) -> list[Step]:
        """The answer to the outstanding Ask."""

    def held(request: ApprovalRequest, decision: Decision) -> list[Step]:
        """The outstanding Ask waits for people: tell the client."""

    def refreshed() -> list[Step]:
        """The answer to the outstanding Refresh."""

    def held_back() -> int:
        """Bytes of the client that wait behind the outstanding question."""

    def cancelled() -> list[Step] | None:
        """The client cancels while a question is outstanding: withdraw it. None when the target must be told."""

    def ended(code: str, message: str) -> list[Step]:
        """The gateway ends the session (lock, limit, shutdown): the protocol's own goodbye, then Finish."""

    def lost(side: Side) -> list[Step]:
        """One side is gone."""


class IAgentDoor(Interface):
    """Which agent is it? The gateway's side; agents prove themselves here and nowhere else."""

    def authenticate(name: str, credential: AgentCredential, peer: Peer) -> Awaitable[AgentIdentity]:
        """The agent that the credential proves, which may call itself `name`; or raise AuthenticationFailed."""

    def still_valid(identity: AgentIdentity) -> bool:
        """Whether its connection may go on now: not expired, not revoked. Asked every second; cheap."""

    def most_connections(identity: AgentIdentity) -> int:
        """How many connections its installation may have at this process, those that others have taken off."""

    def renew(identity: AgentIdentity, public_key: str) -> Awaitable[str]:
        """A new certificate, as a line, for the agent's public key (a line too), or raise AuthenticationFailed.

        Asked for by the agent over its connection: right after a login by token, and before its certificate ends.
        """

    def connected(identity: AgentIdentity, report: AgentReport) -> None:
        """A connection of an agent is logged in. Returns at once; what is stored is stored later."""

    def heartbeat(identity: AgentIdentity, report: AgentReport) -> None:
        """It lives: told every few seconds."""

    def disconnected(identity: AgentIdentity, report: AgentReport) -> None:
        """It is gone; told once."""


class IAgentCredentials(Interface):
    """What an agent shows its gateway. The agent's side; files are read and written outside the reactor's thread."""

    def current() -> Awaitable[AgentLogin]:
        """What to log in with now, or raise AuthenticationFailed when there is nothing (left) to show."""

    def public_key() -> str:
        """The line of the public key to be certified; "" when it logs in with tokens alone and needs no certificate."""

    def renew_at() -> float | None:
        """When to ask for a new certificate, as POSIX time: the past when at once; None for never."""

    def renewed(certificate: str) -> Awaitable[None]:
        """The gateway's answer, a line: check and keep it; the join token is used up. ValueError when it is unfit."""
