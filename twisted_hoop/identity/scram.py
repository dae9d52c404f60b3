"""SCRAM-SHA-256 and -PLUS, both sides, pure: bytes in, bytes out (RFC 5802, RFC 7677, channel binding RFC 5929).

The server side checks service accounts, the client side logs in at targets. A hostile peer can only make it raise:
every length and the iteration count are bounded (P5). The PBKDF2 of the client side is left to the caller, who runs it
in a thread (R14): `client.first()`, `client.challenge(data)`, `client.final(salted_password)`, `client.verify(data)`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted_hoop.errors import AuthenticationFailed, ProtocolError
from twisted_hoop.identity.scram_keys import (
    Verifier,
    client_key,
    digest,
    mac,
    mock_verifier,
    server_key,
)
from twisted_hoop.steps import Side

PLAIN = "SCRAM-SHA-256"
PLUS = "SCRAM-SHA-256-PLUS"
MAX_MESSAGE = 8192
MAX_NONCE = 1024
MAX_SALT = 1024
MAX_ITERATIONS = 1_000_000
"""About half a second of one core; PostgreSQL's default is 4096."""

_NONCE = re.compile(rb"[\x21-\x2b\x2d-\x7e]+")
_CLIENT_FIRST = re.compile(rb"(n|y|p=([A-Za-z0-9.-]+)),(a=[^,]*)?,(n=([^,]*),r=([^,]*)(?:,[A-Za-z]=[^,]+)*)")
_SERVER_FIRST = re.compile(rb"r=([^,]*),s=([^,]*),i=([1-9][0-9]{0,9})")
_CLIENT_FINAL = re.compile(rb"(c=([^,]*),r=([^,]*)(?:,[A-Za-z]=[^,]+)*),p=([^,]*)")
_SERVER_FINAL = re.compile(rb"(?:v=([^,]*)|e=([^,]*))")
_BINDING = b"p=tls-server-end-point"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the server asks the client to derive its key from."""

    salt: bytes
    iterations: int


def make_nonce() -> bytes:
    """24 characters from 18 random bytes, as PostgreSQL's."""
    return base64.b64encode(secrets.token_bytes(18))


def choose_mechanism(offered: Sequence[str], channel_binding: bytes | None) -> str | None:
    """The strongest mechanism both sides can speak, or None."""
    if PLUS in offered and channel_binding is not None:
        return PLUS
    return PLAIN if PLAIN in offered else None


class ScramServer:
    """One login of a client. Order: `first`, `final`; anything else is a programming error (RuntimeError).

    `verifier` None means the account does not exist: the exchange looks the same and always fails.
    `channel_binding` is our certificate's tls-server-end-point when SCRAM-SHA-256-PLUS was offered, else None.
    """

    def __init__(
        self,
        verifier: Verifier | None,
        *,
        user: str = "",
        secret: bytes = b"",
        channel_binding: bytes | None = None,
        nonce: Callable[[], bytes] = make_nonce,
    ) -> None:
        self._verifier = verifier if verifier is not None else mock_verifier(user, secret)
        self._exists = verifier is not None
        self._channel_binding = channel_binding
        self._make_nonce = nonce
        self._header = self._bare = self._first = self._nonce = b""

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """What to offer, strongest first."""
        return (PLUS, PLAIN) if self._channel_binding is not None else (PLAIN,)

    def first(self, data: bytes, mechanism: str = PLAIN) -> bytes:
        """server-first-message for the client's, or ProtocolError."""
        match = _matched(_CLIENT_FIRST, data, "client-first-message", "client")
        flag, binding, authzid, bare, _user, nonce = match.groups()
        self._check_binding(flag, binding, mechanism)
        if authzid not in (None, b"a="):
            raise ProtocolError("a SCRAM authorization identity is not supported")
        _check_nonce(nonce, "client")
        self._header = data[: len(data) - len(bare)]
        self._nonce = nonce + self._make_nonce()
        salt = base64.b64encode(self._verifier.salt)
        self._bare, self._first = bare, b"r=%b,s=%b,i=%d" % (self._nonce, salt, self._verifier.iterations)
        return self._first

    def final(self, data: bytes) -> bytes:
        """server-final-message, or ProtocolError, or AuthenticationFailed when the proof does not fit."""
        if not self._first:
            raise RuntimeError("final before first")
        match = _matched(_CLIENT_FINAL, data, "client-final-message", "client")
        without_proof, header, nonce, proof = match.groups()
        message = b",".join((self._bare, self._first, without_proof))
        bound = self._header + (self._channel_binding or b"" if self._header.startswith(b"p") else b"")
        same_nonce = hmac.compare_digest(nonce, self._nonce)
        self._first = b""
        if not same_nonce or not hmac.compare_digest(_base64(header, "client"), bound):
            raise AuthenticationFailed("SCRAM nonce or channel binding does not match")
        if not self._proves(_base64(proof, "client"), message) or not self._exists:
            raise AuthenticationFailed("SCRAM proof does not fit: wrong password or unknown account")
        return b"v=" + base64.b64encode(mac(self._verifier.server_key, message))

    def _proves(self, proof: bytes, message: bytes) -> bool:
        signature = mac(self._verifier.stored_key, message)
        key = bytes(a ^ b for a, b in zip(proof, signature, strict=False))
        return hmac.compare_digest(digest(key), self._verifier.stored_key) and len(proof) == len(signature)

    def _check_binding(self, flag: bytes, binding: bytes | None, mechanism: str) -> None:
        """RFC 5802 section 6: `y` while we offered -PLUS means that somebody took the offer away."""
        if mechanism not in self.mechanisms:
            raise ProtocolError("this SASL mechanism was not offered")
        if (binding is not None) != (mechanism == PLUS):
            raise ProtocolError("SCRAM channel binding flag does not fit the mechanism")
        if binding is not None and binding != b"tls-server-end-point":
            raise ProtocolError("only tls-server-end-point channel binding is supported")
        if flag == b"y" and self._channel_binding is not None:
            raise AuthenticationFailed("SCRAM channel binding was negotiated away (downgrade)")


class ScramClient:
    """One login at a target. Order: `first`, `challenge`, `final`, `verify`.

    `channel_binding` is the target's tls-server-end-point, None without TLS or where it is undefined. PostgreSQL takes
    the user from the start-up packet and ignores the one here, so an empty name is sent, as libpq does.
    """

    def __init__(
        self,
        *,
        user: str = "",
        channel_binding: bytes | None = None,
        mechanism: str = PLAIN,
        max_iterations: int = MAX_ITERATIONS,
        nonce: Callable[[], bytes] = make_nonce,
    ) -> None:
        if mechanism == PLUS and channel_binding is None:
            raise ValueError("SCRAM-SHA-256-PLUS needs a channel binding")
        unbound = b"y,," if channel_binding is not None else b"n,,"
        self._header = _BINDING + b",," if mechanism == PLUS else unbound
        self._binding = channel_binding if mechanism == PLUS and channel_binding is not None else b""
        self._max_iterations = max_iterations
        self._own_nonce = nonce()
        name = user.encode().replace(b"=", b"=3D").replace(b",", b"=2C")
        self._bare = b"n=%b,r=%b" % (name, self._own_nonce)
        self._first = self._nonce = self._signature = b""

    def first(self) -> bytes:
        """client-first-message."""
        return self._header + self._bare

    def challenge(self, data: bytes) -> Challenge:
        """What server-first-message asks for, or ProtocolError (side "target") when it is out of bounds (P5)."""
        nonce, salt64, count = _matched(_SERVER_FIRST, data, "server-first-message", "target").groups()
        _check_nonce(nonce, "target")
        if not nonce.startswith(self._own_nonce) or len(nonce) == len(self._own_nonce):
            raise ProtocolError("the target's SCRAM nonce does not extend ours", "target")
        salt, iterations = _base64(salt64, "target"), int(count)
        if not 1 <= len(salt) <= MAX_SALT:
            raise ProtocolError("the target's SCRAM salt is empty or too long", "target")
        if iterations > self._max_iterations:
            raise ProtocolError(f"the target asks for {iterations} SCRAM iterations, too many", "target")
        self._first, self._nonce = data, nonce
        return Challenge(salt, iterations)

    def final(self, salted: bytes) -> bytes:
        """client-final-message from the salted password (`scram_keys.salted_password`)."""
        if not self._first:
            raise RuntimeError("final before challenge")
        header = base64.b64encode(self._header + self._binding)
        without_proof = b"c=%b,r=%b" % (header, self._nonce)
        message = b",".join((self._bare, self._first, without_proof))
        key = client_key(salted)
        proof = bytes(a ^ b for a, b in zip(key, mac(digest(key), message), strict=True))
        self._signature = mac(server_key(salted), message)
        return without_proof + b",p=" + base64.b64encode(proof)

    def verify(self, data: bytes) -> None:
        """Check server-final-message: AuthenticationFailed when the target refuses or does not know the password."""
        signature, error = _matched(_SERVER_FINAL, data, "server-final-message", "target").groups()
        if not self._signature:
            raise RuntimeError("verify before final")
        if error is not None:
            raise AuthenticationFailed("the target refused the SCRAM login")
        if not hmac.compare_digest(_base64(signature, "target"), self._signature):
            raise AuthenticationFailed("the target's SCRAM signature is wrong: it does not know the password")


def _matched(grammar: re.Pattern[bytes], data: bytes, what: str, side: Side) -> re.Match[bytes]:
    match = grammar.fullmatch(data) if len(data) <= MAX_MESSAGE else None
    if match is None:
        raise ProtocolError(f"malformed SCRAM {what}", side)
    return match


def _check_nonce(nonce: bytes, side: Side) -> None:
    if len(nonce) > MAX_NONCE or _NONCE.fullmatch(nonce) is None:
        raise ProtocolError("a SCRAM nonce is 1 to 1024 printable characters", side)


def _base64(text: bytes, side: Side) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ProtocolError("malformed base64 in a SCRAM message", side) from None
