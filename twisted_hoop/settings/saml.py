"""Identity providers that speak SAML 2.0: whom we believe, and what of an assertion is who."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section


class SamlSection(Section):
    """[[saml]]: a SAML 2.0 identity provider people log in at, in the browser or with `hoop login --saml`.

    It knows this gateway by the metadata at `[gateway] url` followed by `/saml/NAME/metadata`, which is also the
    gateway's entity id; answers are posted to `/saml/NAME/acs`.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """Short name: stands in those addresses, and on the button of the log-in page."""
    entity_id: str = Field(min_length=1, max_length=1024)
    """Exact entity id of the provider; rules and locks know it as the issuer."""
    sso_url: str
    """Where it takes requests by HTTP-Redirect."""
    certificate: str
    """PEM file with the certificate it signs with; several while it changes from one to the next."""
    subject: str = ""
    """Attribute with an identifier that never changes and never comes to somebody else; empty: the NameID, which must
    be a persistent one then."""
    name_attribute: str = ""
    """Attribute shown to people; never used as identity."""
    groups_attribute: str = ""
    """Attribute with the groups, one a value."""
    group_prefix: str = ""
    """Put before every group of this provider, so that two cannot be confused."""
    groups: list[str] = Field(default_factory=list)
    """Groups everybody of this provider gets."""
    kind: Literal["human", "machine"] = "human"
    """What its subjects are."""
    leeway: Duration = Field(default=30.0, le=300.0)
    """Clock skew tolerated."""
    max_session: Duration = Field(default=28800.0, ge=60.0)
    """Longest time a log-in counts; shorter when the provider says so (SessionNotOnOrAfter)."""
    token_lifetime: Duration = Field(default=3600.0, ge=60.0)
    """Longest life of a token that `hoop login --saml` gets; never longer than the log-in counts."""
    sources: list[str] = Field(default_factory=list)
    """CIDR ranges log-ins may come from; empty means any (I10)."""
    max_sessions: int = Field(default=0, ge=0)
    """Concurrent sessions of one identity; 0 means any (I10)."""
