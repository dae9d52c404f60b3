"""A collector of traces for tests: takes OTLP over HTTP as JSON, and keeps what came."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Collector(ThreadingHTTPServer):
    """`status` is answered; `bodies` and `headers` are what was sent."""

    daemon_threads = True
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/traces"

    def spans(self) -> list[dict[str, Any]]:
        """Every span that came."""
        return [
            span
            for body in list(self.bodies)
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def named(self, prefix: str) -> list[dict[str, Any]]:
        """Those whose name begins so."""
        return [span for span in self.spans() if span["name"].startswith(prefix)]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        collector: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/traces" and collector.status == 200:
            collector.headers.append({name.lower(): value for name, value in self.headers.items()})
            collector.bodies.append(json.loads(body))
        self.send_response(collector.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    """Name → value."""
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A collector for the length of a `with` block."""
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        collector.server_close()
        thread.join(30)
