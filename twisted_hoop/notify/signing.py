"""Signatures of what is sent and of what comes back. Pure.

Ours: `X-Hoop-Signature: v1=HEX`, HMAC-SHA256 (RFC 2104) of the timestamp, a dot and the body, under the channel's
secret. Slack's: `X-Slack-Signature: v0=HEX` of `v0:timestamp:body`
(api.slack.com/authentication/verifying-requests-from-slack).
"""

from __future__ import annotations

import hashlib
import hmac

TOLERANCE = 300
"""Seconds a timestamp may be off; what is older is a replay (A9)."""


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The value of X-Hoop-Signature."""
    return "v1=" + _hmac(secret, b"%d." % timestamp, body)


def plausible(timestamp: str, given: str, now: float) -> bool:
    """Whether this could be a signature of Slack's made just now; without looking at any secret."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(now - int(timestamp)) <= TOLERANCE and len(given) == 67 and given.startswith("v0=")


def from_slack(secret: str, timestamp: str, given: str, body: bytes, now: float) -> bool:
    """Whether Slack sent this body just now. Compared in constant time; no secret means no."""
    if not secret or not plausible(timestamp, given, now):
        return False
    expected = "v0=" + _hmac(secret, b"v0:%s:" % timestamp.encode(), body)
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def _hmac(secret: str, head: bytes, body: bytes) -> str:
    return hmac.new(secret.encode("utf-8", "surrogatepass"), head + body, hashlib.sha256).hexdigest()
