"""SASL OAUTHBEARER, the server's side, pure (RFC 7628 section 3; as PostgreSQL 18's `auth-oauth.c` reads it).

Deliberately knows nothing of tokens: it only finds the bearer string and writes the answer that starts discovery.
"""

from __future__ import annotations

import json
import re

from twisted_hoop.errors import ProtocolError

MECHANISM = "OAUTHBEARER"
MAX_MESSAGE = 65535
"""What PostgreSQL accepts for one authentication message."""
DUMMY = b"\x01"
"""All a client may answer to a failure (RFC 7628 section 3.2.3)."""

_HEADER = re.compile(rb"(n|y|p=[A-Za-z0-9.-]+),(a=[^,]*)?,\x01")
_PAIR = re.compile(rb"([A-Za-z]+)=([\x09\x0a\x0d\x20-\x7e]*)")
_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)


def parse_client_message(data: bytes) -> str | None:
    """The bearer token of client-initial-response; None when the client sent none and asks for discovery.

    ProtocolError for everything that is not that message: another grammar, channel binding, an authorization identity,
    no or several `auth` values, another scheme than Bearer.
    """
    header = _HEADER.match(data) if len(data) <= MAX_MESSAGE else None
    if header is None:
        raise ProtocolError("malformed OAUTHBEARER message")
    if header[1].startswith(b"p"):
        raise ProtocolError("OAUTHBEARER has no channel binding")
    if header[2] is not None:
        raise ProtocolError("an OAUTHBEARER authorization identity is not supported")
    auth = _auth_value(data[header.end() :])
    if not auth:
        return None
    bearer = _BEARER.fullmatch(auth)
    if bearer is None:
        raise ProtocolError("OAUTHBEARER wants a Bearer token")
    return bearer[1]


def _auth_value(rest: bytes) -> str:
    """The one `auth` of kvpairs `*(key "=" value kvsep) kvsep`; other keys are ignored, as the RFC asks."""
    if not rest.endswith(b"\x01\x01"):
        raise ProtocolError("an OAUTHBEARER message ends with two separators")
    pairs = [_PAIR.fullmatch(pair) for pair in rest[:-2].split(b"\x01")]
    found = [pair[2] for pair in pairs if pair is not None and pair[1] == b"auth"]
    if None in pairs or len(found) != 1:
        raise ProtocolError("an OAUTHBEARER message has well-formed values, `auth` exactly once")
    return found[0].decode("ascii")


def failure_json(issuer: str, scope: str) -> bytes:
    """The server's error message, also the answer to discovery: the issuer's configuration and the scope to ask for.

    The client compares `openid-configuration` byte for byte with its own `oauth_issuer`.
    """
    configuration = issuer.rstrip("/") + "/.well-known/openid-configuration"
    answer = {"status": "invalid_token", "openid-configuration": configuration, "scope": scope}
    return json.dumps(answer).encode("ascii")


def check_failure_answer(data: bytes) -> None:
    """After a failure the client says exactly one separator; anything else is a ProtocolError."""
    if data != DUMMY:
        raise ProtocolError("an OAUTHBEARER client answers a failure with one separator")
