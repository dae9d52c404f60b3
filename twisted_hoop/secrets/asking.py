"""HTTP requests to what gives secrets: no redirects, an answer of bounded size, one time limit over all of it.

A credential goes along, so it must reach this server and no other: names of certificates are checked, and a redirect is
an answer like any that is not 200 (R11). What an answer says never stands in an error: it could be a secret.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from treq.client import HTTPClient
from treq.content import collect
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IPolicyForHTTPS
from zope.interface import implementer

from twisted_hoop.errors import SecretUnavailable

MAX_BODY = 1024 * 1024
_END = "-----END CERTIFICATE-----"


@implementer(IPolicyForHTTPS)
class Trust:
    """Whose certificates are believed, PEM or "" for the system's, and the one we show. ValueError for what is none."""

    def __init__(self, ca: str = "", certificate: str = "") -> None:
        blocks = ca.split(_END)[:-1]
        if ca and not blocks:
            raise ValueError("no certificate in it")
        try:
            roots = [Certificate.loadPEM((block + _END).encode("ascii")) for block in blocks]
            self._own = PrivateCertificate.loadPEM(certificate.encode("ascii")) if certificate else None
        except Exception:  # noqa: BLE001  OpenSSL's own error types are many, and its texts tell nothing
            raise ValueError("not PEM") from None
        self._roots: Any = trustRootFromCertificates(roots) if roots else platformTrust()

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        """Twisted's: the certificate must be for that name or address."""
        name = hostname.decode("ascii")
        made: IOpenSSLClientConnectionCreator = optionsForClientTLS(
            name, trustRoot=self._roots, clientCertificate=self._own
        )
        return made


class Asker:
    """See the module. `trust` is called at the first request; `timeout` is in seconds, `who` stands in errors."""

    def __init__(self, reactor: Any, trust: Callable[[], Trust], timeout: float, who: str) -> None:
        self._reactor, self._trust, self._timeout, self._who = reactor, trust, timeout, who
        self._client: HTTPClient | None = None

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
        """Status and body. Raises SecretUnavailable; whether it is `passing` says whether to try again is of use."""
        try:
            whole = Deferred.fromCoroutine(self._asked(method, url, headers, body))
            return await whole.addTimeout(self._timeout, self._reactor)
        except SecretUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  whatever a broken server causes; the text could quote the answer
            raise SecretUnavailable(f"{self._who} does not answer: {type(error).__name__}", passing=True) from None

    async def _asked(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        client = self._http()
        given = Headers({name: [value] for name, value in headers.items()})
        data = _Body(body) if body else None
        response = await client.request(method, url, headers=given, data=data, allow_redirects=False, unbuffered=True)
        answer = bytearray()

        def take(data: bytes) -> None:
            answer.extend(data)
            if len(answer) > MAX_BODY:
                raise SecretUnavailable(f"the answer of {self._who} is too large")

        await collect(response, take)
        return response.code, bytes(answer)

    def _http(self) -> HTTPClient:
        if self._client is None:
            agent = Agent(self._reactor, self._trust(), connectTimeout=self._timeout)
            self._client = HTTPClient(agent)
        return self._client


@implementer(IBodyProducer)
class _Body:
    """A body in one piece. treq's own producer would need the process's reactor to run."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Twisted's."""
        consumer.write(self._data)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def pauseProducing(self) -> None:
        """Twisted's: it is on its way already."""

    def resumeProducing(self) -> None:
        """Twisted's."""

    def stopProducing(self) -> None:
        """Twisted's."""


def refused(who: str, status: int) -> SecretUnavailable:
    """What a status that is no success means: 5xx and 429 pass, all else is an answer."""
    return SecretUnavailable(f"{who}: status {status}", passing=status >= 500 or status == 429)


def is_safe(address: str) -> bool:
    """https, or http to this machine's loopback: a token is sent there."""
    try:
        parts = urllib.parse.urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and loopback))
