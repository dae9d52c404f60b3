"""Requests no client library would make, at a gateway before a cluster: odd paths, odd headers, upgrades by hand."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.gateway import token_of
from tests.support.http_house import Told, Wire
from tests.support.kube.place import MASKED, KubePlace


@dataclass(frozen=True)
class Reply:
    """What was answered; the body as it came, unpacked from gzip or not."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


def ask(
    place: KubePlace, method: str, path: str, body: Any = None, target: str = MASKED, who: str = "ci", **headers: str
) -> Reply:
    """One request on a connection of its own; `headers` have underscores for hyphens. `path` goes as it is."""
    given = {"Authorization": f"Bearer {token_of(who)}"} if who else {}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        given["Content-Type"] = "application/json"
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    port = place.gateway.ports["web"]
    connection = http.client.HTTPSConnection("localhost", port, context=trust(place), timeout=40)
    with contextlib.closing(connection):
        connection.request(method, f"/{target}{path}", body, given)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def trust(place: KubePlace) -> ssl.SSLContext:
    """TLS as clients do it."""
    context = ssl.create_default_context(cafile=str(place.gateway.ca))
    context.set_alpn_protocols(["http/1.1"])
    return context


@contextlib.contextmanager
def wire(place: KubePlace) -> Iterator[Wire]:
    """A connection to write bytes to."""
    plain = socket.create_connection(("127.0.0.1", place.gateway.ports["web"]), timeout=40)
    with trust(place).wrap_socket(plain, server_hostname="localhost") as sock:
        yield Wire(sock)


def head(method: str, path: str, *lines: str, target: str = MASKED, who: str = "ci") -> bytes:
    """The head of a request as bytes."""
    token = [f"Authorization: Bearer {token_of(who)}"] if who else []
    first = f"{method} /{target}{path} HTTP/1.1" if target else f"{method} {path} HTTP/1.1"
    return "\r\n".join([first, "Host: localhost", *token, *lines, "", ""]).encode()


def upgrade(place: KubePlace, path: str, *lines: str, target: str = MASKED, who: str = "ci") -> bytes:
    """The head of a WebSocket's request; `lines` have its protocols."""
    key = base64.b64encode(os.urandom(16)).decode()
    given = ("Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13")
    return head("GET", path, *given, *lines, target=target, who=who)


def exec_path(place: KubePlace, pod: str, *command: str, more: str = "") -> str:
    """exec with output and errors."""
    parts = "&".join(f"command={word}" for word in command)
    return f"/api/v1/namespaces/{place.namespace}/pods/{pod}/exec?{parts}&stdout=true&stderr=true{more}"


def messages(connection: Wire) -> list[tuple[int, bytes]]:
    """Whole WebSocket frames up to the close of the connection: (channel, data) of binary ones."""
    found: list[tuple[int, bytes]] = []
    while True:
        start = connection.exactly(2)
        if len(start) < 2:
            return found
        size = start[1] & 0x7F
        if size > 125:
            size = int.from_bytes(connection.exactly(2 if size == 126 else 8), "big")
        data = connection.exactly(size)
        if start[0] & 15 == 8:
            return found
        if start[0] & 15 == 2 and data:
            found.append((data[0], data[1:]))


def executed(place: KubePlace, request: bytes) -> tuple[Told, list[tuple[int, bytes]]]:
    """An exec over a WebSocket to its end: (the answer, what came)."""
    with wire(place) as connection:
        connection.send(request)
        answer = connection.answer()
        return answer, messages(connection) if answer.status == 101 else []
