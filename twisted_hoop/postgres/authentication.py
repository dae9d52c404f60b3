"""How a client proves who it is: token as password, OAUTHBEARER or SCRAM. Many methods, one door (I8)."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable
from typing import Protocol

from twisted_hoop.errors import AuthenticationFailed, ProtocolError
from twisted_hoop.identity.oauthbearer import MECHANISM, check_failure_answer, failure_json, parse_client_message
from twisted_hoop.identity.provider import ScramLogin
from twisted_hoop.interfaces import IIdentityProvider
from twisted_hoop.model import Peer, Principal
from twisted_hoop.postgres import messages as pg

Bytes = bytes


class Authentication(Protocol):
    """One method at work."""

    farewell: bytes
    """Bytes that go before AuthenticationOk (SASLFinal)."""

    def start(self) -> bytes:
        """The authentication request."""

    def answered(self, body: bytes) -> Awaitable[Principal | Bytes]:
        """The client's answer: the principal, or bytes that ask for more. AuthenticationFailed, ProtocolError."""


def _request(code: int, data: bytes = b"") -> bytes:
    return pg.message(b"R", struct.pack(">I", code) + data)


class TokenAuthentication:
    """The token as password, over TLS or loopback only (AuthenticationCleartextPassword)."""

    farewell = b""

    def __init__(self, identity: IIdentityProvider, peer: Peer) -> None:
        self._identity = identity
        self._peer = peer

    def start(self) -> bytes:
        """See Authentication."""
        return _request(3)

    async def answered(self, body: bytes) -> Principal | Bytes:
        """See Authentication."""
        if not body.endswith(b"\0") or body.find(b"\0") != len(body) - 1:
            raise ProtocolError("invalid password packet")
        return await self._identity.authenticate(body[:-1].decode("utf-8", "replace"), self._peer)


class OAuthAuthentication:
    """SASL OAUTHBEARER (RFC 7628). An empty token asks where to get one: `discovery` is (issuer URL, scope)."""

    farewell = b""

    def __init__(self, identity: IIdentityProvider, peer: Peer, discovery: tuple[str, str]) -> None:
        self._identity = identity
        self._peer = peer
        self._discovery = discovery
        self._first = True
        self._failure: AuthenticationFailed | None = None

    def start(self) -> bytes:
        """See Authentication."""
        return _request(10, MECHANISM.encode() + b"\0\0")

    async def answered(self, body: bytes) -> Principal | Bytes:
        """See Authentication."""
        if self._failure is not None:
            check_failure_answer(body)
            raise self._failure
        data = self._initial(body) if self._first else body
        if data is None:
            return _request(11)
        token = parse_client_message(data)
        if token is None:
            return self._ask_again(AuthenticationFailed("the client asked where to get a token", "a token is needed"))
        try:
            return await self._identity.authenticate(token, self._peer)
        except AuthenticationFailed as error:
            return self._ask_again(error)

    def _initial(self, body: bytes) -> bytes | None:
        self._first = False
        mechanism, data = _sasl_initial(body)
        if mechanism != MECHANISM:
            raise ProtocolError("the client chose a SASL mechanism that was not offered")
        return data

    def _ask_again(self, failure: AuthenticationFailed) -> bytes:
        self._failure = failure
        return _request(11, failure_json(*self._discovery))


class ScramAuthentication:
    """SCRAM-SHA-256 for service accounts; somebody unknown sees the same exchange and fails at its end."""

    def __init__(self, login: ScramLogin) -> None:
        self._login = login
        self._mechanism = ""
        self.farewell = b""

    def start(self) -> bytes:
        """See Authentication."""
        offered = b"".join(m.encode() + b"\0" for m in self._login.mechanisms)
        return _request(10, offered + b"\0")

    async def answered(self, body: bytes) -> Principal | Bytes:
        """See Authentication."""
        if not self._mechanism:
            self._mechanism, data = _sasl_initial(body)
            if data is None or self._mechanism not in self._login.mechanisms:
                raise ProtocolError("the client chose a SASL mechanism that was not offered")
            return _request(11, self._login.first(data, self._mechanism))
        final, principal = self._login.final(body)
        self.farewell = _request(12, final)
        return principal


def _sasl_initial(body: bytes) -> tuple[str, bytes | None]:
    """(mechanism, data or None) of a SASLInitialResponse."""
    name, position = pg.split_cstring(body, 0)
    if len(body) < position + 4:
        raise ProtocolError("invalid SASL response")
    (length,) = struct.unpack_from(">i", body, position)
    data = body[position + 4 :]
    if length == -1 and not data:
        return name.decode("ascii", "replace"), None
    if length != len(data):
        raise ProtocolError("invalid SASL response")
    return name.decode("ascii", "replace"), data


def chooser(
    identity: IIdentityProvider,
    scram: Callable[[str, Peer], ScramLogin | None],
    methods: list[str],
    discovery: tuple[str, str],
) -> Callable[[dict[str, str], Peer], Authentication]:
    """Which method a connection gets: one, for a server cannot offer a password and SASL at once.

    `scram` answers with a log-in when this user is to use SCRAM.
    """

    def choose(parameters: dict[str, str], peer: Peer) -> Authentication:
        user = parameters.get("user", "")
        login = scram(user, peer) if "scram" in methods else None
        if login is not None:
            return ScramAuthentication(login)
        if next((m for m in methods if m != "scram"), "token") == "oauth":
            return OAuthAuthentication(identity, peer, discovery)
        return TokenAuthentication(identity, peer)

    return choose
