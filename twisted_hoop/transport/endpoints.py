"""Eager TCP and TLS as ordinary Twisted endpoints: what every protocol listens on and connects with.

`server_endpoint(reactor, "tcp:5432:interface=127.0.0.1")` and `client_endpoint(reactor, "tcp:host=db:port=5432")` read
Twisted's own endpoint strings. Those for tcp, tcp6, unix and systemd give eager transports (`stream.py`);
all others Twisted's own. The reactor provides IReactorFDSet, IReactorTime and a nameResolver.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import AdoptedStreamServerEndpoint, clientFromString, serverFromString
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.transport.bindings import AdoptedBinding
from twisted_hoop.transport.connect import EagerClientEndpoint
from twisted_hoop.transport.listen import EagerServerEndpoint
from twisted_hoop.transport.names import Place, client_place, server_binding

ByAgent = Callable[[Place], IStreamClientEndpoint]
"""Gives the endpoint for a place that an agent is to connect to."""


def server_endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    """The endpoint an endpoint string describes; ConfigurationError when it describes none.

    `tcp:PORT[:interface=ADDRESS][:backlog=N][:reusePort=1]` (`tcp6:` listens on `::` unless told otherwise),
    `unix:PATH[:mode=660][:lockfile=0][:backlog=N]`, `systemd:domain=INET:index=0` (or `name=NAME`).
    """
    try:
        binding = server_binding(description)
        if binding is not None:
            return EagerServerEndpoint(reactor, binding)
        other: IStreamServerEndpoint = serverFromString(reactor, description)
        if isinstance(other, AdoptedStreamServerEndpoint):
            return EagerServerEndpoint(reactor, AdoptedBinding(other.fileno, other.addressFamily))
        return other
    except Exception as why:  # Twisted's parsers and plugins raise what they like
        raise _unusable(description, why) from why


def client_endpoint(reactor: Any, description: str, by_agent: ByAgent | None = None) -> IStreamClientEndpoint:
    """The endpoint an endpoint string describes; ConfigurationError when it describes none.

    `tcp:HOST:PORT` or `tcp:host=HOST:port=PORT`, with `:timeout=SECONDS` and `:bindAddress=ADDRESS`;
    `unix:PATH[:timeout=SECONDS]`; `agent:NAME:` before one of these leads there by an agent, if there is a way.
    """
    try:
        place = client_place(description)
        if place is not None and place.agent:
            if by_agent is None:
                raise ValueError("there are no agents here")
            return by_agent(place)
        if place is not None:
            return EagerClientEndpoint(reactor, place.where, place.timeout, place.bind)
        other: IStreamClientEndpoint = clientFromString(reactor, description)
        return other
    except Exception as why:  # as above
        raise _unusable(description, why) from why


def _unusable(description: str, why: Exception) -> ConfigurationError:
    return ConfigurationError([f"endpoint {description!r}: {why}"])
