"""A live gateway before a plain HTTP API, over TLS on both sides: for curl and client libraries."""

from __future__ import annotations

import contextlib
import json
import queue
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, Request, TextMessage

from tests.support.gateway import Gateway, Plan, start_gateway
from tests.support.sections import listener
from twisted_hoop.demo.certificates import issue, make_ca

RULES = """
[[rules]]
name = "closed"
effect = "deny"
targets = ["orders"]
paths = ["/v1/closed(/.*)?"]
reason = "this is closed"
[[rules]]
name = "held"
effect = "review"
targets = ["orders"]
methods = ["POST", "DELETE"]
paths = ["/v1/held(/.*)?"]
approvers = ["dba"]
wait = "30s"
[[rules]]
name = "retried"
effect = "review"
targets = ["orders"]
methods = ["POST"]
paths = ["/v1/retried(/.*)?"]
approvers = ["dba"]
wait = "0s"
[[rules]]
name = "usual"
effect = "allow"
classes = ["read", "write"]
"""

_PLAN = """
[[targets]]
name = "orders"
protocol = "http"
endpoint = "tcp:127.0.0.1:{port}"
ca = "{folder}/target/ca.pem"
credential = "bearer"
secret = "env:ORDERS_TOKEN"
groups = ["ci", "developers"]
[[targets]]
name = "machines"
protocol = "http"
endpoint = "tcp:127.0.0.1:{port}"
ca = "{folder}/target/ca.pem"
credential = "certificate"
certificate = "{folder}/target/gateway.pem"
key = "{folder}/target/gateway.key"
groups = ["ci"]
{more}
"""


class _Api(BaseHTTPRequestHandler):
    """Tells what it was asked; `/v1/rows/N` answers with N rows, chunked, `/v1/events` with what the test puts into
    `events`, as it comes; a WebSocket says everything back."""

    protocol_version = "HTTP/1.1"
    server: Api

    def _answer(self) -> None:
        length = self.headers["content-length"]
        body = self.rfile.read(int(length)) if length else self._chunks()
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        told = {"method": self.command, "path": self.path, "headers": dict(self.headers), "size": len(body)}
        self.server.seen.append({**told, "certificate": bool(peer), "body": body})
        if self.headers["upgrade"] == "websocket":
            self._echo()
        elif self.path == "/v1/events":
            self._events()
        elif self.path.startswith("/v1/rows/"):
            self._rows(int(self.path.rpartition("/")[2]))
        else:
            self._whole(json.dumps(told).encode())

    def _chunks(self) -> bytes:
        found = b""
        while "chunked" in self.headers.get("transfer-encoding", ""):
            size = int(self.rfile.readline(), 16)
            found += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                break
        return found

    def _whole(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    def _rows(self, count: int) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number in range(count):
            line = json.dumps({"n": number, "card": "4111111111111111", "mail": f"a{number}@example.com"}).encode()
            self.wfile.write(b"%x\r\n%b\n\r\n" % (len(line) + 1, line))
        self.wfile.write(b"0\r\n\r\n")

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        while event := self.server.events.get():
            line = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def _echo(self) -> None:
        server = WSConnection(ConnectionType.SERVER)
        server.initiate_upgrade_connection(
            [(name.encode(), value.encode()) for name, value in self.headers.items()], self.path
        )
        self.close_connection = True
        while server.state is not ConnectionState.CLOSED:
            for event in server.events():
                self.wfile.write(server.send(_said_back(event)))
            if server.state is ConnectionState.OPEN:
                server.receive_data(self.connection.recv(65536) or None)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _answer

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  its name there
        """Quiet."""


def _said_back(event: Any) -> Any:
    if isinstance(event, Request):
        return AcceptConnection()
    if isinstance(event, TextMessage):
        return TextMessage(event.data, event.frame_finished, event.message_finished)
    if isinstance(event, BytesMessage):
        return BytesMessage(bytes(event.data), event.frame_finished, event.message_finished)
    return event.response()


class Api(ThreadingHTTPServer):
    """A plain API; `seen` has its requests, `events` what `/v1/events` says next, "" for its end."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.seen: list[dict[str, Any]] = []
        self.events: queue.Queue[str] = queue.Queue()
        make_ca(folder)
        issue(folder, ["localhost", "127.0.0.1"])
        issue(folder, ["gateway"], client=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "localhost.pem", folder / "localhost.key")
        context.load_verify_locations(folder / "ca.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that end are no news."""


@dataclass(frozen=True)
class HttpPlace:
    """The gateway and the API behind it."""

    gateway: Gateway
    api: Api
    plan: Plan

    def url(self, path: str, target: str = "orders") -> str:
        """A URL at the gateway."""
        return f"https://localhost:{self.gateway.ports['web']}/{target}{path}"


@contextlib.contextmanager
def http_gateway(folder: Path, more: str = "") -> Iterator[HttpPlace]:
    """Start both; `more` is configuration in front of the rules."""
    api = Api(folder / "target")
    text = listener("web", "http", folder / "gateway")
    text += _PLAN.format(folder=folder, port=api.server_port, more=more) + RULES
    plan = Plan(text, {"ORDERS_TOKEN": "token-of-the-gateway"})
    gateway = start_gateway(folder / "gateway", plan)
    try:
        yield HttpPlace(gateway, api, plan)
    finally:
        gateway.stop()
        api.shutdown()
        api.server_close()
