"""Eager TCP and TLS as ordinary Twisted endpoints: what every protocol listens on and connects with."""

from __future__ import annotations

from twisted_hoop.transport.connect import EagerClientEndpoint, explained
from twisted_hoop.transport.endpoints import ByAgent, client_endpoint, server_endpoint
from twisted_hoop.transport.listen import EagerPort, EagerServerEndpoint
from twisted_hoop.transport.names import target_host
from twisted_hoop.transport.start import IFirstByteListener
from twisted_hoop.transport.stream import EagerTransport
from twisted_hoop.transport.tls import Mode, ReloadingContext, TlsSession, client_context, server_context

__all__ = [
    "ByAgent",
    "EagerClientEndpoint",
    "EagerPort",
    "EagerServerEndpoint",
    "EagerTransport",
    "IFirstByteListener",
    "Mode",
    "ReloadingContext",
    "TlsSession",
    "client_context",
    "client_endpoint",
    "explained",
    "server_context",
    "server_endpoint",
    "target_host",
]
