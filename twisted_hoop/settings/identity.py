"""Who is known: issuers of tokens, and service accounts of the gateway itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")


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
    """Concurrent sessions of one identity, with those in which it acts for somebody; 0 means any (I10)."""
    one_time: bool = False
    """Whether a `jti` may open one session only (I10)."""
    cache: Duration = 300.0
    """How long fetched keys are trusted before they are fetched again."""
    intersect: bool = False
    """Whether those who act for somebody (`act`) need the rights for what they do themselves as well. Their groups are
    read from `groups_claim` inside `act`."""
    scope: str = "openid"
    """Scope asked for in the OAUTHBEARER discovery answer, and by the log-ins below."""
    client_id: str = ""
    """OAuth client of the gateway at this issuer, for log-ins by device code (RFC 8628) and in the browser."""
    client_secret: str = ""
    """Its secret, if it has one: `env:NAME`, `file:PATH` or `vault:PATH#FIELD`."""


class ActorSection(Section):
    """[[own_issuer.actors]]: who may act for somebody else, with a token exchanged for both (RFC 8693).

    All that is given must hold; lists are patterns, as in rules. Without such a section, nobody acts for anybody.
    """

    name: str
    """Stands in logs."""
    issuers: list[str] = Field(default_factory=list)
    """The actor's issuer: URL, or short name; of an account, the gateway's name."""
    subjects: list[str] = Field(default_factory=list)
    """The actor's subject."""
    groups: list[str] = Field(default_factory=list)
    """One of the actor's groups."""
    for_groups: list[str] = Field(default_factory=list)
    """One of the groups of whom it acts for; empty: anybody."""
    for_kind: Literal["human", "machine", ""] = ""
    """Only for people, or only for programs."""


class OwnIssuerSection(Section):
    """[own_issuer]: short tokens of the gateway's own, in exchange for others that are accepted (RFC 8693).

    The issuer is `[gateway] url`, and so are `/.well-known/openid-configuration` and `/oauth/token` on `api` listeners.
    """

    enabled: bool = False
    """Whether there is one."""
    lifetime: Duration = Field(default=900.0, ge=10.0, le=43200.0)
    """Life of a token when none is asked for, and the longest that can be; never longer than those it is made from."""
    keys: list[str] = Field(default_factory=list)
    """PEM files of private keys, Ed25519 or P-256. The first signs, the others are still published, for tokens that
    live; the same for all replicas. Empty makes one in the state folder."""
    audiences: list[str] = Field(default_factory=list)
    """Other services tokens may be asked for, exact values of `aud`. Such a token opens nothing here."""
    rate: int = Field(default=10, ge=1)
    """Tokens that one principal may ask for in a second."""
    actors: list[ActorSection] = Field(default_factory=list)
    """Who may act for whom."""


class AccountSection(Section):
    """[[accounts]]: a service account known to the gateway itself."""

    name: str
    """Subject; the issuer is the gateway's name."""
    token_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """SHA-256 (hex) of its token. Make one with `hoop account-token`."""
    scram: str = ""
    """SCRAM-SHA-256 verifier as PostgreSQL stores it, for clients that cannot send a token."""
    ssh_keys: list[str] = Field(default_factory=list)
    """Public keys it may log in with over SSH, as in authorized_keys: `ssh-ed25519 AAAA…`."""
    groups: list[str] = Field(default_factory=list)
    """Its groups."""
    kind: Literal["human", "machine"] = "machine"
    """What it is."""
    sources: list[str] = Field(default_factory=list)
    """CIDR ranges it may come from."""
    max_sessions: int = Field(default=0, ge=0)
    """Concurrent sessions, with those in which it acts for somebody; 0 means any."""
    expires: str = ""
    """RFC 3339 time after which it is refused."""
