"""What `hoop login --saml` and the gateway's page both compute: a challenge, and the number people compare. Pure."""

from __future__ import annotations

import base64
import hashlib


def challenge_of(verifier: str) -> str:
    """Of the program's secret, method S256 (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def number_of(challenge: str) -> str:
    """Eight digits that program and page both show, so that people see that one belongs to the other."""
    found = int.from_bytes(hashlib.sha256(challenge.encode("utf-8", "replace")).digest()[:8], "big") % 10**8
    return f"{found // 10**4:04d}-{found % 10**4:04d}"
