"""Requests and notices for tests, and a mail server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.support.approvals import DELETE, REVIEW, session_of
from twisted_hoop.approval.requests import Caps, Request, make_request
from twisted_hoop.model import Command, Notice
from twisted_hoop.notify.notices import notice_of

URL = "https://hoop.example/approvals/x"


def request(command: Command = DELETE, **changed: Any) -> Request:
    """A request by alice, for the dba group, on the shop."""
    return replace(make_request(session_of(), command, REVIEW, 1000.0, Caps()), **changed)


def notice(event: str = "requested", command: Command = DELETE, **changed: Any) -> Notice:
    """What people are told of it."""
    return notice_of(event, request(command, **changed), URL, 1000.0)


class Secrets:
    """Secrets by reference."""

    def __init__(self, **known: str) -> None:
        self.known = known

    async def resolve(self, reference: str) -> str:
        """`env:NAME` is a key of `known`."""
        from twisted_hoop.errors import SecretUnavailable

        try:
            return self.known[reference.partition(":")[2]]
        except KeyError:
            raise SecretUnavailable("not set") from None


@dataclass
class Post:
    """A mail server that keeps what it is sent. `refuse`: what it says to the next messages instead."""

    port: int = 0
    letters: list[Message] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """A message is there."""
        if self.refuse:
            return self.refuse.pop(0)
        self.letters.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        return "250 kept"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Anybody whose password is `pencil`."""
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"pencil")


class _Anywhere(Controller):
    """On whatever port is free: the socket is asked which."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def running_post(tls: Any = None, login: bool = False) -> Iterator[Post]:
    """A server on a free loopback port; with `tls` (an ssl.SSLContext) it offers STARTTLS and wants it."""
    post = Post()
    more: dict[str, Any] = {"tls_context": tls, "require_starttls": True} if tls is not None else {}
    if login:
        more |= {"authenticator": post.authenticate, "auth_required": True, "auth_require_tls": tls is not None}
    controller = _Anywhere(post, hostname="127.0.0.1", port=0, ready_timeout=60, **more)
    controller.start()
    try:
        post.port = controller.port
        yield post
    finally:
        controller.stop()
