"""How agents log in at the gateway: the server's side of ssh-userauth (RFC 4252), through the one door for agents.

The user is the agent's name. A token comes as the method `password`, a key or certificate as `publickey` with its
signature. One request is worked on at a time; why something failed is for the log.
"""

from __future__ import annotations

from typing import Any

from twisted.conch.ssh.service import SSHService
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.interfaces import IAgentDoor
from twisted_hoop.model import AgentCredential, AgentIdentity, Peer
from twisted_hoop.ssh import userauth
from twisted_hoop.ssh.fields import shown
from twisted_hoop.ssh.userauth import Attempt, KeyShown, Password, parse_request

TRIES = 4
"""Requests of one connection, of whatever kind (S7)."""
LONGEST_NAME = 64
_METHODS = (b"publickey", b"password")
_PROTOCOL_ERROR, _NO_SERVICE, _NO_MORE = 2, 7, 14


class AgentLogin(SSHService):
    """See the module. The transport gives `sessionID`, `sendPacket`, `disconnect` and `authenticated`."""

    name = b"ssh-userauth"
    transport: Any
    log = Logger()

    def __init__(self, door: IAgentDoor, peer: Peer) -> None:
        self._door = door
        self._peer = peer
        self._requests = 0
        self._work: Deferred[Any] | None = None
        self._over = False

    def serviceStopped(self) -> None:
        """Logged in, or the connection is gone."""
        self._over = True
        work, self._work = self._work, None
        if work is not None:
            work.cancel()

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        """A message of ssh-userauth. A request while another is worked on is no agent's of ours."""
        if self._over:
            return
        if messageNum != userauth.REQUEST or self._work is not None:
            self._end(_PROTOCOL_ERROR, f"message {messageNum} is not expected here")
            return
        self._requests += 1
        try:
            attempt = parse_request(packet, self.transport.sessionID)
        except ValueError as error:
            self._end(_PROTOCOL_ERROR, f"ssh-userauth: {error}")
            return
        if attempt.service != userauth.SERVICE:
            self._end(_NO_SERVICE, "no such service here")
            return
        self._work = work = Deferred.fromCoroutine(self._judge(attempt))
        work.addCallbacks(self._succeeded, self._failed, callbackArgs=(), errbackArgs=(attempt,))

    async def _judge(self, attempt: Attempt) -> AgentIdentity:
        credential = _credential(attempt)
        if len(attempt.user) > LONGEST_NAME or not attempt.user.isascii():
            raise AuthenticationFailed("no agent is called like that")
        return await self._door.authenticate(attempt.user.decode(), credential, self._peer)

    def _succeeded(self, identity: AgentIdentity) -> None:
        self._work = None
        if not self._over:
            self._over = True
            self.transport.authenticated(identity)

    def _failed(self, failure: Any, attempt: Attempt) -> None:
        self._work = None
        seen: dict[str, Any] = {
            "agent": shown(attempt.user[:200]),
            "way": shown(attempt.name[:64]),
            "address": self._peer.address,
        }
        if failure.check(AuthenticationFailed):
            self.log.info("agent {agent} is refused: {why}", why=str(failure.value), **seen)
        elif failure.check(CancelledError) is None:  # R15: a fault refuses this login and harms nobody else
            self.log.failure("agent {agent} could not be judged", failure=failure, **seen)
        if self._over:
            return
        if self._requests >= TRIES:
            self._end(_NO_MORE, "too many authentication failures")
        else:
            self.transport.sendPacket(userauth.FAILURE, userauth.failure(_METHODS))

    def _end(self, code: int, text: str) -> None:
        self.serviceStopped()
        self.log.info("an agent's log-in ends: {why}", why=text, address=self._peer.address)
        self.transport.disconnect(code, text)


def _credential(attempt: Attempt) -> AgentCredential:
    """What was shown; a key without its signature, or nothing, proves nobody."""
    method = attempt.method
    if isinstance(method, Password):
        try:
            return AgentCredential(token=method.text.decode("ascii"))
        except UnicodeDecodeError:
            raise AuthenticationFailed("a token that is none") from None
    if isinstance(method, KeyShown) and method.signature is not None:
        return AgentCredential("", method.blob, method.algorithm, method.signature, method.signed)
    raise AuthenticationFailed("nothing was shown")
