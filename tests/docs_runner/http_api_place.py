"""The live place of docs/tutorials/http-api.md: an API of orders behind a gateway, configured as the page shows."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.docs_runner.places import ROOT, Place, shim
from tests.docs_runner.shell import Table
from tests.support.gateway import Gateway, Plan, start_gateway, token_of
from tests.support.http_gateway import Api

PAGE = ROOT / "docs/tutorials/http-api.md"
PEOPLE = {"alice": ("human", "developers"), "bob": ("human", "support-leads"), "carol": ("human", "auditors")}
_KEY = "token-of-the-gateway"
_ORDER = {"item": "desk lamp", "card_number": "4111111111111111", "note": "write to ada@example.com first"}


class _Orders(BaseHTTPRequestHandler):
    """Orders of any number, for who has the gateway's token."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        number = re.fullmatch(r"/v1/orders/(\d+)", self.path)
        if self.headers["authorization"] != f"Bearer {_KEY}":
            self._say(401, {"error": "who are you?"})
        elif number is None:
            self._say(404, {"error": "no such thing"})
        elif self.command == "DELETE":
            self._say(200, {"deleted": int(number[1])})
        else:
            self._say(200, {"id": int(number[1]), **_ORDER})

    def _say(self, status: int, told: Mapping[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_DELETE = _answer

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  its name there
        """Quiet."""


@contextlib.contextmanager
def http_api(home: Path) -> Iterator[Place]:
    """A gateway and an API over TLS, tokens of three people; addresses of the page are replaced by the real ones."""
    shim(home / "bin")
    tokens = home / ".demo/tokens"
    tokens.mkdir(parents=True)
    for who in PEOPLE:
        (tokens / who).write_text(token_of(who))
    api = Api(home / "target")
    api.RequestHandlerClass = _Orders
    try:
        plan = Plan(_configuration(home, api.server_port), {"ORDERS_TOKEN": _KEY}, people=PEOPLE)
        gateway = start_gateway(home / "gateway", plan)
        try:
            yield _place(home, gateway)
        finally:
            gateway.stop()
    finally:
        api.shutdown()
        api.server_close()


def _configuration(home: Path, port: int) -> str:
    """What the page shows, with this machine's ports and files. A row that is not in the page any more is an error."""
    found = re.search(r"^```toml\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    assert found is not None, f"{PAGE} shows no configuration"
    text = found[1]
    rows = {
        "tcp:6443:interface=0.0.0.0": "tcp:0:interface=127.0.0.1",
        "tls/hoop.pem": f"{home}/gateway/tls/localhost.pem",
        "tls/hoop-key.pem": f"{home}/gateway/tls/localhost.key",
        "tls/internal-ca.pem": f"{home}/target/ca.pem",
        "tcp:orders.internal:443": f"tcp:127.0.0.1:{port}",
    }
    for written, real in rows.items():
        assert f'"{written}"' in text, f"{PAGE}: {written}"
        text = text.replace(f'"{written}"', f'"{real}"')
    return text


def _place(home: Path, gateway: Gateway) -> Place:
    tokens = home / ".demo/tokens"
    web = f"https://localhost:{gateway.ports['web']}"
    rows = {
        "https://hoop.example.com:6443": web,
        "https://hoop.example.com:8443": gateway.url,
        "Bearer $TOKEN": "Bearer $(cat $HOOP_TOKEN_FILE)",
        "e65ccb7b1dce600af89d": _pending(tokens / "bob"),
        "/var/lib/hoop": str(gateway.state),
    }
    environ = {"HOOP_URL": gateway.url, "CURL_CA_BUNDLE": str(gateway.ca)}
    return Place(home, Table(rows), {"tokens": tokens}, environ)


def _pending(token: Path) -> str:
    """The id of the request that waits, in bash; it is filed a moment after its client has begun."""
    ask = f"HOOP_TOKEN_FILE={token} hoop approvals list --ids --limit 1"
    return f'$(for _ in $(seq 100); do id=$({ask}); [ "$id" ] && break; sleep 0.1; done; echo $id)'
