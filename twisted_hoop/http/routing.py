"""From what a client sent to the target it means, and the credential it shows. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.http.messages import RequestHead
from twisted_hoop.http.reading import Request

BEARER_PROTOCOL = b"base64url.bearer.authorization.k8s.io."
"""Browsers cannot set headers of a WebSocket: they show the token as a subprotocol (K13)."""
_PROTOCOLS = b"sec-websocket-protocol"
_PREFIX = re.compile(rb"/([a-z0-9][a-z0-9._-]{0,62})(/.*)?")
MAX_CREDENTIAL = 1024 * 1024


def plain_host(host: bytes) -> str:
    """A Host without its port, in lower case."""
    name = host.lower().decode("latin-1")
    if name.startswith("["):
        return name.partition("]")[0][1:]
    return name.partition(":")[0].removesuffix(".")


def by_path(head: RequestHead) -> tuple[str, RequestHead] | None:
    """(target's name, the request without it), when the first segment can be a name."""
    found = _PREFIX.fullmatch(head.path)
    if found is None:
        return None
    return found[1].decode(), RequestHead(
        head.method, found[2] or b"/", head.query, head.host, head.headers, head.framing, head.length, head.upgrade
    )


def credential_of(request: Request) -> tuple[str, Request]:
    """(the bearer credential, the request without it). AuthenticationFailed when there is none."""
    shown = request.authorization
    if request.head.upgrade == b"websocket":
        request, token = _without_protocol(request)
        shown = shown or token
    scheme, _, credential = shown.partition(b" ")
    credential = credential.strip(b" \t")
    if scheme.lower() != b"bearer" or not credential or len(credential) > MAX_CREDENTIAL:
        raise AuthenticationFailed("no bearer token was shown", "show a token: Authorization: Bearer …")
    try:
        return credential.decode("ascii"), request
    except UnicodeDecodeError:
        raise AuthenticationFailed("the bearer token is not ASCII") from None


def _without_protocol(request: Request) -> tuple[Request, bytes]:
    head, token = request.head, b""
    if not any(name == _PROTOCOLS and BEARER_PROTOCOL in value for name, value in head.headers):
        return request, b""
    headers = []
    for name, value in head.headers:
        if name == _PROTOCOLS:
            offered = [each.strip(b" \t") for each in value.split(b",")]
            kept = [each for each in offered if not each.startswith(BEARER_PROTOCOL)]
            token = token or next((_decoded(each) for each in offered if each.startswith(BEARER_PROTOCOL)), b"")
            if not kept:
                continue
            value = b", ".join(kept)
        headers.append((name, value))
    return replace(request, head=replace(head, headers=tuple(headers))), token


def _decoded(protocol: bytes) -> bytes:
    text = protocol[len(BEARER_PROTOCOL) :]
    try:
        return b"Bearer " + base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise AuthenticationFailed("the token among the subprotocols cannot be decoded (K13)") from None
