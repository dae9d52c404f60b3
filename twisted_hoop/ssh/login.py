"""Logging in at a target: the client side of ssh-userauth (RFC 4252), with what the gateway keeps for it.

One method, tried at once; a target that refuses it is told as refusing the gateway, never the secret it was shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Union

from twisted.conch.ssh.service import SSHService

from twisted_hoop.errors import ProtocolError
from twisted_hoop.identity.ssh_certificates import Certificate
from twisted_hoop.identity.ssh_private_keys import PrivateKey
from twisted_hoop.identity.ssh_wire import Reader, strings, u32
from twisted_hoop.ssh import userauth
from twisted_hoop.ssh.algorithms import certificate_algorithm
from twisted_hoop.ssh.userauth import SERVICE, signed_data

_NO_MORE = 14
_MAX_DIALOGUES = 3
_SIGNATURES = b"server-sig-algs"


@dataclass(frozen=True, slots=True)
class WithPassword:
    """Log in with a password."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WithKey:
    """Log in with a key, or with a certificate of it."""

    key: PrivateKey = field(repr=False)
    certificate: Certificate | None = None


Credential = Union[WithPassword, WithKey]


class TargetLogin(SSHService):
    """The service. `failed` is told once, with a ProtocolError; success is told to the transport."""

    name = b"ssh-userauth"
    transport: Any

    def __init__(self, login: str, credential: Credential, failed: Callable[[ProtocolError], None]) -> None:
        self._login = login
        self._credential = credential
        self._failed = failed
        self._dialogues = 0
        self._interactive = False
        self._over = False

    def serviceStarted(self) -> None:
        """Ask at once."""
        if isinstance(self._credential, WithPassword):
            self._ask(b"password", b"\0" + strings(self._credential.password.encode()))
        else:
            self._ask_with_key(self._credential)

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        """A message of the target's."""
        if self._over or messageNum == userauth.BANNER:
            return
        try:
            self._received(messageNum, packet)
        except ValueError as error:
            self._fail(f"breaks the protocol while the gateway logs in: {error}")

    def _received(self, number: int, packet: bytes) -> None:
        if number == userauth.SUCCESS:
            self._over = True
            self.transport.authenticated()
        elif number == userauth.FAILURE:
            reader = Reader(packet)
            methods, partial = reader.string().split(b","), reader.boolean()
            self._refused(methods, partial)
        elif number == userauth.INFO_REQUEST and self._interactive:
            self._answer(packet)
        else:
            self._fail(f"breaks the protocol while the gateway logs in: message {number}")

    def _refused(self, methods: list[bytes], partial: bool) -> None:
        if partial:
            self._fail(f"wants more than one proof of the gateway's own login {self._login}")
        elif self._asks_interactively(methods):
            self._interactive = True
            self._ask(b"keyboard-interactive", strings(b"", b""))
        else:
            self._fail(f"refused the gateway's own login {self._login} ({self._what()})")

    def _asks_interactively(self, methods: list[bytes]) -> bool:
        """A server with PAM may take passwords in a dialogue only."""
        password = isinstance(self._credential, WithPassword)
        return password and not self._interactive and b"keyboard-interactive" in methods and b"password" not in methods

    def _answer(self, packet: bytes) -> None:
        """The password to one hidden question, nothing to none; other questions are not for us (RFC 4256)."""
        reader = Reader(packet)
        for _ in range(3):
            reader.string()
        echoes = [_prompt(reader) for _ in range(min(reader.u32(), 8))]
        reader.end()
        self._dialogues += 1
        if self._dialogues > _MAX_DIALOGUES or echoes not in ([], [False]):
            self._fail(f"asks the gateway's own login {self._login} what nobody can answer")
            return
        assert isinstance(self._credential, WithPassword)
        answers = [self._credential.password.encode()] * len(echoes)
        self.transport.sendPacket(userauth.INFO_RESPONSE, u32(len(answers)) + strings(*answers))

    def _ask_with_key(self, credential: WithKey) -> None:
        """The signature at once, without the question whether the key would do: it saves a round trip."""
        plain = self._algorithm(credential.key)
        certificate = credential.certificate
        algorithm = plain if certificate is None else certificate_algorithm(plain)
        blob = credential.key.public.blob if certificate is None else certificate.blob
        signed = signed_data(self.transport.sessionID, self._login.encode(), SERVICE, algorithm, blob)
        signature = credential.key.sign(signed, plain)
        self._ask(b"publickey", b"\1" + strings(algorithm, blob, signature))

    def _algorithm(self, key: PrivateKey) -> bytes:
        """The best that the target says it takes (RFC 8332, section 3.3); rsa-sha2-256 when it does not say."""
        ours = key.public.algorithms
        told = self.transport.peerExtensions.get(_SIGNATURES, b"").split(b",")
        return next((name for name in ours if name in told), ours[-1])

    def _ask(self, method: bytes, content: bytes) -> None:
        self.transport.sendPacket(userauth.REQUEST, strings(self._login.encode(), SERVICE, method) + content)

    def _what(self) -> str:
        if isinstance(self._credential, WithPassword):
            return "by password"
        key = self._credential.key.public
        return f"by {'key' if self._credential.certificate is None else 'certificate'} {key.fingerprint}"

    def _fail(self, what: str) -> None:
        self._over = True
        self._failed(ProtocolError(f"the target {what}", "target", "login"))
        self.transport.disconnect(_NO_MORE, "no more authentication methods")


def _prompt(reader: Reader) -> bool:
    reader.string()
    return reader.boolean()
