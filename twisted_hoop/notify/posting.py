"""POSTs of small bodies: bounded in size and time, never redirected, TLS verified. Errors never name the address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from twisted_hoop.errors import NoticeUndelivered
from twisted_hoop.identity.fetch import is_safe

_END = "-----END CERTIFICATE-----"
_LATER = frozenset({408, 409, 425, 429})
_LONGEST_WAIT = 3600.0


class Poster:
    """POSTs with the given reactor. `ca` is a PEM bundle that replaces the system's; `timeout` is for the whole."""

    def __init__(self, reactor: Any, ca: str = "", timeout: float = 10.0) -> None:
        self._reactor = reactor
        self._timeout = timeout
        policy = BrowserLikePolicyForHTTPS(_trust(ca) if ca else platformTrust())
        pool = HTTPConnectionPool(reactor, persistent=False)
        self._agent = Agent(reactor, policy, connectTimeout=timeout, pool=pool)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Done when the answer is 2xx; NoticeUndelivered otherwise."""
        if not is_safe(url):
            raise NoticeUndelivered("the address is neither https nor on this machine", permanent=True)
        whole = Deferred.fromCoroutine(self._exchange(url, body, headers))
        whole.addTimeout(self._timeout, self._reactor)
        try:
            await whole
        except NoticeUndelivered:
            raise
        except Exception as error:  # noqa: BLE001  whatever a broken server causes; the text may hold the address
            raise NoticeUndelivered(f"no answer: {type(error).__name__}") from None

    async def _exchange(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        sent = Headers({name: [value] for name, value in headers.items()})
        sent.addRawHeader("User-Agent", "twisted-hoop")
        response = await self._agent.request(b"POST", url.encode("ascii"), sent, _Body(body))
        response.deliverBody(_Unread())
        status = int(response.code)
        if not 200 <= status < 300:
            permanent = status < 500 and status not in _LATER
            raise NoticeUndelivered(f"answered with status {status}", permanent, _retry_after(response.headers))


@implementer(IBodyProducer)
class _Body:
    """A small body, written at once; Twisted's own producer would ask for the installed reactor."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """All of it is written."""

    def resumeProducing(self) -> None:
        """All of it is written."""

    def stopProducing(self) -> None:
        """All of it is written."""


class _Unread(Protocol):
    """Nobody reads what is answered: the connection is closed, however long the answer would go on."""

    def connectionMade(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


def _retry_after(headers: Headers) -> float:
    """Seconds, 0 when nothing usable is said; dates are not understood (RFC 9110, section 10.2.3)."""
    (said,) = headers.getRawHeaders("retry-after", ["0"])[:1]
    return min(float(said), _LONGEST_WAIT) if said.isascii() and said.isdigit() and len(said) < 8 else 0.0


def _trust(ca: str) -> Any:
    blocks = [block + _END for block in Path(ca).read_text(encoding="ascii").split(_END)[:-1]]
    return trustRootFromCertificates([Certificate.loadPEM(block.encode("ascii")) for block in blocks])
