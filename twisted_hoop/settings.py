"""The shape of the configuration file: frozen, strict, unknown keys refused (R12). `config.py` reads it from TOML.

Durations are written "30s", "5m", "2h", "30d" and become seconds. The descriptions are the reference documentation.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h|d)")


def _seconds(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write a duration as "30s", "5m", "2h" or "1d"')
    return float(match[1]) * _UNITS[match[2]]


Duration = Annotated[
    float,
    BeforeValidator(_seconds, json_schema_input_type=str),
    Field(ge=0),
]


Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")


class Section(BaseModel):
    """What every section has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class GatewaySection(Section):
    """[gateway]: the process as a whole."""

    state: str = "/var/lib/hoop"
    """Folder for the store, recordings and keys; mode 0700."""
    url: str = "http://127.0.0.1:8080"
    """Where people and clients find the API; stands in notices and hints."""
    name: str = "hoop"
    """Name of this gateway in logs and recordings."""
    grace: Duration = 0.0
    """How long a session may go on after its token expired."""
    login_timeout: Duration = 60.0
    """From accept to the end of authentication."""
    preauth_connections: int = Field(default=1000, ge=1)
    """Connections that have not authenticated yet, in total."""
    preauth_per_address: int = Field(default=100, ge=1)
    """The same, for one client address."""
    stop_timeout: Duration = 30.0
    """On SIGTERM: how long live sessions may finish what they run."""


class StoreSection(Section):
    """[store]: what replicas share."""

    url: str = ""
    """SQLAlchemy URL; empty means SQLite in the state folder."""


class IssuerSection(Section):
    """[[issuers]]: an OIDC issuer whose tokens are accepted."""

    name: str
    """Short name for logs."""
    issuer: str
    """Exact `iss` of its tokens."""
    audience: list[str] = Field(min_length=1)
    """Exact values of `aud`, one of which a token must carry."""
    jwks: str = ""
    """URL or file of the key set; empty means discovery at the issuer."""
    ca: str = ""
    """CA bundle for fetching keys, when not the system's."""
    algorithms: list[Algorithm] = Field(default_factory=lambda: list(_ALGORITHMS))
    """Signature algorithms accepted; asymmetric ones only (I1)."""
    groups_claim: str = "groups"
    """Claim with the groups; dots reach into objects (`realm_access.roles`)."""
    group_prefix: str = ""
    """Put before every group of this issuer, so that two issuers cannot be confused."""
    groups: list[str] = Field(default_factory=list)
    """Groups every token of this issuer gets (with the claim conditions below)."""
    name_claim: str = "preferred_username"
    """Claim shown to people; never used as identity."""
    kind: Literal["human", "machine"] = "human"
    """What subjects of this issuer are."""
    kind_claim: str = ""
    """Claim that says so per token ("human" or "machine"), when there is one."""
    claims: dict[str, str | list[str]] = Field(default_factory=dict)
    """Conditions: claim → RE2 pattern(s), one of which must match the whole value."""
    leeway: Duration = Field(default=30.0, le=300.0)
    """Clock skew tolerated."""
    max_lifetime: Duration = 0.0
    """Longest `exp - iat` accepted; 0 means any."""
    sources: list[str] = Field(default_factory=list)
    """CIDR ranges tokens may come from; empty means any (I10)."""
    max_sessions: int = Field(default=0, ge=0)
    """Concurrent sessions of one identity; 0 means any (I10)."""
    one_time: bool = False
    """Whether a `jti` may open one session only (I10)."""
    cache: Duration = 300.0
    """How long fetched keys are trusted before they are fetched again."""
    scope: str = "openid"
    """Scope asked for in the OAUTHBEARER discovery answer."""


class AccountSection(Section):
    """[[accounts]]: a service account known to the gateway itself."""

    name: str
    """Subject; the issuer is the gateway's name."""
    token_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """SHA-256 (hex) of its token. Make one with `hoop account-token`."""
    scram: str = ""
    """SCRAM-SHA-256 verifier as PostgreSQL stores it, for clients that cannot send a token."""
    groups: list[str] = Field(default_factory=list)
    """Its groups."""
    kind: Literal["human", "machine"] = "machine"
    """What it is."""
    sources: list[str] = Field(default_factory=list)
    """CIDR ranges it may come from."""
    max_sessions: int = Field(default=0, ge=0)
    """Concurrent sessions; 0 means any."""
    expires: str = ""
    """RFC 3339 time after which it is refused."""


class ListenerSection(Section):
    """[[listeners]]: where clients connect."""

    name: str
    """Name in logs."""
    protocol: Literal["postgres", "api"]
    """What is spoken there."""
    endpoint: str
    """Twisted server endpoint string: `tcp:5432:interface=127.0.0.1`."""
    certificate: str = ""
    """PEM file with the certificate chain; TLS is offered when set."""
    key: str = ""
    """PEM file with its private key."""
    tls: Literal["required", "optional"] = "required"
    """`optional` lets clients on loopback speak in the clear; never anybody else."""
    auth: list[Literal["token", "oauth", "scram"]] = Field(default_factory=lambda: ["token"])  # type: ignore[arg-type]
    """PostgreSQL: `token` (as password), `oauth` (SASL OAUTHBEARER), `scram` (service accounts). Accounts with a SCRAM
    verifier get SCRAM when listed; everybody else the first of the others."""
    issuer: str = ""
    """Name of the issuer that the OAUTHBEARER discovery answer names; empty means the first."""


class LimitsSection(Section):
    """[targets.limits]: caps on one target's sessions. 0 means none."""

    idle: Duration = 0.0
    """No command for this long ends the session (57P05)."""
    transaction: Duration = 0.0
    """Longest time in a transaction without a command."""
    session: Duration = 0.0
    """Longest session."""
    sessions: int = Field(default=0, ge=0)
    """Concurrent sessions."""
    sessions_per_principal: int = Field(default=0, ge=0)
    """Concurrent sessions of one principal."""
    statements: int = Field(default=1000, ge=1)
    """Prepared statements and portals of one session (P19)."""


class TargetSection(Section):
    """[[targets]]: what clients may reach."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")
    """What clients name (PostgreSQL: dbname `target` or `target/database`)."""
    protocol: Literal["postgres"]
    """What is spoken with it."""
    endpoint: str
    """Twisted client endpoint string: `tcp:db.internal:5432`, `unix:/run/…`."""
    database: str = ""
    """Database when the client names none. Clients may name another only when `databases` lists it."""
    databases: list[str] = Field(default_factory=list)
    """Further databases clients may name; `["*"]` means any."""
    login: str = ""
    """Role the gateway logs in as."""
    secret: str = ""
    """Its password: `env:NAME`, `file:PATH` or `vault:PATH#FIELD`."""
    tls: Literal["verify-full", "verify-ca", "require", "disable"] = "verify-full"
    """As libpq's sslmode."""
    ca: str = ""
    """PEM file with the CA that signed the target's certificate; empty means the system's."""
    server_name: str = ""
    """Name the certificate must carry, when not the endpoint's host."""
    certificate: str = ""
    """PEM file with the gateway's client certificate, when the target wants one."""
    key: str = ""
    """PEM file with its private key."""
    groups: list[str] = Field(default_factory=list)
    """Groups that may open it; empty means nobody, `["*"]` means everybody who is authenticated."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Free labels; rules may match them."""
    read_only: bool = False
    """Sets default_transaction_read_only at the target and refuses to change it (P17)."""
    allow_functions: list[int] = Field(default_factory=list)
    """OIDs callable through the FunctionCall message; empty refuses it (P12)."""
    connect_timeout: Duration = 10.0
    """From the first packet to ReadyForQuery."""
    limits: LimitsSection = LimitsSection()
    """Caps."""


class RuleSection(Section):
    """[[rules]]: the first rule that matches decides; no match means deny.

    Lists match when one element does. For `allow`, every table, column, function, class, statement kind … the statement
    has must be covered by the rule's list, and there must be one, unless "" is in the list of schemas, tables, columns
    or functions: that stands for having none. For `deny` and `review`, one that matches is enough.
    Patterns are RE2, matched against the whole value, and may be written plain ("public.customers").
    """

    name: str
    """Stands on decisions, in errors and recordings."""
    effect: Literal["allow", "deny", "review"]
    """What happens."""
    reason: str = ""
    """Told to the person who is refused or asked to wait."""
    issuers: list[str] = Field(default_factory=list)
    """Patterns: the principal's issuer (URL, or short name)."""
    subjects: list[str] = Field(default_factory=list)
    """Patterns: the principal's subject."""
    groups: list[str] = Field(default_factory=list)
    """Patterns: one of the principal's groups."""
    except_groups: list[str] = Field(default_factory=list)
    """Patterns: the rule is passed over when the principal has one of these groups."""
    kind: Literal["human", "machine", ""] = ""
    """People only, or programs only."""
    actors: list[str] = Field(default_factory=list)
    """Patterns: somebody in the delegation chain (an agent acting for the subject)."""
    delegated_by: list[str] = Field(default_factory=list)
    """Patterns: the subject, when somebody acts for it."""
    targets: list[str] = Field(default_factory=list)
    """Patterns: target names."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Label → pattern; all must match the target's labels."""
    protocols: list[str] = Field(default_factory=list)
    """Protocol names."""
    classes: list[str] = Field(default_factory=list)
    """Patterns: what the command does: read, write, ddl, privilege, session, transaction, dynamic, program, file,
    encoding, administration, maintenance, notify, copy-in, copy-out, large-object, function-call, execute, cursor,
    unknown, oversize. To allow dynamic, program, file, encoding, execute, cursor, unknown or oversize, a rule must
    name it: `.*` does not."""
    statements: list[str] = Field(default_factory=list)
    """Patterns: statement kinds: select, insert, update, delete, merge, truncate, drop, create, alter, copy, set, …"""
    access: list[Literal["read", "write"]] = Field(default_factory=list)
    """What is done to the tables named below."""
    schemas: list[str] = Field(default_factory=list)
    """Patterns: schemas."""
    tables: list[str] = Field(default_factory=list)
    """Patterns: `schema.table`; `table` means `public.table` to allow, a table of any schema to deny or review."""
    columns: list[str] = Field(default_factory=list)
    """Patterns: `schema.table.column`, `table.column`."""
    functions: list[str] = Field(default_factory=list)
    """Patterns: functions called. To allow one that is not PostgreSQL's own, a rule must name it here (or the class
    `dynamic`): what it does cannot be told."""
    flags: list[str] = Field(default_factory=list)
    """Properties: no-where (UPDATE or DELETE of every row), cascade, explain, explain-analyze, multi-statement,
    masked-predicate (compares a masked column), oracle (tells of data without showing it), returning, locks, sleeps,
    temp, writing-cte, concurrently, security-definer, copy-program, user-function. To allow, every one the statement
    has must be covered."""
    hours: str = Field(default="", pattern=r"^([0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9])?$")
    """Time window, `09:00-17:30`; may span midnight."""
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(default_factory=list)
    """Days of the week."""
    timezone: str = "UTC"
    """IANA name for the two above."""
    approvers: list[str] = Field(default_factory=list)
    """review: groups of which people may decide."""
    approvals: int = Field(default=1, ge=1, le=10)
    """review: distinct people needed."""
    valid: Duration = 900.0
    """review: how long an approval may be used."""
    uses: int = Field(default=1, ge=1)
    """review: how often."""
    wait: Duration = 300.0
    """review: how long the command waits in the live session; 0 refuses at once and lets a retry pass."""
    masks: list[str] = Field(default_factory=list)
    """Names of masks with `default = false` that apply to what this rule admits."""


class MaskSection(Section):
    """[[masks]]: values that are replaced."""

    name: str
    """Stands in recordings and may be named by rules."""
    default: bool = True
    """Whether it applies wherever its selectors match; false means only where a rule names it."""
    targets: list[str] = Field(default_factory=list)
    """Patterns: target names; empty means all."""
    groups: list[str] = Field(default_factory=list)
    """Patterns: principals with one of these groups; empty means all."""
    except_groups: list[str] = Field(default_factory=list)
    """Patterns: principals with one of these groups see clear values."""
    columns: list[str] = Field(default_factory=list)
    """Patterns on `schema.table.column` (`.*\\.card_number`)."""
    detect: list[str] = Field(default_factory=list)
    """Detectors run over text: card, ssn, iban, email, phone, api-key, jwt, private-key."""
    patterns: list[str] = Field(default_factory=list)
    """Further RE2 patterns to find in text."""
    strategy: Literal["redact", "partial", "hash", "null"] = "redact"
    """redact: a fixed neutral value; partial: keeps the last four characters; hash: keyed and join-preserving; null."""
    direction: Literal["response", "request"] = "response"
    """`request` looks at COPY IN rows, parameters and literals."""
    action: Literal["mask", "deny", "review"] = "mask"
    """request: what happens to a value that is found."""
    approvers: list[str] = Field(default_factory=list)
    """request + review: groups of which people may decide."""
    opaque: Literal["mask", "deny"] = "mask"
    """What happens to a result column whose origin cannot be shown."""
    predicates: Literal["record", "deny"] = "record"
    """What happens when a masked column is compared, joined or sorted on (M5)."""


class RecordingSection(Section):
    """[recording]: what happened."""

    folder: str = ""
    """Where recordings are kept; empty means `recordings` in the state folder."""
    durability: Literal["page-cache", "fsync"] = "page-cache"
    """`page-cache` survives a killed process, `fsync` a lost machine, for every command."""
    key: str = ""
    """PEM file with the Ed25519 key heads are signed with; empty makes one in the state folder."""
    minimum_free: int = Field(default=256, ge=0)
    """MiB that must be free for a new session to start."""


class ApiSection(Section):
    """[api]: who may use the API and the `hoop` command for what, by groups."""

    auditors: list[str] = Field(default_factory=list)
    """Groups that may read recordings; each reading is recorded."""
    operators: list[str] = Field(default_factory=list)
    """Groups that may see health and end sessions."""


class Settings(Section):
    """The whole file."""

    gateway: GatewaySection = GatewaySection()
    store: StoreSection = StoreSection()
    recording: RecordingSection = RecordingSection()
    api: ApiSection = ApiSection()
    issuers: list[IssuerSection] = Field(default_factory=list)
    accounts: list[AccountSection] = Field(default_factory=list)
    listeners: list[ListenerSection] = Field(default_factory=list)
    targets: list[TargetSection] = Field(default_factory=list)
    rules: list[RuleSection] = Field(default_factory=list)
    masks: list[MaskSection] = Field(default_factory=list)
