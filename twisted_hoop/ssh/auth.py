"""The ssh-userauth service of our server (RFC 4252, RFC 4256): one request at a time, through the one door (I8).

Why something failed is for the log; clients are told that it did, and what else there is.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any

from twisted.conch.ssh.service import SSHService
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.ssh_certificates import is_certificate
from twisted_hoop.identity.ssh_wire import strings
from twisted_hoop.model import Peer, Principal
from twisted_hoop.ssh import userauth
from twisted_hoop.ssh.userauth import Attempt, Interactive, KeyShown, Nothing, Password, Unknown, parse_request
from twisted_hoop.ssh.ways import DeviceLogin, Login, Ways

TRIES = 6
"""Failures that end the connection (S7)."""
REQUESTS = 30
"""Requests of one connection, answered well or not."""
WAITING = 8
"""Requests that may wait behind one that is being worked on."""
QUESTION = "Password (a token), or Enter to log in with a browser: "
"""Asked before a device code is, where tokens are taken as well: programs with a password answer this (and look for the
word), as OpenSSH and others try keyboard-interactive before the method `password`."""
_PROTOCOL_ERROR, _NO_SERVICE, _NO_MORE = 2, 7, 14


class _State(Enum):
    IDLE = "waits for a request"
    WORKING = "works on one"
    DONE = "logged in, or gone"


class UserAuth(SSHService):
    """See the module. The transport gives `sessionID`, `sendPacket`, `disconnect` and `authenticated`."""

    name = b"ssh-userauth"
    transport: Any
    log = Logger()

    def __init__(self, ways: Ways, peer: Peer) -> None:
        self._ways = ways
        self._peer = peer
        self._state = _State.IDLE
        self._queue: deque[bytes] = deque()
        self._failures = 0
        self._requests = 0
        self._work: Deferred[Any] | None = None
        self._device: DeviceLogin | None = None
        self._device_used = False
        self._answer: Deferred[tuple[bytes, ...]] | None = None

    # -- what the transport calls ---------------------------------------------------------------------------------

    def serviceStarted(self) -> None:
        """The client may begin."""
        if self._ways.banner:
            self.transport.sendPacket(userauth.BANNER, userauth.banner(_lines(self._ways.banner)))

    def serviceStopped(self) -> None:
        """Logged in, or the connection is gone: nobody waits any more."""
        self._state = _State.DONE
        self._queue.clear()
        self._abandon()

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        """A message of ssh-userauth."""
        if self._state is _State.DONE:
            return
        if messageNum == userauth.REQUEST:
            self._requested(packet)
        elif messageNum == userauth.INFO_RESPONSE and self._answer is not None:
            self._response(packet)
        else:
            self._broken(f"message {messageNum} is not expected here")

    # -- requests, one after another (RFC 4252, section 5.1) ------------------------------------------------------

    def _requested(self, packet: bytes) -> None:
        self._requests += 1
        if self._requests > REQUESTS or len(self._queue) >= WAITING:
            self._end(_NO_MORE, "too many requests")
            return
        self._queue.append(packet)
        if self._device is not None or self._answer is not None:
            self._abandon()  # a new request takes the place of a dialogue (RFC 4256, section 3.1)
        elif self._state is _State.IDLE:
            self._next()

    def _next(self) -> None:
        while self._queue and self._state is _State.IDLE:
            self._try(self._queue.popleft())

    def _try(self, packet: bytes) -> None:
        try:
            attempt = parse_request(packet, self.transport.sessionID)
        except ValueError as error:
            self._broken(str(error))
            return
        if attempt.service != userauth.SERVICE:
            self._end(_NO_SERVICE, f"service {_shown(attempt.service)} does not exist here")
            return
        self._state = _State.WORKING
        self._work = work = Deferred.fromCoroutine(self._judge(attempt))
        work.addBoth(self._worked, attempt)

    def _worked(self, result: Any, attempt: Attempt) -> None:
        self._work = None
        self._put_away()
        if self._state is not _State.WORKING:
            return
        self._state = _State.IDLE
        if isinstance(result, Failure):
            self._log_failure(result, attempt)
            self._failed(attempt, silently=result.check(CancelledError) is not None)
        elif result is not None:
            self._succeeded(result)
        self._next()

    # -- the methods ----------------------------------------------------------------------------------------------

    async def _judge(self, attempt: Attempt) -> Login | None:
        """The login; None when it goes on; AuthenticationFailed."""
        match attempt.method:
            case KeyShown(signature=None) as shown:
                self._asked(shown)
                return None
            case KeyShown() as shown:
                return await self._key(shown, attempt)
            case Password(text):
                return await self._token(text, attempt)
            case Interactive():
                return await self._interactive(attempt)
            case Nothing():
                return self._nothing(attempt)
            case Unknown():
                raise AuthenticationFailed(f"method {_shown(attempt.name)} does not exist here")

    def _asked(self, shown: KeyShown) -> None:
        """PK_OK only for what could be accepted: nobody is asked for a passphrase or a touch in vain."""
        self._check_way("certificate" if is_certificate(shown.blob) else "key")
        if not self._ways.identity().accepts_ssh(shown.blob, shown.algorithm, self._peer):
            raise AuthenticationFailed("the key or certificate that is shown is not accepted")
        self.transport.sendPacket(userauth.PK_OK, strings(shown.algorithm, shown.blob))

    async def _key(self, shown: KeyShown, attempt: Attempt) -> Login:
        """S5: whose signature verifies now is who it is, whatever was shown before."""
        way = "certificate" if is_certificate(shown.blob) else "key"
        self._check_way(way)
        assert shown.signature is not None
        found = await self._ways.identity().authenticate_ssh(
            shown.blob, shown.algorithm, shown.signature, shown.signed, self._peer
        )
        return self._login(found, attempt, way)

    async def _token(self, text: bytes, attempt: Attempt) -> Login:
        self._check_way("token")
        credential = text.decode("utf-8", "replace")
        return self._login(await self._ways.identity().authenticate(credential, self._peer), attempt, "token")

    def _nothing(self, attempt: Attempt) -> Login:
        """`none` is enough behind a jump, for as long as the connection around lives: who that is, is known."""
        outer = self._ways.outer() if self._ways.outer is not None else None
        if outer is None:
            raise AuthenticationFailed("the client asks what is offered")
        return Login(outer.principal, attempt.user, "none", self._peer)

    async def _interactive(self, attempt: Attempt) -> Login:
        """A token where tokens are taken; else, or when there is none, a log-in with a browser."""
        self._check_way("device")
        if "token" in self._ways.names:
            answers = await self._ask("", QUESTION)
            if len(answers) != 1:
                raise AuthenticationFailed("one answer was asked for")
            if answers[0]:
                return await self._token(answers[0], attempt)
        return await self._browser(attempt)

    def _ask(self, instruction: str, *prompts: str) -> Deferred[tuple[bytes, ...]]:
        answer: Deferred[tuple[bytes, ...]] = Deferred()
        self._answer = answer
        self.transport.sendPacket(userauth.INFO_REQUEST, userauth.info_request(instruction, *prompts))
        return answer

    async def _browser(self, attempt: Attempt) -> Login:
        """The link and code are shown; the login completes when the person agrees in a browser. Once only."""
        if self._device_used or self._ways.device is None:
            raise AuthenticationFailed("a device code was shown already")
        self._device_used = True
        self._device = device = await self._ways.device(self._peer)
        if self._queue:
            raise AuthenticationFailed("the client does not wait for the device code")
        self.transport.more_time(device.seconds)
        answer = self._ask(device.text)
        found = await device.wait()
        await answer  # clients give it at once, and are told of success behind it
        return self._login(found, attempt, "device")

    def _check_way(self, way: str) -> None:
        if way not in self._ways.names:
            raise AuthenticationFailed(f"this listener takes no {way}")

    def _login(self, principal: Principal, attempt: Attempt, way: str) -> Login:
        if self._ways.outer is not None:
            outer = self._ways.outer()
            if outer is None or outer.principal.key != principal.key:
                raise AuthenticationFailed("somebody else than the connection around")
        return Login(principal, attempt.user, way, self._peer)

    # -- what comes of it -----------------------------------------------------------------------------------------

    def _response(self, packet: bytes) -> None:
        try:
            answers = userauth.parse_answers(packet)
        except ValueError as error:
            self._broken(str(error))
            return
        answer, self._answer = self._answer, None
        assert answer is not None
        answer.callback(answers)

    def _succeeded(self, login: Login) -> None:
        self._state = _State.DONE
        self.log.info(
            "ssh: {who} logged in",
            who=login.principal.label,
            issuer=login.principal.issuer,
            way=login.way,
            user=_shown(login.user),
            address=self._peer.address,
        )
        self.transport.authenticated(login)

    def _failed(self, attempt: Attempt, silently: bool) -> None:
        """Told without why; not at all when another request has taken its place (RFC 4252, section 5.1).

        The first `none` is a question, and counts for nothing.
        """
        if not (isinstance(attempt.method, Nothing) and self._requests == 1):
            self._failures += 1
        if self._failures >= TRIES:
            self._end(_NO_MORE, "too many authentication failures")
            return
        if not silently:
            self.transport.sendPacket(userauth.FAILURE, userauth.failure(self._ways.methods))

    def _log_failure(self, failure: Failure, attempt: Attempt) -> None:
        seen: dict[str, Any] = {
            "user": _shown(attempt.user),
            "way": _shown(attempt.name),
            "address": self._peer.address,
        }
        if failure.check(AuthenticationFailed):
            self.log.info("ssh: login refused: {why}", why=str(failure.value), **seen)
        elif failure.check(CancelledError):
            self.log.info("ssh: login given up", **seen)
        else:  # R15: a fault refuses this login and harms nobody else
            self.log.failure("ssh: login failed", failure=failure, **seen)

    def _broken(self, why: str) -> None:
        self._end(_PROTOCOL_ERROR, f"ssh-userauth: {why}")

    def _end(self, code: int, text: str) -> None:
        self.serviceStopped()
        self.log.info("ssh: connection ended: {why}", why=text, address=self._peer.address)
        self.transport.disconnect(code, text)

    def _abandon(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
        self._put_away()

    def _put_away(self) -> None:
        device, self._device, self._answer = self._device, None, None
        if device is not None:
            device.close()


def _shown(data: bytes) -> str:
    """Bytes of a client, fit for a log (S19, R7)."""
    text = data[:200].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _lines(text: str) -> str:
    return text.rstrip("\n").replace("\n", "\r\n") + "\r\n"
