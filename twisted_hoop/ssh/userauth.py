"""Messages of ssh-userauth, read and written (RFC 4252, RFC 4256). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from twisted_hoop.identity.ssh_wire import Reader, names, string, strings, u32

REQUEST, FAILURE, SUCCESS, BANNER = 50, 51, 52, 53
PK_OK = 60
INFO_REQUEST, INFO_RESPONSE = 60, 61
SERVICE = b"ssh-connection"
MAX_ANSWERS = 16


@dataclass(frozen=True, slots=True)
class Nothing:
    """Method `none`: what a client asks first to learn what is offered."""


@dataclass(frozen=True, slots=True)
class KeyShown:
    """A key or certificate; without `signature` the question whether it would do. `signed` is what must be signed."""

    algorithm: bytes
    blob: bytes
    signature: bytes | None
    signed: bytes


@dataclass(frozen=True, slots=True)
class Password:
    """A password; here always a token. Does not show itself."""

    text: bytes

    def __repr__(self) -> str:
        return "Password('…')"


@dataclass(frozen=True, slots=True)
class Interactive:
    """Keyboard-interactive is to begin."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A method that does not exist here."""


Method = Union[Nothing, KeyShown, Password, Interactive, Unknown]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One USERAUTH_REQUEST: for which `user` (a wish, any bytes) and service, by which method."""

    user: bytes
    service: bytes
    name: bytes
    method: Method


def parse_request(payload: bytes, session_id: bytes) -> Attempt:
    """What a USERAUTH_REQUEST asks (RFC 4252, section 5), or ValueError."""
    reader = Reader(payload)
    user, service, name = reader.string(), reader.string(), reader.string()
    method: Method
    if name == b"publickey":
        method = _key(reader, user, service, session_id)
    elif name == b"password":
        method = _password(reader)
    elif name == b"keyboard-interactive":
        reader.string()  # the language, deprecated
        reader.string()  # the client's wishes
        method = Interactive()
    elif name == b"none":
        method = Nothing()
    else:
        return Attempt(user, service, name, Unknown())
    reader.end()
    return Attempt(user, service, name, method)


def signed_data(session_id: bytes, user: bytes, service: bytes, algorithm: bytes, blob: bytes) -> bytes:
    """What a key signs to log in (RFC 4252, section 7)."""
    head = strings(session_id) + bytes((REQUEST,))
    return head + strings(user, service, b"publickey") + b"\1" + strings(algorithm, blob)


def parse_answers(payload: bytes) -> tuple[bytes, ...]:
    """The answers of a USERAUTH_INFO_RESPONSE (RFC 4256, section 3.4), or ValueError."""
    reader = Reader(payload)
    count = reader.u32()
    if count > MAX_ANSWERS:
        raise ValueError("too many answers")
    answers = tuple(reader.string() for _ in range(count))
    reader.end()
    return answers


def failure(methods: Sequence[bytes]) -> bytes:
    """The content of USERAUTH_FAILURE: what can go on; never partial success."""
    return string(names(methods)) + b"\0"


def banner(text: str) -> bytes:
    """The content of USERAUTH_BANNER."""
    return strings(text.encode(), b"")


def info_request(instruction: str, *prompts: str) -> bytes:
    """The content of a USERAUTH_INFO_REQUEST that shows a text and asks for what nobody else should see.

    One that asks nothing is answered by clients at once.
    """
    asked = b"".join(string(prompt.encode()) + b"\0" for prompt in prompts)
    return strings(b"", instruction.encode(), b"") + u32(len(prompts)) + asked


def _key(reader: Reader, user: bytes, service: bytes, session_id: bytes) -> KeyShown:
    signs = reader.boolean()
    algorithm, blob = reader.string(), reader.string()
    signature = reader.string() if signs else None
    return KeyShown(algorithm, blob, signature, signed_data(session_id, user, service, algorithm, blob))


def _password(reader: Reader) -> Method:
    changes = reader.boolean()
    text = reader.string()
    if changes:  # a new password behind the old one: there are none to be changed
        reader.string()
        return Unknown()
    return Password(text)
