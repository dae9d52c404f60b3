"""What stands behind one HTTP listener: sessions are joined by address and proof whichever listener they come by."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.joining import Joining
from twisted_hoop.http.server import HttpFactory
from twisted_hoop.interfaces import IIdentityProvider
from twisted_hoop.services import Services
from twisted_hoop.settings import ListenerSection, Settings


class HttpListening:
    """Makes the factory of a listener. `settings` and `identity` are asked for anew: a reload changes them."""

    def __init__(
        self,
        reactor: Any,
        settings: Callable[[], Settings],
        services: Services[HttpHall],
        named: Callable[[str], HttpHall | None],
        identity: Callable[[], IIdentityProvider],
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._named = named
        self._identity = identity
        self._joining = Joining(services)

    def factory(self, section: ListenerSection, context: Callable[[], ssl.SSLContext] | None) -> HttpFactory:
        """The factory of that listener."""
        gateway = self._settings().gateway
        return HttpFactory(self._reactor, gateway, section, context, self._joining, self._named, self._identity)
