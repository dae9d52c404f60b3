"""Telling people of requests, put together: their channels, the courier, the buttons of Slack, where to look."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted_hoop.approval.desk import Desk
from twisted_hoop.identity.locks import Locks
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.model import Principal
from twisted_hoop.notify.channels import make_notifier
from twisted_hoop.notify.courier import Channels, Courier
from twisted_hoop.notify.deliveries import Deliveries
from twisted_hoop.notify.posting import Poster
from twisted_hoop.notify.slack_actions import SlackActions
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.settings import NotifySection, Settings
from twisted_hoop.store.database import Database
from twisted_hoop.store.once import Once


class Telling:
    """See the module. `settings` gives those in force, `secrets` what channels log in with."""

    def __init__(
        self,
        reactor: Any,
        settings: Callable[[], Settings],
        secrets: ISecretStore,
        database: Database,
        metrics: Metrics,
    ) -> None:
        self._reactor, self._settings, self._secrets = reactor, settings, secrets
        self.deliveries = Deliveries(database, time.time)
        self.courier = Courier(self.deliveries, reactor, time.time, self.page_of, metrics.notice)

    def channels_of(self, settings: Settings) -> Channels:
        """The channels that settings have; ConfigurationError for one that cannot be."""
        make: Any = partial(make_notifier, reactor=self._reactor, secrets=self._secrets, now=time.time)
        return {section.name: (section, make(section)) for section in settings.notify}

    def slack(self, desk: Desk, once: Once, locks: Locks) -> SlackActions:
        """Decides by the buttons of Slack's messages."""

        def poster(section: NotifySection) -> Poster:
            return Poster(self._reactor, section.ca, section.timeout)

        def locked(principal: Principal) -> bool:
            return locks.holds(principal) is not None

        return SlackActions(self._settings, self._secrets, desk, once, locked, time.time, poster)

    def page_of(self, ident: str) -> str:
        """Where a person can look at a request: in the console, or else at the API."""
        settings = self._settings()
        doors = bool(settings.saml) or any(issuer.client_id for issuer in settings.issuers)
        console = settings.console.enabled and doors
        return f"{settings.gateway.url.rstrip('/')}{'' if console else '/v1'}/approvals/{ident}"
