"""The gateway's SSH keys, as an agent knows them: configured, or named by the gateway at the first start and kept.

The first time TLS alone says who the gateway is; from then on it must show one of the keys it named then, or a
certificate by the authority it named. Files are for a thread.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from twisted.conch.ssh.keys import Key

from twisted_hoop.errors import ProtocolError
from twisted_hoop.identity.ssh_certificates import HOST, Certificate, is_certificate, parse_certificate
from twisted_hoop.identity.ssh_keys import parse_blob, parse_line
from twisted_hoop.ssh.algorithms import CERTIFICATES, SIGNATURES

CERTIFIED = "agents"
"""The name in the host certificate that agents are shown."""
FILE = "gateway_keys"
_LARGEST = 64 * 1024


class KnownGateway:
    """See the module. `lines` are keys as in known_hosts, without a name; empty: whoever TLS let through is believed,
    once, and `learned` what it names."""

    def __init__(self, lines: Sequence[str], now: Callable[[], float] = time.time) -> None:
        """ValueError for a line that is no key."""
        self._keys = {key.blob: key for key in map(parse_line, lines)}
        self._now = now
        self.shown = b""
        """The key that was shown last."""

    @property
    def knows(self) -> bool:
        """Whether there is anything to hold a gateway against."""
        return bool(self._keys)

    @property
    def algorithms(self) -> tuple[bytes, ...]:
        """What to ask the gateway for: a certificate too, once its authority may be known."""
        return (*CERTIFICATES, *SIGNATURES) if self._keys else SIGNATURES

    async def verify(self, blob: bytes) -> Key:
        """The key that must have signed the exchange; ProtocolError for one that is not the gateway's (S17)."""
        try:
            certificate = parse_certificate(blob) if is_certificate(blob) else None
            key = certificate.key if certificate is not None else parse_blob(blob)
        except ValueError as error:
            raise _refused(f"that cannot be used: {error}") from None
        vouched = certificate is not None and self._vouched(certificate)
        if self._keys and key.blob not in self._keys and not vouched:
            raise _refused(f"that is not the one it named before: {key.fingerprint}")
        self.shown = key.blob
        return Key(key.raw)

    def _vouched(self, certificate: Certificate) -> bool:
        """Whether an authority that the gateway named vouches for the key (S6)."""
        fit = certificate.type == HOST and not certificate.critical and CERTIFIED in certificate.principals
        known = certificate.authority.blob in self._keys and certificate.verified()
        return known and fit and certificate.lives(self._now())

    def learned(self, lines: Sequence[str]) -> tuple[str, ...]:
        """The lines to keep, when nothing was known and the gateway names the key it has just shown; else nothing."""
        if self._keys:
            return ()
        found = {key.blob: key for key in map(parse_line, lines)}
        if self.shown not in found:
            return ()
        self._keys = found
        return tuple(key.line for key in found.values())


def read_known(folder: Path) -> tuple[str, ...]:
    """The kept lines; none when there is no file. ValueError for a file that holds something else. Blocks."""
    try:
        with (folder / FILE).open("rb") as file:
            text = file.read(_LARGEST).decode()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{folder / FILE} cannot be read: {error}") from None
    lines = tuple(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    for line in lines:
        parse_line(line)
    return lines


def keep_known(folder: Path, lines: Sequence[str]) -> None:
    """Keep them, whole or not at all. Blocks; OSError."""
    draft = folder / f".{FILE}.{secrets.token_hex(8)}"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / FILE)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def _refused(what: str) -> ProtocolError:
    return ProtocolError(f"the gateway shows a host key {what}", "target", "host-key")
