"""TLS towards a target that is reached by an agent: over memory, as there is no descriptor of the target here.

The agent carries what comes out of it and sees none of what goes in. Bytes in, bytes out; it never sends.
"""

from __future__ import annotations

import ssl
from contextlib import suppress

from twisted_hoop.transport.tls import TlsSession

RECORDS = 64 * 1024


class MemoryTls:
    """The client's side of one TLS session. OSError (an SSLError, as a rule) when the other side breaks it."""

    __slots__ = ("_in", "_out", "_tls", "session")

    def __init__(self, context: ssl.SSLContext, hostname: str | None) -> None:
        """ValueError when the context checks names and there is none."""
        if context.check_hostname and not hostname:  # over memory the ssl module does not look, and would check no name
            raise ValueError("check_hostname requires server_hostname")
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=False, server_hostname=hostname)
        self.session: TlsSession | None = None
        """What was agreed on; None while the handshake is under way."""

    def shake(self) -> bool:
        """Go on with the handshake: whether it is complete."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        cipher = self._tls.cipher()
        self.session = TlsSession(
            self._tls.version() or "",
            cipher[0] if cipher else "",
            self._tls.selected_alpn_protocol(),
            self._tls.getpeercert(True),
        )
        return True

    def feed(self, data: bytes | memoryview) -> None:
        """Bytes of the other side; what they say comes from `read`."""
        self._in.write(data)

    def read(self) -> bytes | None:
        """What was decrypted: None when there is no more for now, b"" when the other side said that this is all."""
        try:
            first = self._tls.read(RECORDS)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        if not first or not self._in.pending:
            return first
        return self._gathered(first)

    def _gathered(self, first: bytes) -> bytes:
        """Several records as one piece: what is behind costs per call."""
        pieces, size = [first], len(first)
        while size < RECORDS:
            try:
                piece = self._tls.read(RECORDS)
            except ssl.SSLError:  # whatever it is, the next `read` meets it again
                break
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt; the records are in `taken`."""
        if data:
            self._tls.write(data)

    def finish(self) -> None:
        """Say close_notify; the other side's is not waited for."""
        with suppress(ssl.SSLError, ValueError):
            self._tls.unwrap()

    def taken(self) -> bytes:
        """What must be sent."""
        return self._out.read() if self._out.pending else b""
