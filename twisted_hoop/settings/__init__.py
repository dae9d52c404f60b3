"""The shape of the configuration file: frozen, strict, unknown keys refused (R12). `config` reads it from TOML.

Durations are written "30s", "5m", "2h", "30d" and become seconds. The descriptions are the reference documentation.
"""

from __future__ import annotations

from pydantic import Field

from twisted_hoop.settings.agents import AgentSection
from twisted_hoop.settings.base import Duration, Section
from twisted_hoop.settings.console import ConsoleSection
from twisted_hoop.settings.gateway import (
    ApiSection,
    GatewaySection,
    RecordingSection,
    RetentionSection,
    SshSection,
    StorageSection,
    StoreSection,
)
from twisted_hoop.settings.identity import AccountSection, ActorSection, Algorithm, IssuerSection, OwnIssuerSection
from twisted_hoop.settings.network import LimitsSection, ListenerSection, TargetSection
from twisted_hoop.settings.notify import NotifySection, SlackUser
from twisted_hoop.settings.rules import MaskSection, RuleSection
from twisted_hoop.settings.saml import SamlSection
from twisted_hoop.settings.secrets import SecretsSection, VaultSection
from twisted_hoop.settings.tracing import TracingSection

__all__ = [
    "AccountSection",
    "ActorSection",
    "AgentSection",
    "Algorithm",
    "ApiSection",
    "ConsoleSection",
    "Duration",
    "GatewaySection",
    "IssuerSection",
    "LimitsSection",
    "ListenerSection",
    "MaskSection",
    "NotifySection",
    "OwnIssuerSection",
    "RecordingSection",
    "RetentionSection",
    "RuleSection",
    "SamlSection",
    "SecretsSection",
    "Section",
    "Settings",
    "SlackUser",
    "SshSection",
    "StorageSection",
    "StoreSection",
    "TargetSection",
    "TracingSection",
    "VaultSection",
]


class Settings(Section):
    """The whole file."""

    gateway: GatewaySection = GatewaySection()
    store: StoreSection = StoreSection()
    recording: RecordingSection = RecordingSection()
    api: ApiSection = ApiSection()
    console: ConsoleSection = ConsoleSection()
    ssh: SshSection = SshSection()
    secrets: SecretsSection = SecretsSection()
    vault: VaultSection = VaultSection()
    own_issuer: OwnIssuerSection = OwnIssuerSection()
    tracing: TracingSection = TracingSection()
    issuers: list[IssuerSection] = Field(default_factory=list)
    saml: list[SamlSection] = Field(default_factory=list)
    accounts: list[AccountSection] = Field(default_factory=list)
    listeners: list[ListenerSection] = Field(default_factory=list)
    agents: list[AgentSection] = Field(default_factory=list)
    targets: list[TargetSection] = Field(default_factory=list)
    rules: list[RuleSection] = Field(default_factory=list)
    masks: list[MaskSection] = Field(default_factory=list)
    notify: list[NotifySection] = Field(default_factory=list)
    retention: list[RetentionSection] = Field(default_factory=list)
