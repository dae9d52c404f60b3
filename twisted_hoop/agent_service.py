"""The composition root of an agent: the only module of its that names concrete classes."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop import __version__
from twisted_hoop.agent.allow import AllowList
from twisted_hoop.agent.attachment import Plan
from twisted_hoop.agent.configuration import VARIABLE, agent_of_variable, load_agent
from twisted_hoop.agent.dialling import Dialler
from twisted_hoop.agent.enrolment_files import make_credentials
from twisted_hoop.agent.known import KnownGateway, read_known
from twisted_hoop.agent.runner import Agent
from twisted_hoop.agent.settings import AgentOwnSection, AgentSettings
from twisted_hoop.agent.uplink import Uplink
from twisted_hoop.agent.whereabouts import Proxy, Whereabouts, parse_gateway, parse_proxy, proxy_of
from twisted_hoop.errors import ConfigurationError, SecretUnavailable
from twisted_hoop.recording.files import private_folder
from twisted_hoop.secrets.files import read_secret_file
from twisted_hoop.transport import ReloadingContext, client_context

NAME = "hoop-agent"


def make_agent_service(config: str, reactor: Any, environ: Mapping[str, str]) -> IService:
    """The agent as a Twisted service. Without `config`, HOOP_AGENT says what is needed.

    Raises ConfigurationError with every problem before anything is opened.
    """
    settings = _settings(config, environ)
    parent = MultiService()
    AgentService(settings, reactor, environ).setServiceParent(parent)  # type: ignore[no-untyped-call]
    return parent


def _settings(config: str, environ: Mapping[str, str]) -> AgentSettings:
    if config:
        return load_agent(config)
    if environ.get(VARIABLE):
        return agent_of_variable(environ[VARIABLE])
    raise ConfigurationError([f"nothing says what this agent is: give --config FILE, or set {VARIABLE}"])


class AgentService(Service):
    """Connects in `startService`; in `stopService` streams may go on for a while."""

    log = Logger()
    name = NAME

    def __init__(self, settings: AgentSettings, reactor: Any, environ: Mapping[str, str]) -> None:
        own = settings.agent
        self._settings, self._reactor, self._environ = settings, reactor, environ
        state = private_folder(Path(own.state))
        allow = AllowList(settings.allow)
        try:
            known = KnownGateway(own.host_keys or read_known(state))
            uplink = uplink_of(own, environ)
            uplink()
        except (ValueError, OSError, SecretUnavailable) as why:
            raise ConfigurationError([f"agent: {why}"]) from why
        self._plan = Plan(
            own.name,
            uplink,
            make_credentials(own, reactor, environ),
            known,
            state,
            Dialler(reactor, allow, own.dial_timeout),
            allow.offered(),
            own.streams,
            (own.heartbeat, own.dead),
        )
        self.agent = Agent(reactor, self._plan, own.longest_wait)

    def startService(self) -> None:
        """Connect, and stay connected."""
        super().startService()  # type: ignore[no-untyped-call]
        offered = list(self._plan.offered)
        self.log.info("hoop-agent starts", agent=self._plan.name, version=__version__, allow=offered)
        self.agent.start()

    def stopService(self) -> Deferred[None]:
        """No new streams; those there are may go on for `stop_timeout`."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self.agent.stop(self._settings.agent.stop_timeout))


def uplink_of(own: AgentOwnSection, environ: Mapping[str, str]) -> Callable[[], Uplink]:
    """How to get to the gateway, each time anew: a CA's file may have changed. OSError for a file that cannot be read,
    ValueError for a proxy that cannot be understood, SecretUnavailable for its login."""
    where = parse_gateway(own.gateway)
    pin = own.pin.replace(":", "").lower()
    context = _context(own, pin) if where.encrypted else None
    proxy = _proxy(own, where, environ)
    return lambda: Uplink(where, context, own.server_name, pin, proxy)


def _context(own: AgentOwnSection, pin: str) -> Callable[[], ssl.SSLContext]:
    """A pin alone is enough: then no CA is asked."""
    if pin and not own.ca:
        context = client_context("require", alpn=("http/1.1",))
        return lambda: context
    return ReloadingContext(lambda: client_context("verify-full", own.ca, alpn=("http/1.1",)), own.ca)


def _proxy(own: AgentOwnSection, where: Whereabouts, environ: Mapping[str, str]) -> Proxy | None:
    url = own.proxy or proxy_of(environ, where)
    if not url:
        return None
    reference = own.proxy_login
    if reference.startswith("env:"):
        login = environ.get(reference.removeprefix("env:"), "")
        if not login:
            raise SecretUnavailable(f"{reference}: there is no such variable")
    else:
        login = str(read_secret_file(Path(reference.removeprefix("file:")))) if reference else ""
    return parse_proxy(url, login)
