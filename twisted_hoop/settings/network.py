"""Where clients connect, and what they may reach."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section


class ListenerSection(Section):
    """[[listeners]]: where clients connect."""

    name: str
    """Name in logs."""
    protocol: Literal["postgres", "ssh", "http", "api", "agent"]
    """What is spoken there. `agent`: where agents dial in, over TLS, or over a WebSocket at `/v1/agent`."""
    endpoint: str
    """Twisted server endpoint string: `tcp:5432:interface=127.0.0.1`."""
    address: str = Field(default="", pattern=r"^(.+:[0-9]{1,5})?$")
    """`host:port` that clients use, when it is not the host of `[gateway] url` and this endpoint's port."""
    certificate: str = ""
    """PEM file with the certificate chain; TLS is offered when set."""
    key: str = ""
    """PEM file with its private key."""
    tls: Literal["required", "optional"] = "required"
    """`optional` lets clients on loopback speak in the clear; never anybody else."""
    auth: list[Literal["token", "oauth", "scram", "certificate", "key", "device"]] = Field(default_factory=list)
    """How clients prove who they are; empty means all that the protocol has and the rest of the file makes possible.

    PostgreSQL: `token` (as password; the only one when empty), `oauth` (SASL OAUTHBEARER), `scram` (service accounts
    with a SCRAM verifier get SCRAM when listed, everybody else the first of the others). SSH: `certificate` (signed by
    `[ssh] user_ca`), `key` (of a service account), `token` (as password), `device` (a link to the issuer)."""
    issuer: str = ""
    """Name of the issuer that OAUTHBEARER's discovery answer names, or where `device` log-ins go; empty: the first."""


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
    """What clients name (PostgreSQL: dbname `target` or `target/database`; SSH: `account%target@gateway`, `ssh -J`;
    HTTP: `https://gateway/target`)."""
    protocol: Literal["postgres", "ssh", "http", "kubernetes"]
    """What is spoken with it. A listener of protocol `http` serves those of `http` and of `kubernetes`."""
    endpoint: str
    """Twisted client endpoint string: `tcp:db.internal:5432`, `unix:/run/…`. With `agent:NAME:` in front of it that
    agent connects."""
    database: str = ""
    """Database when the client names none. Clients may name another only when `databases` lists it."""
    databases: list[str] = Field(default_factory=list)
    """Further databases clients may name; `["*"]` means any."""
    login: str = ""
    """Role or account the gateway logs in as. SSH: used when the client names none."""
    secret: str = ""
    """Its password: `env:NAME`, `file:PATH`, `systemd:NAME`, `vault:PATH#FIELD`, `k8s:NAMESPACE/NAME#KEY` or
    `aws-sm:NAME`; see docs/secrets.md. SSH: the password or the private key. HTTP: the token, the password, or the
    value of `header`. PostgreSQL: also what makes log-ins, `vault:database/creds/ROLE` (which gives the role as well)
    and `aws-rds-iam:`. SSH with `login_with = "certificate"`: `vault-ssh:MOUNT/ROLE`, which signs instead of us."""
    lease: Literal["session", "shared"] = "session"
    """PostgreSQL, with a `secret` that makes log-ins: one for each session, taken back at its end, or one that the
    sessions of this process share. The catalogue is read with a shared one."""
    credential: Literal["bearer", "basic", "header", "certificate", "none"] = "none"
    """HTTP: how the gateway shows who it is: `secret` as bearer token, `login` and `secret` as basic authentication,
    `secret` as the value of `header`, or the client certificate `certificate`. The client's own token never leaves."""
    impersonate: str = ""
    """Kubernetes: as whom the gateway's requests are made, in words of who asked: `{issuer}#{subject}`, or `{name}`
    where nobody may choose what the issuer calls them; empty: as the owner of `credential`. Groups and extras go with
    it, see docs/kubernetes.md."""
    impersonate_groups: list[str] = Field(default_factory=lambda: [".*"])
    """Kubernetes: patterns of the groups that are impersonated. Users and groups of `system:` never are."""
    header: str = Field(default="", pattern=r"^[A-Za-z0-9-]*$")
    """HTTP: name of the header that carries `secret`, when `credential` is `header`."""
    logins: list[str] = Field(default_factory=list)
    """SSH: patterns of accounts clients may name (`deploy@web-1`); empty means only `login`."""
    login_with: Literal["password", "key", "certificate"] = "password"
    """SSH: what `secret` is; `certificate` needs no secret: each session gets a certificate of five minutes, signed by
    `[ssh] user_ca`, or by Vault where `secret` is `vault-ssh:MOUNT/ROLE`. The target trusts it (TrustedUserCAKeys)."""
    host_keys: list[str] = Field(default_factory=list)
    """SSH: the target's host keys, as in known_hosts without the name, `ssh-ed25519 AAAA…`; others are refused."""
    host_ca: list[str] = Field(default_factory=list)
    """SSH: keys of authorities that may sign the target's host key, in the same form."""
    names: list[str] = Field(default_factory=list)
    """Patterns of further host names. SSH: that clients may type for it behind `ssh -J`. HTTP: by which it is served
    without its name in the path."""
    env: list[str] = Field(default_factory=lambda: ["LANG", "LC_[A-Z]+", "TZ", "NO_COLOR", "COLORTERM"])
    """SSH: patterns of environment variables that reach the target (S18)."""
    exec_only: bool = False
    """SSH: no interactive shell, as what is typed into one can only be judged by its echo (C3)."""
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
    request_groups: list[str] = Field(default_factory=list)
    """Groups that may ask to open it for a while; empty means nobody, `["*"]` everybody. Rules judge every command."""
    request_approvers: list[str] = Field(default_factory=list)
    """Groups of which people may grant that."""
    request_approvals: int = Field(default=1, ge=1, le=10)
    """Distinct people needed."""
    request_longest: Duration = Field(default=28800.0, ge=60.0)
    """Longest time that may be asked for; sessions end with it."""
    request_reason: bool = True
    """Whether they must say why."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Free labels; rules may match them."""
    read_only: bool = False
    """Sets default_transaction_read_only at the target and refuses to change it (P17)."""
    allow_functions: list[int] = Field(default_factory=list)
    """OIDs callable through the FunctionCall message; empty refuses it (P12)."""
    connect_timeout: Duration = 10.0
    """From the first packet to ReadyForQuery."""
    helm_releases: Literal["mask", "allow", "deny"] = "mask"
    """Kubernetes: Secrets in which Helm keeps its releases, with everything it rendered, other Secrets included, while
    masks apply. `mask`: as any Secret, so that Helm finds no release; `allow`: in clear; `deny`: refused."""
    limits: LimitsSection = LimitsSection()
    """Caps."""
