"""What is outside of SSH between agent and gateway: one TLS, of which both know that it is the same? Then it is enough.

An agent's SSH runs inside TLS. Where TLS goes from the agent's process to the gateway's, encrypting inside it once more
protects nothing. Where something on the way ends TLS (a proxy before the gateway, one that inspects what leaves a
network), it is all there is. Which of the two it is each end proves to the other, inside SSH, by what only the ends of
one TLS 1.3 handshake have in common: its client's Finished message (RFC 8446, section 4.4.4), hashed with the id of the
SSH session. Whoever is between two handshakes finds two that differ (docs/decisions/0011-one-encryption.md).

The gateway asks (OUTER), an agent that finds the same answers (OUTER) and encrypts no more; the gateway, which finds
the same too, says that it does so as well (BARE). Whoever finds something else, or does not know these words, goes on
encrypting, and so does the other.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from typing import Any

from twisted_hoop.agent.words import BARE, OUTER
from twisted_hoop.errors import ProtocolError
from twisted_hoop.identity.ssh_wire import string
from twisted_hoop.ssh.handlers import IsConnection, IsGlobalRequest
from twisted_hoop.ssh.stages import GLOBAL_REQUEST

GATEWAY, AGENT = b"gateway", b"agent"
_LABEL = b"twisted-hoop one encryption 1"


def proof(transport: Any, role: bytes) -> bytes:
    """What the end of that role knows of the TLS around an SSH transport: 32 bytes; b"" where there is no TLS 1.3."""
    handle: Any = transport.transport.getHandle()
    if not isinstance(handle, ssl.SSLSocket) or handle.version() != "TLSv1.3":  # older ones prove less
        return b""
    finished = handle.get_channel_binding("tls-unique")  # its name in 1.2: the client's Finished
    if not finished or handle.session_reused:
        return b""
    return hashlib.sha256(_LABEL + string(role) + string(transport.sessionID) + string(finished)).digest()


def _proves(said: bytes, transport: Any, role: bytes) -> bool:
    expected = proof(transport, role)
    return bool(expected) and hmac.compare_digest(said, expected)


def _request(name: bytes, data: bytes) -> bytes:
    """A global request that wants no reply (RFC 4254, section 4)."""
    return string(name) + b"\0" + data


class OutsideOfGateway:
    """The gateway's end, of one connection."""

    __slots__ = ("_asked", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._asked = False

    def ask(self, connection: IsConnection | None) -> None:
        """Ask, where there is TLS at all."""
        ours = proof(self._transport, GATEWAY)
        if ours and connection is not None:
            self._asked = True
            connection.request(OUTER, ours, False)

    def answered(self, data: bytes) -> bool:
        """An OUTER came: whether it was asked for. ProtocolError when it proves nothing: no more is encrypted."""
        asked, self._asked = self._asked, False
        if not asked:
            return False
        if not _proves(data, self._transport, AGENT):
            raise ProtocolError("an agent stops encrypting inside a TLS that is not ours")
        self._transport.expect_bare()
        self._transport.go_bare(GLOBAL_REQUEST, _request(BARE, b""))
        return True


class OutsideOfAgent:
    """The agent's end, of one connection."""

    __slots__ = ("_agreed", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._agreed = False

    def asked(self, request: IsGlobalRequest) -> bool:
        """An OUTER or a BARE came: whether it was what it should be. If not, nothing changes."""
        if request.name == BARE:
            agreed, self._agreed = self._agreed, False
            if agreed:
                self._transport.expect_bare()
            return agreed
        ours = proof(self._transport, AGENT)
        if self._agreed or not _proves(request.data, self._transport, GATEWAY):
            return False
        self._agreed = bool(self._transport.go_bare(GLOBAL_REQUEST, _request(OUTER, ours)))
        return self._agreed
