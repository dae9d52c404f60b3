"""Logging in at a target, as the gateway: pure (protocol-flow, start-up; sasl-authentication).

The caller does the TLS upgrade and the key derivation; this machine says when.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Union

from twisted_hoop.errors import ProtocolError
from twisted_hoop.identity.scram import Challenge, ScramClient, choose_mechanism
from twisted_hoop.postgres import messages as pg

OK, CLEARTEXT, MD5, SASL, SASL_CONTINUE, SASL_FINAL = 0, 3, 5, 10, 11, 12


@dataclass(frozen=True, slots=True)
class SendTarget:
    """Bytes for the target."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Derive:
    """Derive the salted password (slow: in a thread) and call `derived`."""

    challenge: Challenge


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The target is ready: what it reported, its cancel key (pid 0: none), its protocol, and bytes already behind."""

    parameters: dict[str, str]
    pid: int
    key: bytes
    version: int
    rest: bytes


LoginStep = Union[SendTarget, Derive, LoggedIn]


class TargetRefused(ProtocolError):
    """The target said no: `code` and `str()` are its own; `credential` tells that the gateway's login is wrong."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text, "target", code)
        self.credential = code in ("28P01", "28000")


@dataclass(slots=True)
class TargetLogin:
    """One login. `binding` is the target's tls-server-end-point, None without TLS; `encrypted` allows cleartext."""

    user: str
    password: str
    parameters: dict[str, str]
    version: int
    encrypted: bool
    binding: bytes | None = None
    _buffer: bytes = b""
    _scram: ScramClient | None = None
    _verified: bool = False
    _reported: dict[str, str] = field(default_factory=dict)
    _key: tuple[int, bytes] = (0, b"")
    _authenticated: bool = False

    def start(self) -> bytes:
        """The start-up packet."""
        return pg.startup(self.version, {"user": self.user, **self.parameters})

    def received(self, data: bytes) -> list[LoginStep]:
        """Bytes of the target. Raises ProtocolError or TargetRefused."""
        self._buffer += data
        steps: list[LoginStep] = []
        while (cut := self._cut()) is not None:
            step = self._message(*cut)
            if step is not None:
                steps.append(step)
            if isinstance(step, LoggedIn):
                break
        return steps

    def _cut(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 5:
            return None
        kind, length = struct.unpack_from(">BI", self._buffer)
        if not 4 <= length <= pg.AUTHENTICATION_LIMIT:
            raise ProtocolError("the target sent a message of impossible length while logging in", "target")
        if len(self._buffer) < length + 1:
            return None
        body, self._buffer = self._buffer[5 : length + 1], self._buffer[length + 1 :]
        return kind, body

    def _message(self, kind: int, body: bytes) -> LoginStep | None:
        match chr(kind):
            case "R":
                return self._authentication(body)
            case "E":
                raise _refused(body)
            case "S":
                name, value = pg.parameter_status(body)
                self._reported[name] = value
            case "K":
                self._key = (int.from_bytes(body[:4], "big"), body[4 : 4 + 256])
            case "v":
                self.version = int.from_bytes(body[:4], "big")
            case "Z":
                return self._ready()
            case "N":
                pass
            case _:
                raise ProtocolError(f"unexpected message type {kind} while logging in", "target")
        return None

    def _ready(self) -> LoggedIn:
        if not self._authenticated:
            raise ProtocolError("the target is ready before it asked who we are", "target")
        return LoggedIn(self._reported, *self._key, self.version, self._buffer)

    def _authentication(self, body: bytes) -> LoginStep | None:
        code = int.from_bytes(body[:4], "big")
        if code == OK:
            if self._scram is not None and not self._verified:
                raise ProtocolError("the target skipped its half of SCRAM", "target")
            self._authenticated = True
            return None
        if code == CLEARTEXT:
            return self._cleartext()
        if code == MD5:
            return SendTarget(pg.message(b"p", pg.cstring(_md5(self.user, self.password, body[4:8]))))
        if code == SASL:
            return self._sasl(body[4:])
        if code == SASL_CONTINUE and self._scram is not None:
            return Derive(self._scram.challenge(body[4:]))
        if code == SASL_FINAL and self._scram is not None:
            self._scram.verify(body[4:])
            self._verified = True
            return None
        raise ProtocolError(f"the target wants an authentication method ({code}) this gateway does not speak", "target")

    def _cleartext(self) -> LoginStep:
        if not self.encrypted:
            raise ProtocolError("the target wants the password in the clear over an unencrypted connection", "target")
        return SendTarget(pg.message(b"p", pg.cstring(self.password)))

    def _sasl(self, body: bytes) -> LoginStep:
        offered = [name.decode("ascii", "replace") for name in body.split(b"\0") if name]
        mechanism = choose_mechanism(offered, self.binding)
        if mechanism is None:
            raise ProtocolError(f"the target offers no SASL mechanism known here: {', '.join(offered)}", "target")
        self._scram = ScramClient(channel_binding=self.binding, mechanism=mechanism)
        first = self._scram.first()
        return SendTarget(pg.message(b"p", pg.cstring(mechanism) + struct.pack(">I", len(first)) + first))

    def derived(self, salted: bytes) -> bytes:
        """The answer to the target's challenge."""
        if self._scram is None:
            raise ProtocolError("no SCRAM exchange is open", "target")
        return pg.message(b"p", self._scram.final(salted))


def _md5(user: str, password: str, salt: bytes) -> str:
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()


def _refused(body: bytes) -> TargetRefused:
    fields = dict(pg.error_fields(body))
    text = fields.get(ord("M"), b"").decode("utf-8", "replace")
    return TargetRefused(text or "no reason given", fields.get(ord("C"), b"08004").decode("ascii", "replace"))
