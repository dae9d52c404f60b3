"""The lines both sides begin with (RFC 4253, section 4.2). Pure."""

from __future__ import annotations

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.limits import Limits

IDENTIFICATION = b"SSH-2.0-hoop"
"""Ours, for both legs. It names no version: whoever may not log in learns nothing from it."""
_VERSIONS = (b"SSH-2.0-", b"SSH-1.99-")
NOT_SUPPORTED = "8"
"""SSH_DISCONNECT_PROTOCOL_VERSION_NOT_SUPPORTED."""


class Identification:
    """Finds the identification line of the other side in what it sends first.

    A server may say other lines before it, a client may not.
    """

    __slots__ = ("_buffer", "_from_client", "_limits", "_skipped")

    def __init__(self, limits: Limits, from_client: bool) -> None:
        self._limits = limits
        self._from_client = from_client
        self._buffer = b""
        self._skipped = 0

    def received(self, data: bytes) -> tuple[bytes, bytes] | None:
        """The line without its end, and the bytes behind it; None when it has not come. ProtocolError when it cannot.

        The end is CR LF; a bare LF is taken too, as everybody does.
        """
        self._buffer += data
        while True:
            line, ending, rest = self._buffer.partition(b"\n")
            if not ending:
                self._check_waiting(line)
                return None
            if line.startswith(b"SSH-"):
                return self._checked(line.removesuffix(b"\r"), len(line) + 1), rest
            self._skip(len(line) + 1)
            self._buffer = rest

    def _skip(self, size: int) -> None:
        self._skipped += size
        if self._from_client or self._skipped > self._limits.preamble:
            raise ProtocolError("no SSH identification", code=NOT_SUPPORTED)

    def _check_waiting(self, line: bytes) -> None:
        """What is not ended yet could still become one, and is not too long for it."""
        begins = b"SSH-".startswith(line[:4])
        longest = self._limits.identification if begins else self._limits.preamble - self._skipped
        if len(line) > longest or (self._from_client and not begins):
            raise ProtocolError("no SSH identification", code=NOT_SUPPORTED)

    def _checked(self, line: bytes, size: int) -> bytes:
        if size > self._limits.identification:
            raise ProtocolError("an SSH identification that is too long", code=NOT_SUPPORTED)
        if not line.startswith(_VERSIONS) or not all(0x20 <= byte < 0x7F for byte in line):
            raise ProtocolError("an SSH identification that is not of version 2.0", code=NOT_SUPPORTED)
        return line
