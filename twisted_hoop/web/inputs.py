"""What clients may send besides votes: bodies and queries. Strict: unknown members are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# No control characters: databases refuse NUL, and nobody is called that.
Plain = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=1000)]
Cursor = Annotated[str, Field(max_length=400, pattern=r"^[A-Za-z0-9_-]*$")]
Limit = Annotated[int, Field(ge=1, le=500)]


class Input(BaseModel):
    """What they have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Input):
    """No parameters."""


class AccessBody(Input):
    """POST /v1/access: `seconds` is how long the target should be open, `reason` is read by approvers."""

    target: str = Field(max_length=64)
    seconds: float = Field(ge=60, le=2_592_000, allow_inf_nan=False)
    reason: str = Field(default="", max_length=2000)


class LockBody(Input):
    """POST /v1/locks. `value`: a principal's key (`issuer|subject`), a group, an issuer or a target.

    `seconds` 0 means until it is lifted. `reason` is shown to those it shuts out.
    """

    kind: Literal["principal", "group", "issuer", "target"]
    value: Plain = Field(min_length=1)
    seconds: float = Field(default=0, ge=0, le=3_153_600_000, allow_inf_nan=False)
    reason: Plain = Field(default="", max_length=500)


class LiftBody(Input):
    """POST /v1/locks/lift."""

    kind: Literal["principal", "group", "issuer", "target"]
    value: Plain = Field(min_length=1)


class JoinTokenBody(Input):
    """POST /v1/agents/tokens: `name` of one of [[agents]]; `seconds` the token may be used within."""

    name: Plain = Field(min_length=1, max_length=64)
    seconds: float = Field(default=900, ge=10, le=604_800, allow_inf_nan=False)


class RevokeBody(Input):
    """POST /v1/agents/{id}/revoke."""

    reason: Plain = Field(default="", max_length=500)


class DrainBody(Input):
    """POST /v1/replicas/{id}/drain: `reason` is logged by the one that stops."""

    reason: Plain = Field(default="", max_length=500)


class Principal(Input):
    """Somebody who is imagined: issuer and subject, groups, kind, and who acts for them, the current one first."""

    issuer: Plain = ""
    subject: Plain = "somebody"
    groups: list[Plain] = Field(default_factory=list, max_length=200)
    kind: Literal["human", "machine"] = "human"
    actors: list[Plain] = Field(default_factory=list, max_length=20)


class ExplainBody(Input):
    """POST /v1/explain. Without `principal` it is about the caller; about others, for auditors and operators."""

    target: str = Field(max_length=64)
    command: str = Field(max_length=32_768)
    principal: Principal | None = None


class EntriesQuery(Input):
    """GET /v1/sessions/{id}/entries: entries whose number `n` is above `after`."""

    after: int = Field(default=-1, ge=-1, le=2**53)
    limit: int = Field(default=200, ge=1, le=1000)
    kind: str = Field(default="", pattern=r"^[a-z0-9-]{0,32}$")


class CastQuery(Input):
    """GET /v1/sessions/{id}/cast: the channel to play; -1 is the first with a terminal."""

    channel: int = Field(default=-1, ge=-1, le=2**31)


class SearchQuery(Input):
    """GET /v1/search: `q` is a query (docs/search.md); an empty one finds the latest commands."""

    q: str = Field(default="", max_length=1000)
    limit: Limit = 50
    cursor: Cursor = ""


class HoldsQuery(Input):
    """GET /v1/holds."""

    lifted: bool = False


class HoldBody(Input):
    """POST /v1/holds. `value` is a session's id, a principal's key (`issuer|subject`) or a target's name."""

    kind: Literal["session", "principal", "target"]
    value: Plain = Field(min_length=1)
    reason: Plain = Field(min_length=1, max_length=1000)


class LiftHoldBody(Input):
    """POST /v1/holds/{id}/lift."""

    reason: Plain = Field(min_length=1, max_length=1000)


class RetentionBody(Input):
    """POST /v1/retention/run: with `dry` nothing is deleted."""

    dry: bool = False


class DeliveriesQuery(Input):
    """GET /v1/deliveries."""

    state: Literal["waiting", "sent", "dead", ""] = ""
    limit: Limit = 100
    cursor: Cursor = ""


class EventsQuery(Input):
    """GET /v1/events: of which topics."""

    topics: Literal["approvals", "sessions", "all"] = "all"
