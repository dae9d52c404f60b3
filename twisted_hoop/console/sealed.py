"""Values only this gateway can write, and read again for a while: for cookies and links. No state, no I/O."""

from __future__ import annotations

import base64
import hmac
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

MAX_SEALED = 64 * 1024
"""Characters that are looked at."""


class Sealed:
    """Seals JSON objects for one purpose. `now` gives POSIX time.

    `key`, 32 bytes, is what the replicas of a gateway have in common; without it, one lives as long as this object.
    """

    def __init__(self, purpose: str, now: Callable[[], float], key: bytes = b"") -> None:
        self._now = now
        derived = hmac.digest(key, purpose.encode("ascii"), "sha256") if key else b""
        self._seal = Fernet(base64.urlsafe_b64encode(derived) if derived else Fernet.generate_key())

    def seal(self, values: Mapping[str, Any]) -> str:
        """The values as text of the characters of URLs."""
        data = zlib.compress(json.dumps(values).encode("ascii"), 9)
        return self._seal.encrypt_at_time(data, int(self._now())).decode("ascii")

    def opened(self, text: str, lifetime: int) -> dict[str, Any] | None:
        """The values that were sealed at most `lifetime` seconds ago, or None."""
        if len(text) > MAX_SEALED:
            return None
        try:
            data = self._seal.decrypt_at_time(text.encode("utf-8", "replace"), lifetime, int(self._now()))
        except InvalidToken:
            return None
        found: dict[str, Any] = json.loads(zlib.decompress(data))
        return found
