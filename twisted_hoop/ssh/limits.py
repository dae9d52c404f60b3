"""How much one SSH connection may take, and how long. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes. The defaults are those of the gateway; tests make them small."""

    grace: float = 60.0
    """From the connection being made to `authenticated` (S7); 0 for none."""
    kexinit_wait: float = 0.5
    """How long a server waits for the client's KEXINIT before it sends its own; see exchange.py."""
    exchange: float = 60.0
    """From our KEXINIT of a re-exchange to its end."""
    exchanges_before: int = 4
    """Key exchanges before authentication (S7)."""
    farewell: float = 1.0
    """How long what is queued may take to leave after `disconnect`."""
    rekey_bytes: int = 1 << 30
    """Bytes in both directions after which we ask for new keys (RFC 4253, section 9)."""
    rekey_seconds: float = 3600.0
    """Seconds after which we ask for new keys, when anything was carried since the last ones."""
    identification: int = 255
    """Longest identification line with its end (RFC 4253, section 4.2)."""
    preamble: int = 8192
    """Bytes a server may say before its identification line; a client may say none."""
    packet_before: int = 64 * 1024
    """Longest packet before authentication; a key exchange or a token as password fits many times."""
    packet_after: int = 256 * 1024
    """Longest packet after it, as OpenSSH has it."""
    unsent: int = 1 << 20
    """Bytes of answers that may wait for a peer that asks and neither reads nor finishes new keys (S9)."""
    channels: int = 64
    """Channels open or being opened at the same time, for each side that opens them."""
    requests: int = 64
    """Requests of one channel, and global ones, that may wait for their reply at the same time."""
    window: int = 2 << 20
    """Our receive window of a channel, unless `open` or `accept` is told another."""
    packet: int = 32 * 1024
    """Longest channel data in one message, either way."""
